// Bad input on every form: a message beside the field, in words, tied to it for screen readers; and nothing that is typed
// becomes part of the page.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { machine, makeBase, makeImage, setupLink, underpin } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1");
  await underpin("clone", "office-1", "desk-1");
});

const PASSWORD = "a quiet lunch break";
const HOSTILE = "<img src=x onerror=document.title='broken'>";
let page, mouse;

/** A field's value is refused with a message beside it. */
async function refused(label, value, message, press) {
  await mouse.fill(label, value);
  if (press) await mouse.press(press);
  const dialogs = await page.getByRole("dialog").count();
  const field = (dialogs ? topDialog(page) : page).getByLabel(label, { exact: true });
  await page.getByText(message).first().waitFor();
  assert.equal(await field.getAttribute("aria-invalid"), "true", `${label} '${value}' is marked`);
  const described = (await field.getAttribute("aria-describedby")).split(" ");
  const texts = await Promise.all(described.map((id) => page.locator(`[id="${id}"]`).innerText()));
  assert.match(texts.join(" "), message, `the message on ${label} '${value}' is tied to the field`);
}

const close = async () => {
  await mouse.press("Cancel");
  await page.getByRole("dialog").waitFor({ state: "detached" });
};

step("set-up", async () => {
  page = await newPage(await newContext());
  mouse = new Mouse(page);
  const link = await setupLink();
  await page.goto(link.replace(/.{8}$/, "00000000"));
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", PASSWORD);
  await mouse.press("Set up");
  await page.getByText("This link is not valid any more").waitFor();
  await page.goto("about:blank");
  await page.goto(link);
  await refused("Name of your account", "", /Choose a name/, "Set up");
  await refused("Name of your account", HOSTILE, /begins with a small letter/, "Set up");
  await refused("New password", "short", /5 of at least 8/, "Set up");
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", PASSWORD);
  await mouse.press("Set up");
  await row(page, "desk-1").waitFor();
});

step("clones and updates", async () => {
  await mouse.choose("office-1", "Clone…");
  await refused("How many", "0", /1 to 10,000 clones/);
  await refused("How many", "1000000", /1 to 10,000 clones/);
  await mouse.fill("How many", "2");
  await refused("Names", "desk", /Put \{n\} where the number goes/);
  await refused("Names", `${HOSTILE}{n}`, /letters, digits/);
  await refused("Names", "../../etc/{n}", /letters, digits/);
  await refused("Names", `${"a".repeat(130)}{n}`, /up to 128/);
  await mouse.fill("How many", "1");
  await refused("Names", "desk-1", /desk-1 exists already/);
  await close();
  await mouse.choose("office-1", "Prepare an update…");
  await refused("Name of the next base", "desk-1", /exists already/);
  await refused("Name of the next base", "-x", /letters, digits/);
  await mouse.press("Close");
});

step("a name as long as names can be is shown whole in its dialogs, and does not break the tree", async () => {
  const long = `office-${"x".repeat(121)}`;
  await underpin("clone", "office-1", long);
  await row(page, long).waitFor();
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "nothing sticks out");
  await mouse.choose(long, "Restore…");
  await topDialog(page).getByRole("heading", { name: long }).waitFor();
  const box = await topDialog(page).boundingBox();
  assert.ok(box.x >= 0 && box.x + box.width <= 1280, "the dialog stays in the window");
  await close();
  await underpin("remove", long, "--now", "--yes");
});

step("disk files are imported, what is wrong with them is said beside the fields, and what the daemon refuses is mended there", async () => {
  const path = await makeImage("loose.qcow2");
  await page.goto("/bases");
  await mouse.press("Import a machine…");
  await mouse.press("Disk files without a domain…");
  await refused("Name", "", /Say how the machine is called/, "Show the plan");
  await refused("Name", HOSTILE, /letters, digits/);
  await refused("Name", "desk-1", /exists already/);
  await refused("File of disk 1", "images/loose.qcow2", /whole path/);
  await refused("Memory", "much", /Type a size/);
  await refused("Processors", "0", /1 to 1,024/);
  await mouse.fill("Name", "loose");
  await mouse.fill("Memory", "1 GiB");
  await mouse.fill("Processors", "1");
  await mouse.press("Another disk");
  await mouse.fill("File of disk 1", path.replace("loose", "missing"));
  await refused("File of disk 2", path.replace("loose", "missing"), /named twice/);
  await mouse.press("Leave disk 2 out");
  await mouse.press("Show the plan");
  await topDialog(page).getByText(/missing\.qcow2/).first().waitFor();
  await mouse.press("Cancel");
  await page.getByRole("heading", { name: "Import loose" }).waitFor({ state: "detached" });
  await mouse.fill("File of disk 1", path);
  await mouse.press("Show the plan");
  await topDialog(page).getByRole("rowheader", { name: "loose" }).waitFor();
  await mouse.press("Import");
  await row(page, "loose").waitFor();
  assert.equal((await machine("loose")).volumes[0].role, "system");
});

step("volumes", async () => {
  await page.goto("/machines/desk-1");
  await mouse.press(/^Add/);
  await refused("Size", "plenty", /Type a size/, "Show the plan");
  await refused("Size", "-5", /Type a size/, "Show the plan");
  await close();
});

step("a button that cannot be pressed says why when it is", async () => {
  await page.goto("/machines/desk-1");
  await page.getByRole("button", { name: "Shut down", exact: true }).click({ force: true });
  await page.getByRole("alert").getByText("It is off").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("alert").waitFor({ state: "detached" });
});

step("accounts", async () => {
  await page.goto("/accounts");
  await mouse.press("Add an account…");
  await refused("Name", "", /Choose a name/, "Add and make a link");
  await refused("Name", "Uma", /small letter/, "Add and make a link");
  await refused("Name", "root", /is taken/, "Add and make a link");
  await refused("Name", "anna", /anna/, "Add and make a link");
  await close();
});

step("settings", async () => {
  await page.goto("/settings");
  await refused("Old password", "", /Type your old password/, "Change password");
  await mouse.fill("New password", "another quiet break");
  await refused("Old password", "wrong", /not your old password/, "Change password");
  await mouse.fill("Old password", PASSWORD);
  await refused("New password", "short", /5 of at least 8/, "Change password");
  await mouse.press("New token…");
  await refused("What it is for", "", /Say what it is for/, "Make token");
  await close();
});

step("the last administrator cannot be taken away", async () => {
  await page.goto("/accounts");
  await mouse.press("Menu of anna");
  await mouse.press("Change…", { role: "menuitem" });
  await topDialog(page).getByRole("radio", { name: /^Operator/ }).check();
  await mouse.press("Change");
  await topDialog(page).getByText(/No administrator who can log in would be left/).waitFor();
  await close();
});

step("login", async () => {
  await page.context().clearCookies();
  await page.goto("/login");
  await refused("Name", "", /Type the name/, "Log in");
  await mouse.fill("Name", "anna");
  await refused("Password", "wrong password", /name or the password is wrong/, "Log in");
  await mouse.fill("Name", HOSTILE);
  await refused("Password", "wrong password", /name or the password is wrong/, "Log in");
  assert.notEqual(await page.title(), "broken");
  assertCalm(page);
});
