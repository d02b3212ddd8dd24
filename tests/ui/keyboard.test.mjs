// The main job by the keyboard alone: no press of the mouse from the set-up link to undo.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { assertKeyboardAlone, countHands, jobState, Keyboard, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { contentOf, guest, isSettled, machine, makeDomain, scribble, setupLink, until } from "./world.mjs";

useWorld(() => makeDomain("office-1"));

let page, keys, before;

step("the set-up link makes the first administrator", async () => {
  const context = await newContext();
  await countHands(context);
  page = await newPage(context);
  keys = new Keyboard(page);
  await page.goto(await setupLink());
  await keys.fill("Name of your account", "anna");
  await keys.fill("New password", "a quiet lunch break");
  await keys.press("Enter");
  await page.getByRole("heading", { name: "Bases" }).waitFor();
});

step("a domain is imported", async () => {
  await keys.activate("button", "Import a machine…");
  await keys.activate("button", "Choose");
  await keys.tabTo("combobox", /^vdb/);
  await keys.type("temp");
  await keys.activate("button", "Confirm the roles");
  await topDialog(page).getByText("office-1").first().waitFor();
  await keys.activate("button", "Import");
  await row(page, "office-1").waitFor();
  assert.deepEqual((await machine("office-1")).volumes.map(({ role }) => role), ["system", "temporary", "data"]);
});

step("it is prepared and cloned from the menu of its row", async () => {
  await keys.choose("office-1", "Prepare as a base…");
  await keys.activate("button", "Prepare as a base");
  await row(page, "office-1").getByText("0 clones").waitFor();
  await keys.choose("office-1", "Clone…");
  await keys.fill("How many", "2", "spinbutton");
  await keys.fill("Names", "desk-{n}");
  await keys.press("Enter");
  for (const name of ["desk-1", "desk-2"]) await row(page, name).waitFor();
});

step("one is started", async () => {
  await keys.choose("desk-2", "Start");
  await row(page, "desk-2").getByText("running").waitFor();
  await scribble("desk-2", "before");
  before = await contentOf("desk-2");
});

step("an update is prepared", async () => {
  await keys.choose("office-1", "Prepare an update…");
  await keys.fill("Name of the next base", "office-2");
  await keys.activate("button", "Clone for maintenance");
  await keys.activate("button", "Start office-2");
  await topDialog(page).getByRole("link", { name: "Open its console" }).waitFor();
  await guest("office-2", "echo 2 >/etc/system-version; sync; poweroff");
  await topDialog(page).getByRole("button", { name: "Start office-2" }).waitFor();
  await keys.activate("button", "Prepare as a base…");
  await keys.activate("button", "Prepare as a base");
  await topDialog(page).getByText("is a base now").waitFor();
});

step("all clones are rebased from the plan", async () => {
  await keys.activate("button", "Rebase all clones of office-1…");
  await keys.activate("button", "Show the plan");
  await topDialog(page).getByRole("rowheader", { name: "desk-1" }).waitFor();
  await keys.activate("button", "Rebase 2 machines");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.deepEqual(await contentOf("desk-2"), before, "the running clone is not disturbed");
});

step("the job is found by keys, and sees the running clone move when it stops", async () => {
  await keys.press("Tab"); // in the tree, to which the focus has gone back, letters jump to names
  await keys.press("g", "j");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  await keys.activate("link", /^Rebase/);
  await jobState(page, "pending");
  await guest("desk-2", "poweroff");
  await jobState(page, "done");
  await until("desk-2 is settled on the new base", async () => (await isSettled("desk-2")) && (await machine("desk-2")).base === "office-2");
});

step("undo of all from the job takes those that had something to lose", async () => {
  await keys.activate("button", "Undo all (2)…");
  await topDialog(page).getByText("there is nothing to undo for 'desk-1'").waitFor();
  await keys.activate("button", "Undo");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await until("desk-2 is back", async () => (await machine("desk-2")).base === "office-1");
  await keys.press("g", "b");
  await keys.choose("desk-2", "Start");
  await row(page, "desk-2").getByText("running").waitFor();
  assert.deepEqual(await contentOf("desk-2"), { ...before, temporary: "-" });
});

step("the mouse was not needed, and the browser complained of nothing", async () => {
  await assertKeyboardAlone(page);
  assertCalm(page);
});
