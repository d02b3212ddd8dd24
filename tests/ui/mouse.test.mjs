// The main job by the mouse alone, from the set-up link to undo, with one clone running on a real guest.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { assertMouseAlone, countHands, jobState, Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { contentOf, guest, guestBooted, isOff, isSettled, machine, makeDomain, scribble, setupLink, underpin, underpinJson, until, virsh } from "./world.mjs";

useWorld(() => makeDomain("office-1", "--screen"));

let page, mouse;
const before = {};

step("the set-up link makes the first administrator", async () => {
  const context = await newContext();
  await countHands(context);
  page = await newPage(context);
  mouse = new Mouse(page);
  await page.goto(await setupLink());
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", "a quiet lunch break");
  await mouse.press("Set up");
  await page.getByRole("heading", { name: "Bases" }).waitFor();
  await page.getByText("anna").first().waitFor();
});

step("a domain is imported, its roles shown and confirmed", async () => {
  await mouse.press("Import a machine…");
  await mouse.press("Choose");
  await topDialog(page).getByLabel(/^vdb/).selectOption("temporary");
  await mouse.press("Confirm the roles");
  await topDialog(page).getByRole("cell", { name: "office-1" }).or(topDialog(page).getByRole("rowheader", { name: "office-1" })).waitFor();
  await mouse.press("Import");
  await row(page, "office-1").waitFor();
  const { volumes } = await machine("office-1");
  assert.deepEqual(volumes.map(({ role }) => role), ["system", "temporary", "data"]);
});

step("it is prepared as a base", async () => {
  await mouse.choose("office-1", "Prepare as a base…");
  await topDialog(page).getByText("SEALED").first().waitFor();
  await mouse.press("Prepare as a base");
  await row(page, "office-1").getByText("0 clones").waitFor();
  assert.equal((await machine("office-1")).kind, "base");
});

step("three clones are made by count and pattern, their names shown before", async () => {
  await mouse.choose("office-1", "Clone…");
  await mouse.fill("How many", "3");
  await mouse.fill("Names", "desk-{n}");
  await topDialog(page).getByText("desk-3").waitFor();
  await mouse.press("Make 3 clones");
  for (const name of ["desk-1", "desk-2", "desk-3"]) await row(page, name).waitFor();
});

step("two are started together from the selection", async () => {
  for (const name of ["desk-1", "desk-2"]) await row(page, name).locator(".cell-tick").click();
  await page.getByText("2 machines selected").waitFor();
  await mouse.press("Start");
  for (const name of ["desk-1", "desk-2"]) await row(page, name).getByText("running").waitFor();
  await mouse.press("Clear");
  for (const name of ["desk-1", "desk-2"]) {
    await scribble(name, `before-${name}`);
    before[name] = await contentOf(name);
    assert.equal(before[name].version, "1");
  }
});

step("one is shut down again, and the page sees it stop", async () => {
  await mouse.choose("desk-1", "Shut down");
  await row(page, "desk-1").getByText("off", { exact: true }).waitFor();
  await until("desk-1 is settled", () => isSettled("desk-1"));
});

step("an update is prepared: clone, change from inside, shut down, prepare", async () => {
  await mouse.choose("office-1", "Prepare an update…");
  await mouse.fill("Name of the next base", "office-2");
  await mouse.press("Clone for maintenance");
  await mouse.press("Start office-2");
  await topDialog(page).getByRole("link", { name: "Open its console" }).waitFor();
  await guest("office-2", "echo 2 >/etc/system-version; sync");
  await mouse.press("Shut down");
  await mouse.press("Prepare as a base…");
  await mouse.press("Prepare as a base");
  await topDialog(page).getByText("is a base now").waitFor();
  assert.equal((await machine("office-2")).kind, "base");
});

