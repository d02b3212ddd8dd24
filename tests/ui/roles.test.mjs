// Accounts and roles: who is invited, what each is offered, and what the daemon refuses whoever does not ask the page. A user
// restores a machine, and sees its screen.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { contentOf, isSettled, machine, makeBase, scribble, setupLink, underpin, until } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1");
  await underpin("clone", "office-1", "desk-1", "desk-2");
});

const PASSWORD = "a quiet lunch break";
const pages = {};

/** A profile of its own, which follows a link that sets a password. */
async function follow(name, link, ownName) {
  const page = await newPage(await newContext());
  const mouse = new Mouse(page);
  await page.goto(link);
  if (ownName) await mouse.fill("Name of your account", ownName);
  await mouse.fill("New password", PASSWORD);
  await mouse.press(ownName ? "Set up" : "Set password");
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  pages[name] = page;
  return page;
}

/** Asks the daemon as somebody, past the page; the status of its answer. */
async function ask(name, method, path, data) {
  const { request } = pages[name].context();
  const { csrf } = await (await request.get("/api/v1/session")).json();
  const answer = await request.fetch(`/api/v1${path}`, { method, data, headers: { "X-CSRF-Token": csrf } });
  return answer.status();
}

const navigation = async (name) => (await pages[name].getByRole("navigation", { name: "Main" }).getByRole("link").allInnerTexts()).map((text) => text.split("\n")[0]);

async function menuOf(page, opener) {
  await opener.click();
  const entries = await page.getByRole("menuitem").allInnerTexts();
  await page.keyboard.press("Escape");
  return entries.map((text) => text.split("\n")[0].trim());
}

step("an administrator invites an operator, and a user with one machine", async () => {
  const page = await follow("administrator", await setupLink(), "anna");
  const mouse = new Mouse(page);
  await mouse.press("Accounts", { role: "link" });
  const invite = async (name, role, machineName) => {
    await mouse.press("Add an account…");
    await mouse.fill("Name", name);
    await topDialog(page).getByRole("radio", { name: new RegExp(`^${role}`) }).check();
    if (machineName) await topDialog(page).getByRole("button", { name: new RegExp(`Assign ${machineName}`) }).click();
    await mouse.press("Add and make a link");
    const link = await topDialog(page).getByLabel("Link").inputValue();
    await mouse.press("Done");
    return link;
  };
  const links = { operator: await invite("otto", "Operator"), user: await invite("uma", "User", "desk-1") };
  await follow("operator", links.operator);
  await follow("user", links.user);
});

step("each is offered what the role may do, and nothing else", async () => {
  assert.deepEqual(await navigation("administrator"), ["Bases", "Machines", "Jobs", "Storage", "Accounts", "Audit"]);
  assert.deepEqual(await navigation("operator"), ["Bases", "Machines", "Jobs", "Storage"]);
  assert.deepEqual(await navigation("user"), ["Machines"]);
  const page = pages.operator;
  const entries = await menuOf(page, row(page, "desk-2").getByRole("button", { name: "Menu of desk-2" }));
  for (const allowed of ["Start", "Restore…"]) assert.ok(entries.includes(allowed), `an operator is offered ${allowed}`);
  for (const forbidden of ["Rebase…", "Hold…", "Detach…", "Prepare as a base…", "Remove…"]) assert.ok(!entries.includes(forbidden), `an operator is not offered ${forbidden}`);
  const base = await menuOf(page, row(page, "office-1").getByRole("button", { name: "Menu of office-1" }));
  assert.deepEqual(base, ["Details"]);
  assert.equal(await page.getByRole("button", { name: "Import a machine…" }).count(), 0);
});

step("a user sees the machine that is assigned, and no other exists", async () => {
  const page = pages.user;
  assert.deepEqual(await page.getByRole("article").evaluateAll((cards) => cards.map((card) => card.getAttribute("aria-label"))), ["desk-1"]);
  for (const path of ["/bases", "/bases/office-1", "/jobs", "/storage", "/accounts", "/audit"]) {
    await page.goto(path);
    await page.getByText("There is nothing at this address").waitFor();
  }
  await page.goto("/machines/desk-2");
  await page.getByText("There is no such machine").waitFor();
});

