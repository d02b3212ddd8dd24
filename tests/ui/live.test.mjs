// What changes elsewhere is seen at once, also after a lost connection; a daemon that is away is said so, and comes back.
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import { axeFindings, newContext, newPage } from "./browser.mjs";
import { Mouse, row, topDialog } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { makeBase, setupLink, startDaemon, stopDaemon, underpin, until } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1");
  await makeBase("office-2", "--version", "2");
  await underpin("clone", "office-1", "desk-1", "desk-2");
});

let context, page, mouse;

/** A stretch of network between browser and daemon that can be cut. */
class Wire {
  static PORT = 9443;
  #ends = new Set();
  #server;

  mend() {
    this.#server = createServer((near) => {
      const far = connect(8443, "127.0.0.1");
      for (const [end, other] of [[near, far], [far, near]]) {
        this.#ends.add(end);
        end.pipe(other);
        end.on("error", () => other.destroy());
        end.on("close", () => this.#ends.delete(end) && other.destroy());
      }
    });
    this.#server.unref();
    return new Promise((resolve) => this.#server.listen(Wire.PORT, "127.0.0.1", resolve));
  }

  cut() {
    this.#server.close();
    for (const end of this.#ends) end.destroy();
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

step("a daemon that is killed during a rebase dialog is back before the plan is confirmed", async () => {
  await underpin("release", "desk-2");
  await mouse.choose("office-1", "Rebase all clones…");
  await topDialog(page).getByRole("radio", { name: /^office-2/ }).check();
  await mouse.press("Next");
  await mouse.press("Show the plan");
  await topDialog(page).getByRole("rowheader", { name: "desk-2" }).waitFor();
  await stopDaemon("SIGKILL");
  await page.getByText(AWAY).first().waitFor();
  await startDaemon();
  await page.locator(".banner").getByText(AWAY).waitFor({ state: "detached" });
  // the plan is made anew when the daemon is back: a press that comes meanwhile does nothing, and is repeated
  await until("the rebase is submitted", async () => {
    await mouse.press("Rebase 2 machines");
    return topDialog(page).waitFor({ state: "detached", timeout: 3000 }).then(() => true, () => false);
  });
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
