// Every screen and dialog, light and dark, wide and narrow: axe finds nothing serious, nothing sticks out sideways, and a
// screenshot is taken of each. With UI_IMAGES=DIRECTORY those that the documentation shows are put there.
import assert from "node:assert/strict";
import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { axeFindings, newContext, newPage, SIZE } from "./browser.mjs";
import { Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { guestBooted, makeBase, makeDomain, OUTPUT, setupLink, underpin, until } from "./world.mjs";

const PASSWORD = "a quiet lunch break";
const NARROW = { width: 390, height: 844 };

// What the documentation shows: docs/images/NAME.png.
const DOCUMENTED = ["bases", "rebase-plan", "job", "machine", "console", "storage", "mine", "bases-dark"];

useWorld(async () => {
  await makeBase("office-1", "--screen");
  await makeBase("lab-1", "--extra", "data");
  await underpin("clone", "office-1", "office-2", "accounting", "frontdesk", "meeting-room", "reception");
  await underpin("prepare", "office-2", "--yes");
  await underpin("clone", "lab-1", "lab-pc-01", "lab-pc-02", "lab-pc-03");
  await makeDomain("warehouse");
  await underpin("start", "reception");
  await guestBooted("reception");
  await underpin("rebase", "frontdesk", "meeting-room", "--onto", "office-2", "--yes");
  await underpin("hold", "accounting", "--reason", "year-end closing");
});

let page, mouse;
const looks = [];

const isDocumented = (name) => process.env.UI_IMAGES && DOCUMENTED.includes(name);

async function shoot(name) {
  await page.screenshot({ path: join(OUTPUT, `${name}.png`), animations: "disabled", caret: "hide" });
  if (!isDocumented(name)) return;
  await mkdir(process.env.UI_IMAGES, { recursive: true });
  await copyFile(join(OUTPUT, `${name}.png`), join(process.env.UI_IMAGES, `${name}.png`));
}

async function examine(name) {
  for (const finding of await axeFindings(page)) looks.push(`${name}: ${finding}`);
}

/** Looks at what is shown in all its forms. */
async function look(name) {
  await shoot(name);
  await examine(name);
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(`${name}-dark`);
  await examine(`${name}, dark`);
  await page.setViewportSize(NARROW);
  await shoot(`${name}-narrow-dark`);
  await page.emulateMedia({ colorScheme: "light" });
  await shoot(`${name}-narrow`);
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (sideways > 0) looks.push(`${name}, narrow: sticks out by ${sideways} pixels`);
  await page.setViewportSize(SIZE);
}

/** All findings of a step together: one run shows all that is wrong. */
const assertGoodLooks = () => assert.deepEqual(looks.splice(0), []);

const close = async () => {
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
};

step("set-up and login", async () => {
  page = await newPage(await newContext());
  mouse = new Mouse(page);
  await page.goto(await setupLink());
  await page.getByLabel("New password").waitFor();
  await look("setup");
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", PASSWORD);
  await mouse.press("Set up");
  await row(page, "reception").waitFor();
  await mouse.press(/^A\s*anna|anna/);
  await page.getByRole("menu").waitFor();
  await look("account-menu");
  await mouse.press("Log out", { role: "menuitem" });
  await page.getByLabel("Password").waitFor();
  await look("login");
  await mouse.fill("Name", "anna");
  await mouse.fill("Password", PASSWORD);
  await mouse.press("Log in");
  await row(page, "reception").waitFor();
  assertGoodLooks();
});

step("bases", async () => {
  await row(page, "reception").getByText("MiB").or(row(page, "reception").getByText("KiB")).first().waitFor();
  await look("bases");
  await row(page, "accounting").locator(".cell-tick").click();
  await row(page, "reception").locator(".cell-tick").click();
  await page.getByRole("region", { name: "Selection" }).waitFor();
  await look("selection");
  await mouse.press("Clear");
  await row(page, "office-1").getByRole("button", { name: "Menu of office-1" }).click();
  await page.getByRole("menu").waitFor();
  await look("base-menu");
  await page.keyboard.press("Escape");
  assertGoodLooks();
});

step("dialogs of a base", async () => {
  await mouse.choose("office-1", "Clone…");
  await mouse.fill("How many", "24");
  await look("clone");
  await close();
  await mouse.choose("office-1", "Prepare an update…");
  await topDialog(page).getByLabel("Name of the next base").waitFor();
  await look("update");
  await close();
  await mouse.press("Import a machine…");
  await mouse.press("Disk files without a domain…");
  await mouse.press("Another disk");
  await look("import-files");
  await close();
  await mouse.press("Import a machine…");
  await look("import-choose");
  await mouse.press("Choose");
  await look("import-roles");
  await mouse.press("Confirm the roles");
  await topDialog(page).getByRole("rowheader", { name: "warehouse" }).waitFor();
  await look("import-plan");
  await close();
  await mouse.choose("reception", "Remove…");
  await topDialog(page).getByRole("radio").first().waitFor();
  await look("remove");
  await close();
  assertGoodLooks();
});

step("rebase", async () => {
  await mouse.choose("office-1", "Rebase all clones…");
  await topDialog(page).getByText("made from office-1").waitFor();
  // those of a base that does not fit are open already
  await topDialog(page).getByRole("button", { name: "Outlines" }).first().click();
  await look("rebase-target");
  await mouse.press("Next");
  await look("rebase-how");
  await mouse.press("Show the plan");
  await topDialog(page).getByRole("rowheader", { name: "reception" }).waitFor();
  await look("rebase-plan");
  await mouse.press(/^Rebase/);
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assertGoodLooks();
});

/** A screen by its address, when its heading is there and nothing is being read any more. */
async function go(path, heading) {
  await page.goto(path);
  await page.getByRole("heading", { name: heading, level: 1 }).waitFor();
  await until("everything is read", async () => (await page.locator(".spinner, .loading").count()) === 0);
}

step("jobs and one job", async () => {
  await go("/jobs", "Jobs");
  await look("jobs");
  await mouse.press(/^Rebase/, { role: "link" });
  await page.locator(".job-summary").waitFor();
  await look("job");
  assertGoodLooks();
});

step("machines, a machine, a base, the console", async () => {
  await go("/machines", "Machines");
  await look("machines");
  await go("/machines/frontdesk", /^frontdesk/);
  await look("machine");
  await go("/bases/office-1", /^office-1/);
  await look("base");
  const layersBelow = () => page.locator("tr", { hasText: "vda" }).first().locator("td").last().innerText();
  assert.match(await layersBelow(), /none$/);
  await go("/bases/office-2", /^office-2/);
  assert.match(await layersBelow(), /1$/);
  await go("/machines/frontdesk/console", /^frontdesk/);
  await look("console-off");
  await go("/machines/reception/console", /^reception/);
  await page.locator(".console-screen canvas").waitFor();
  await page.getByText("Click into the screen").waitFor();
  await look("console");
  assertGoodLooks();
});

step("storage, accounts, audit, settings, nothing", async () => {
  await go("/storage", "Storage");
  await look("storage");
  await go("/accounts", "Accounts");
  await mouse.press("Add an account…");
  await mouse.fill("Name", "uma");
  await topDialog(page).getByRole("button", { name: /Assign reception/ }).click();
  await topDialog(page).getByRole("button", { name: /Assign frontdesk/ }).click();
  await look("account-add");
  await mouse.press("Add and make a link");
  await topDialog(page).getByLabel("Link").waitFor();
  const link = await topDialog(page).getByLabel("Link").inputValue();
  await mouse.press("Done");
  await look("accounts");
  await go("/audit", "Audit");
  await look("audit");
  await go("/settings", "Settings");
  await look("settings");
  await page.goto("/nowhere");
  await page.getByText("There is nothing at this address").waitFor();
  await look("nowhere");
  assertCalm(page);
  page = await newPage(await newContext());
  mouse = new Mouse(page);
  await page.goto(link);
  await mouse.fill("New password", PASSWORD);
  await mouse.press("Set password");
  await page.getByRole("article").first().waitFor();
  await look("mine");
  await page.getByRole("article", { name: "reception" }).getByRole("button", { name: "Restore…" }).click();
  await topDialog(page).getByText("KEPT").first().waitFor();
  await look("mine-restore");
  await close();
  await go("/machines/reception", /^reception/);
  await look("mine-machine");
  assertGoodLooks();
  assertCalm(page);
});