step("the daemon refuses what the page does not offer", async () => {
  const { items: verbs } = await (await pages.administrator.context().request.get("/api/v1/verbs")).json();
  const ranks = ["user", "operator", "administrator"];
  for (const role of ["user", "operator"]) {
    for (const { name, role: least } of verbs.filter((verb) => ranks.indexOf(verb.role) > ranks.indexOf(role))) {
      assert.equal(await ask(role, "POST", "/jobs", { verb: name, machines: ["desk-1"] }), 403, `${role}: a job to ${name}, which is for the ${least}`);
      assert.equal(await ask(role, "POST", "/plans", { verb: name, machines: ["desk-1"] }), 403, `${role}: a plan to ${name}`);
    }
    for (const path of ["/accounts", "/audit", "/domains", "/doctor", "/kept-volumes"]) assert.equal(await ask(role, "GET", path), 403, `${role}: ${path}`);
    assert.equal(await ask(role, "POST", "/accounts", { name: "eve", role: "administrator" }), 403, `${role}: an account`);
    assert.equal(await ask(role, "PATCH", "/accounts/uma", { role: "administrator" }), 403, `${role}: a role`);
    assert.equal(await ask(role, "DELETE", "/accounts/anna"), 403, `${role}: an account's end`);
  }
  for (const path of ["/status", "/storage", "/layers"]) assert.equal(await ask("user", "GET", path), 403, `user: ${path}`);
  for (const path of ["/machines/desk-2", "/machines/office-1", "/machines/desk-2/history", "/machines/desk-2/space"]) assert.equal(await ask("user", "GET", path), 404, `user: ${path}`);
  for (const verb of ["start", "restore"]) assert.equal(await ask("user", "POST", "/jobs", { verb, machines: ["desk-2"] }), 404, `user: ${verb} desk-2`);
  assert.equal((await machine("desk-2")).power, "off");
});

step("without the session's own token nothing is changed", async () => {
  const { request } = pages.administrator.context();
  const data = { verb: "start", machines: ["desk-2"] };
  assert.equal((await request.post("/api/v1/jobs", { data })).status(), 403);
  assert.equal((await request.post("/api/v1/jobs", { data, headers: { "X-CSRF-Token": "wrong" } })).status(), 403);
});

step("a user starts the machine, works, and restores it with a clear word on what is kept", async () => {
  const page = pages.user;
  const mouse = new Mouse(page);
  await page.goto("/");
  await mouse.press("Start");
  await page.getByText("On", { exact: true }).waitFor();
  await scribble("desk-1", "mine");
  const before = await contentOf("desk-1");
  await mouse.press("Restore…");
  const dialog = topDialog(page);
  for (const fate of ["KEPT", "REPLACED", "RESET"]) await dialog.getByText(fate, { exact: true }).waitFor();
  await dialog.getByRole("radio", { name: /^Now/ }).check();
  await mouse.press("Restore");
  await until("desk-1 has been restored", async () => (await machine("desk-1")).generation > 1);
  await until("it runs again", async () => (await machine("desk-1")).power === "running");
  assert.deepEqual(await contentOf("desk-1"), { ...before, system: "-", temporary: "-" });
});

step("whose session was ended by an administrator is asked to log in", async () => {
  const page = pages.operator;
  const admin = new Mouse(pages.administrator);
  await pages.administrator.getByRole("button", { name: "Menu of otto" }).click();
  await admin.press("Disable", { role: "menuitem" });
  await pages.administrator.getByText("disabled").waitFor();
  await topDialog(page).getByText("Your session has ended").waitFor();
  assert.equal((await page.context().request.get("/api/v1/machines")).status(), 401);
});

step("the audit trail tells who did what", async () => {
  const page = pages.administrator;
  await new Mouse(page).press("Audit", { role: "link" });
  const trail = page.getByRole("region", { name: "Audit trail" });
  await trail.getByRole("row").filter({ hasText: "uma" }).filter({ hasText: "desk-1" }).filter({ hasText: /restore/i }).first().waitFor();
  await trail.getByRole("row").filter({ hasText: "otto" }).first().waitFor();
});

step("the browsers complained of nothing", () => Object.values(pages).forEach(assertCalm));
