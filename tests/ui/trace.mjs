// How long people wait for the page with very many machines, as the browser itself measures it. For the benchmark:
//
//   node trace.mjs ADDRESS ACCOUNT PASSWORD ROUNDS
//
// prints a line "WHAT SECONDS" for each measurement. Each round is a new profile: nothing is cached.
import { closeBrowser, newContext, newPage } from "./browser.mjs";

const [address, name, password, rounds] = process.argv.slice(2);
const FRAMES = 60;
const print = (what, milliseconds) => console.log(what, (milliseconds / 1000).toFixed(4));

/** In the page, before all else: a mark when rows have been painted, and the durations of events as they come. */
function watch() {
  const look = () => {
    if (!document.querySelector("[role=treegrid] [role=row][aria-level]")) return requestAnimationFrame(look);
    requestAnimationFrame(() => setTimeout(() => performance.mark("rows")));
  };
  requestAnimationFrame(look);
  globalThis.events = [];
  new PerformanceObserver((list) => globalThis.events.push(...list.getEntries())).observe({ type: "event", durationThreshold: 16 });
}

/** The longest event, from the input until the next paint, while something is done. The browser tells of 16 ms and more. */
async function longestEvent(page, work) {
  await page.evaluate(() => void (globalThis.events.length = 0));
  await work();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100))));
  return page.evaluate(() => Math.max(16, ...globalThis.events.map(({ duration }) => duration)));
}

/** The longest time between two frames while the grid is scrolled from end to end. */
const longestFrame = (page) =>
  page.getByRole("treegrid").evaluate(
    (grid, frames) =>
      new Promise((resolve) => {
        let [longest, last, count] = [0, performance.now(), 0];
        const turn = (now) => {
          if (count > 0) longest = Math.max(longest, now - last);
          last = now;
          grid.scrollTop = (count / frames) * (grid.scrollHeight - grid.clientHeight);
          if (count++ < frames) requestAnimationFrame(turn);
          else resolve(longest);
        };
        requestAnimationFrame(turn);
      }),
    FRAMES,
  );

async function measure() {
  const context = await newContext({ baseURL: address });
  await context.addInitScript(watch);
  const login = await context.request.post("/api/v1/session", { data: { name, password } });
  if (!login.ok()) throw new Error(`the login was answered by ${login.status()}`);
  const page = await newPage(context);
  await page.goto("/bases");
  const rows = await page.waitForFunction(() => performance.getEntriesByName("rows")[0]?.startTime);
  print("paint", await rows.jsonValue());
  const grid = page.getByRole("treegrid");
  print("open", await longestEvent(page, () => grid.locator(".arrow[data-open=false]").first().click()));
  print("scroll", await longestFrame(page));
  print("select", await longestEvent(page, () => grid.getByRole("row").nth(10).locator(".cell-tick").click()));
  await grid.focus();
  print("select-all", await longestEvent(page, () => page.keyboard.press("Control+a")));
  print("filter", await longestEvent(page, () => page.getByLabel("Filter by name").pressSequentially("lab-99", { delay: 50 })));
  await context.close();
}

for (let round = 0; round < Number(rounds); round++) await measure();
await closeBrowser();
