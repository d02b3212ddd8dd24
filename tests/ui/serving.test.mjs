// The page is served by the daemon, by HTTPS, under a policy that nothing on it breaks.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";

useWorld();

step("a browser shows the page, and its console has no errors", async () => {
  const page = await newPage(await newContext());
  const response = await page.goto("/");
  assert.equal(response.status(), 200);
  assert.match(response.headers()["content-security-policy"], /default-src 'none'/);
  await page.locator("h1, h2").first().waitFor();
  assertCalm(page);
});
