// What changes elsewhere is seen at once, also after a lost connection; a daemon that is away is said so, and comes back.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { axeFindings, newContext, newPage } from "./browser.mjs";
import { Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { makeBase, setupLink, startDaemon, stopDaemon, underpin, underpinJson } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1");
  await makeBase("office-2", "--version", "2");
  await underpin("clone", "office-1", "desk-1", "desk-2");
});

let context, page, mouse;

/** A stretch of network between browser and daemon that can be cut, or swallow all that is sent without a word. */
class Wire {
  static PORT = 9443;
  #pairs = new Set();
  #stalled = false;
  #server;

  #join(pair) {
    const [near, far] = pair;
    near.pipe(far);
    far.pipe(near);
  }

  mend() {
    this.#server = createServer((near) => {
      const pair = [near, connect(8443, "127.0.0.1")];
      this.#pairs.add(pair);
      for (const end of pair) {
        end.on("error", () => {});
        end.on("close", () => this.#pairs.delete(pair) && pair.forEach((other) => other.destroy()));
      }
      if (!this.#stalled) this.#join(pair);
    });
    this.#server.unref();
    return new Promise((resolve) => this.#server.listen(Wire.PORT, "127.0.0.1", resolve));
  }

  cut() {
    this.#server.close();
    for (const pair of this.#pairs) pair.forEach((end) => end.destroy());
  }

  stall() {
    this.#stalled = true;
    for (const pair of this.#pairs) pair.forEach((end) => end.unpipe().pause());
  }

  flow() {
    this.#stalled = false;
    for (const pair of this.#pairs) this.#join(pair);
  }
}

const wire = new Wire();
const AWAY = "The daemon does not answer.";

step("what the command line does is seen without a reload", async () => {
  await wire.mend();
  context = await newContext({ baseURL: `https://127.0.0.1:${Wire.PORT}` });
  page = await newPage(context);
  mouse = new Mouse(page);
  await page.goto(new URL(await setupLink()).pathname + new URL(await setupLink()).hash);
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", "a quiet lunch break");
  await mouse.press("Set up");
  await row(page, "desk-2").waitFor();
  await underpin("clone", "office-1", "desk-3");
  await row(page, "desk-3").waitFor();
  await underpin("hold", "desk-3", "--reason", "exam");
  await row(page, "desk-3").getByText("on hold").first().waitFor();
  await underpin("remove", "desk-3", "--now", "--yes");
  await row(page, "desk-3").waitFor({ state: "detached" });
});

step("two tabs share one event stream, and both see a change", async () => {
  const second = await newPage(context);
  await second.goto("/bases");
  await row(second, "desk-2").waitFor();
  await underpin("hold", "desk-2");
  for (const tab of [page, second]) await row(tab, "desk-2").getByText("on hold").first().waitFor();
  // the tab that reads the stream is closed: the other takes over
  await page.close();
  page = second;
  mouse = new Mouse(page);
  await underpin("release", "desk-2");
  await row(page, "desk-2").getByText("on hold").first().waitFor({ state: "detached" });
});

step("after a lost connection nothing that happened meanwhile is missed", async () => {
  wire.cut();
  await page.getByText(AWAY).waitFor();
  await underpin("clone", "office-1", "desk-4");
  await underpin("remove", "desk-1", "--now", "--yes");
  await wire.mend();
  await page.getByText(AWAY).waitFor({ state: "detached" });
  await row(page, "desk-4").waitFor();
  await row(page, "desk-1").waitFor({ state: "detached" });
});

step("a browser that knows that its network is gone does not wait for the stream to break", async () => {
  // in a world without a network the browser takes itself for offline from the start: it is told what it would tell
  const tell = (type) => page.evaluate((name) => dispatchEvent(new Event(name)), type);
  await context.setOffline(true);
  await tell("offline");
  await page.getByText(AWAY).waitFor();
  await underpin("hold", "desk-4");
  await context.setOffline(false);
  await tell("online");
  await page.getByText(AWAY).waitFor({ state: "detached" });
  await row(page, "desk-4").getByText("on hold").first().waitFor();
  await underpin("release", "desk-4");
});

step("a route that swallows everything is noticed, nobody waits for an answer, and then nothing is missed", async () => {
  wire.stall();
  await underpin("hold", "desk-4");
  await page.locator(".banner").getByText(AWAY).waitFor({ timeout: 60_000 });
  await mouse.choose("desk-2", "Start");
  await page.locator(".toast").getByText(AWAY).waitFor({ timeout: 60_000 });
  await mouse.press("Dismiss");
  const lists = [];
  page.on("request", (request) => request.url().includes("view=list") && lists.push(request.url()));
  wire.flow();
  await page.locator(".banner").getByText(AWAY).waitFor({ state: "detached" });
  await row(page, "desk-4").getByText("on hold").first().waitFor();
  assert.deepEqual(lists, [], "the stream goes on where it was: nothing is read anew");
  await underpin("release", "desk-4");
});

step("a daemon that is away is said so; what is tried meanwhile fails with a word; then all is well again", async () => {
  await stopDaemon();
  await page.getByText(AWAY).waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await mouse.choose("desk-2", "Start");
  await page.locator(".toast").getByText(AWAY).waitFor();
  await mouse.press("Dismiss");
  await startDaemon();
  await page.getByText(AWAY).waitFor({ state: "detached" });
  await underpin("hold", "desk-2", "--reason", "after the restart");
  await row(page, "desk-2").getByText("on hold").first().waitFor();
});

/** The daemon is killed and comes back; the page then makes its plan anew, and presses come while it does. */
async function pressWhilePlanning(name, meanwhile = () => {}) {
  await stopDaemon("SIGKILL");
  await page.locator(".banner").getByText(AWAY).waitFor();
  let letGo;
  const held = new Promise((resolve) => (letGo = resolve));
  const hold = async (route) => {
    await held;
    await route.continue();
  };
  await page.route("**/api/v1/plans", hold, { times: 1 });
  const planning = page.waitForRequest("**/api/v1/plans");
  await startDaemon();
  await planning;
  await meanwhile();
  await mouse.press(name);
  letGo();
}

step("a daemon is killed during a rebase dialog: a plan that says something else then is not taken as confirmed", async () => {
  await underpin("release", "desk-2");
  await mouse.choose("office-1", "Rebase all clones…");
  await topDialog(page).getByRole("radio", { name: /^office-2/ }).check();
  await mouse.press("Next");
  await mouse.press("Show the plan");
  await topDialog(page).getByRole("rowheader", { name: "desk-2" }).waitFor();
  await pressWhilePlanning("Rebase 2 machines", () => underpin("hold", "desk-2"));
  await topDialog(page).getByText("The plan has changed meanwhile").waitFor();
  assert.deepEqual((await underpinJson("job", "list")).items.filter((job) => job.verb === "rebase"), []);
  await underpin("release", "desk-2");
});

step("a daemon is killed during a rebase dialog: a press that comes before the same plan is there again counts", async () => {
  await mouse.press("Back");
  await mouse.press("Show the plan");
  await topDialog(page).getByRole("button", { name: "Rebase 2 machines" }).waitFor();
  await pressWhilePlanning("Rebase 2 machines");
  await topDialog(page).waitFor({ state: "detached" });
  await row(page, "office-2").getByText("2 clones").waitFor();
});

step("a session that ends during a rebase dialog can be gone on with", async () => {
  await mouse.choose("office-2", "Rebase all clones…");
  await topDialog(page).getByRole("radio", { name: /^office-1/ }).check();
  await mouse.press("Next");
  await context.clearCookies();
  // what the page reads in the background may tell it before the press does
  const isPressed = await topDialog(page).getByRole("button", { name: "Show the plan" }).click({ timeout: 2000 }).then(() => true, () => false);
  await topDialog(page).getByText("Your session has ended").waitFor();
  assert.deepEqual(await axeFindings(page), []);
  await mouse.fill("Password", "a quiet lunch break");
  await mouse.press("Log in");
  await topDialog(page).getByText("Your session has ended").waitFor({ state: "detached" });
  if (isPressed) await mouse.press("Back");
  await mouse.press("Show the plan");
  await topDialog(page).getByRole("rowheader", { name: "desk-2" }).waitFor();
  await mouse.press("Close");
});

step("a machine that is removed while its page is shown is said to be gone", async () => {
  await page.goto("/machines/desk-4");
  await page.getByRole("heading", { name: "desk-4" }).waitFor();
  await underpin("remove", "desk-4", "--now", "--yes");
  await page.getByText(/no machine|no such machine|was removed|is gone/i).first().waitFor();
});

step("the browser complained of nothing", () => {
  assertCalm(page);
  wire.cut();
});
