// What people do who are in a hurry, or who do two things at once: double clicks, the back button, machines that are gone.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { jobState, Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { directoryOf, machine, makeBase, setFlags, setupLink, underpin, underpinJson, until } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1");
  await makeBase("office-2", "--version", "2");
  await underpin("clone", "office-1", "desk-1", "desk-2");
});

const MANY = 1000;
let page, mouse;

const jobsOf = async (verb) => (await underpinJson("job", "list")).items.filter((job) => job.verb === verb);

step("a double click makes clones once", async () => {
  page = await newPage(await newContext());
  mouse = new Mouse(page);
  await page.goto(await setupLink());
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", "a quiet lunch break");
  await mouse.press("Set up");
  await row(page, "desk-1").waitFor();
  const before = (await jobsOf("clone")).length;
  await mouse.choose("office-1", "Clone…");
  await mouse.fill("Names", "twice");
  await topDialog(page).getByRole("button", { name: "Make the clone" }).dblclick();
  await row(page, "twice").waitFor();
  assert.equal((await jobsOf("clone")).length, before + 1);
});

step("the back button leaves a dialog behind, and nothing is done", async () => {
  await page.goto("/jobs");
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  await mouse.press("Bases", { role: "link" });
  await mouse.choose("desk-1", "Restore…");
  await topDialog(page).getByText("REPLACED").first().waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal((await jobsOf("restore")).length, 0);
  await page.goForward();
  await row(page, "desk-1").waitFor();
});

step("a plan whose machine is removed meanwhile says so when it is confirmed", async () => {
  await mouse.choose("twice", "Restore…");
  await topDialog(page).getByText("REPLACED").first().waitFor();
  await underpin("remove", "twice", "--now", "--yes");
  await row(page, "twice").waitFor({ state: "detached" });
  await mouse.press("Restore");
  await page.getByText(/'twice'/).last().waitFor();
  await page.keyboard.press("Escape");
});

step("one machine of a rebase fails: the job says why, and when the cause is gone Retry failed takes that one alone", async () => {
  const directory = await directoryOf("desk-2");
  await setFlags("+i", directory);
  await mouse.choose("office-1", "Rebase all clones…");
  await topDialog(page).getByRole("radio", { name: /^office-2/ }).check();
  await mouse.press("Next");
  await mouse.press("Show the plan");
  await mouse.press("Rebase 2 machines");
  await mouse.press("Show the job", { role: "link", inside: page.locator(".toast").filter({ hasText: "Rebase" }) });
  await jobState(page, "done", "failed");
  const items = page.getByRole("region", { name: "Machines of the job" });
  await items.getByRole("row").filter({ hasText: "desk-1" }).getByText("done", { exact: true }).waitFor();
  const failed = items.getByRole("row").filter({ hasText: "desk-2" });
  await failed.getByText("failed", { exact: true }).waitFor();
  await failed.getByText(/Operation not permitted/).waitFor();
  assert.equal((await machine("desk-2")).base, "office-1");
  await setFlags("-i", directory);
  const first = page.url();
  await mouse.press("Retry failed (1)");
  await page.waitForURL((url) => String(url) !== first);
  await jobState(page, "done");
  assert.deepEqual(await items.getByRole("rowheader").allInnerTexts(), ["desk-2"]);
  for (const name of ["desk-1", "desk-2"]) assert.equal((await machine(name)).base, "office-2");
  await mouse.press("Bases", { role: "link" });
  await row(page, "office-2").getByText("2 clones").waitFor();
});

step(`${MANY} clones are made from one dialog, and the page keeps up`, async () => {
  await mouse.choose("office-1", "Clone…");
  await mouse.fill("How many", String(MANY));
  await mouse.fill("Names", "lab-{n}");
  await mouse.press("Make 1,000 clones");
  await page.getByText(`${(MANY + 2).toLocaleString("en")} clones`).first().waitFor({ timeout: 120_000 });
  await until("the job is done", async () => (await jobsOf("clone")).every((job) => job.state === "done"));
  await page.getByLabel("Filter by name").fill("lab-99");
  await row(page, "lab-999").waitFor();
  assert.equal((await machine("lab-999")).base, "office-1");
  await page.getByLabel("Filter by name").fill("");
});

step("all of them are put on hold from the selection", async () => {
  await page.getByLabel("Filter by name").fill("lab-");
  await mouse.press("Select all");
  await page.getByText("1,000 machines selected").waitFor();
  await mouse.press("Hold…");
  await mouse.fill("Reason", "exams");
  await mouse.press("Hold");
  await row(page, "lab-1").getByText("on hold").first().waitFor({ timeout: 60_000 });
  assertCalm(page);
});
