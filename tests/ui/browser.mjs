// The browser: Debian's Chromium, with a fresh profile for each context, watched for everything that goes wrong in it.
import { chromium } from "playwright-core";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { ADDRESS, OUTPUT } from "./world.mjs";

const FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export const SIZE = { width: 1280, height: 800 };

let browser = null;
const contexts = new Set();

/** A new browser profile; close it, or let closeBrowser do it. */
export async function newContext(options = {}) {
  browser ??= await chromium.launch({ executablePath: "/usr/bin/chromium", headless: true, args: FLAGS });
  const context = await browser.newContext({ ignoreHTTPSErrors: true, baseURL: ADDRESS, viewport: SIZE, locale: "en-GB", timezoneId: "UTC", reducedMotion: "reduce", colorScheme: "light", ...options });
  context.setDefaultTimeout(30_000);
  contexts.add(context);
  context.once("close", () => contexts.delete(context));
  return context;
}

/** A new page. Its troubles (exceptions, errors on its console, among them breaches of the security policy) are collected. */
export async function newPage(context) {
  const page = await context.newPage();
  page.troubles = [];
  page.on("pageerror", (error) => page.troubles.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !isExpected(message.text())) page.troubles.push(message.text());
  });
  return page;
}

/** The browser itself tells of each answer that is no success and of each lost connection: the tests look at what the page makes of them. */
const isExpected = (text) => /^Failed to load resource/.test(text);

export async function closeBrowser() {
  await browser?.close();
  browser = null;
}

/** Screenshots of all open pages; for a test that failed. */
export async function screenshotFailure(name) {
  const paths = [];
  for (const page of [...contexts].flatMap((context) => context.pages())) {
    const path = join(OUTPUT, `failed-${name.replace(/\W+/g, "-")}-${paths.length + 1}.png`);
    await page.screenshot({ path, timeout: 10_000 }).then(() => paths.push(path), () => {});
  }
  return paths;
}

/** What axe finds on a page that is more than minor, as text; empty: nothing. */
export async function axeFindings(page) {
  await page.evaluate(await readFile(AXE, "utf8"));
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations
    .filter(({ impact }) => impact !== "minor")
    .map(({ id, help, nodes }) => `${id} (${help}): ${nodes.map(({ target }) => target.join(" ")).slice(0, 5).join(", ")}`);
}
