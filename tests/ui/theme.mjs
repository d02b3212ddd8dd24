// What every theme of tests has around it: a world that starts before and ends after, steps that run in order, and a
// screenshot with the end of the daemon's log where one fails.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { closeBrowser, screenshotFailure } from "./browser.mjs";
import { daemonLog, startDaemon, stopDaemon } from "./world.mjs";

let hasFailed = false;

/** prepare: what is to be there beside the daemon. */
export function useWorld(prepare = async () => {}) {
  before(async () => {
    await startDaemon();
    await prepare();
  });
  after(async () => {
    await closeBrowser();
    await stopDaemon();
  });
}

/** One test. Those after one that failed are skipped where they depend on it. */
export function step(name, body, { alone = false } = {}) {
  test(name, async (context) => {
    if (hasFailed && !alone) return context.skip("an earlier step failed");
    try {
      await body();
    } catch (error) {
      hasFailed ||= !alone;
      const shots = await screenshotFailure(name);
      error.message += `\nscreenshots: ${shots.join(" ") || "none"}\nthe end of underpind's log:\n${await daemonLog()}`;
      throw error;
    }
  });
}

/** Nothing has gone wrong in the browser itself. */
export const assertCalm = (page) => assert.deepEqual(page.troubles, [], "the page's console has no errors");