step("the plan's words are the API's, before anything happens", async () => {
  await mouse.press("Rebase all clones of office-1…");
  await mouse.press("Show the plan");
  const answer = page.waitForResponse((response) => response.url().endsWith("/api/v1/plans"));
  const plan = await (await answer).json();
  const dialog = topDialog(page);
  await dialog.getByRole("region", { name: /^The plan for/ }).waitFor();
  assert.deepEqual(Object.fromEntries(plan.items.map(({ machine: name, decision }) => [name, decision])), { "desk-1": "now", "desk-2": "pending", "desk-3": "now" });
  for (const item of plan.items) {
    const shown = dialog.getByRole("row").filter({ has: page.getByRole("rowheader", { name: item.machine, exact: true }) });
    const text = await shown.innerText();
    for (const { role, fate } of item.volumes) assert.match(text, new RegExp(`${role} ${fate}`), `${item.machine}: ${role} ${fate}`);
    if (item.reason) assert.ok(text.includes(item.reason), `${item.machine}: ${item.reason}`);
    for (const warning of item.warnings) assert.ok(text.includes(warning), `${item.machine}: ${warning}`);
  }
  assert.ok((await dialog.innerText()).includes("REPLACED"));
  assert.equal((await machine("desk-1")).base, "office-1", "nothing has happened yet");
});

step("all clones are rebased; the running one goes on, and its page says that it waits", async () => {
  await mouse.press("Rebase 3 machines");
  await page.locator(".toast").filter({ hasText: "all clones of office-1" }).getByRole("link", { name: "Show the job" }).click();
  await page.getByRole("heading", { name: /^Rebase all clones of office-1/ }).waitFor();
  await jobState(page, "pending");
  await page.getByText("2 done, 1 pending").waitFor();
  assert.deepEqual(await contentOf("desk-2"), before["desk-2"], "the running clone is not disturbed");
});

step("the user's own reboot is the move, and the job's page sees it", async () => {
  await guest("desk-2", "reboot");
  await jobState(page, "done");
  await page.getByText("3 done").waitFor();
  await until("desk-2 is on the new base", async () => (await machine("desk-2")).base === "office-2");
  await guestBooted("desk-2");
  const after = await contentOf("desk-2");
  assert.deepEqual(after, { ...before["desk-2"], version: "2", system: "-", temporary: "-" });
});

step("undo of one machine from the job", async () => {
  await virsh("shutdown", "desk-2");
  await until("desk-2 is off", () => isOff("desk-2"));
  await until("desk-2 is settled", () => isSettled("desk-2"));
  await mouse.press("Undo desk-1");
  await topDialog(page).getByText("REPLACED").first().waitFor();
  await mouse.press("Undo");
  await until("desk-1 is back on its old base", async () => (await machine("desk-1")).base === "office-1" && isSettled("desk-1"));
  await mouse.press("Bases", { role: "link" });
  await row(page, "desk-1").getByText("on hold").first().waitFor();
  await mouse.choose("desk-1", "Start");
  await row(page, "desk-1").getByText("running").waitFor();
  assert.deepEqual(await contentOf("desk-1"), { ...before["desk-1"], temporary: "-" });
});

step("room is made: what undo holds is forgotten, and what is in the trash is deleted", async () => {
  assert.equal((await machine("desk-2")).undo.length, 1);
  await mouse.press("Machines", { role: "link" });
  await mouse.press("desk-2", { role: "link" });
  await mouse.press("Forget…");
  await topDialog(page).getByText("DELETED").first().waitFor();
  await mouse.press("Forget undo");
  await page.getByText("There is nothing to undo").waitFor();
  assert.equal((await machine("desk-2")).undo.length, 0);
  await underpin("remove", "desk-3", "--yes");
  await mouse.press("Storage", { role: "link" });
  await page.getByText("desk-3 vdc").waitFor();
  await mouse.press("Empty the trash…");
  await topDialog(page).getByText("DELETED").first().waitFor();
  await mouse.press("Delete kept data");
  await page.getByText("None. When a machine is removed").waitFor();
  assert.deepEqual((await underpinJson("volume", "kept")).items, []);
});

step("no key was needed, and the browser complained of nothing", async () => {
  await assertMouseAlone(page);
  assertCalm(page);
});
