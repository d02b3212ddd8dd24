import assert from "node:assert/strict";
import { test } from "node:test";

// The router reads the browser's address when it is loaded.
Object.assign(globalThis, { location: { pathname: "/", search: "" } });
const { match } = await import("../../../web/src/router.ts");

test("a pattern gives the named parts of a path, decoded", () => {
  assert.deepEqual(match("/jobs/:id", "/jobs/7"), { id: "7" });
  assert.deepEqual(match("/machines/:name/console", "/machines/a%20b%2Fc/console"), { name: "a b/c" });
});

test("a pattern takes neither shorter nor longer paths, nor an empty part", () => {
  assert.equal(match("/jobs/:id", "/jobs"), null);
  assert.equal(match("/jobs/:id", "/jobs/7/x"), null);
  assert.equal(match("/jobs/:id", "/jobs/"), null);
});

test("a slash at the end makes no difference, and broken encoding no error", () => {
  assert.deepEqual(match("/jobs", "/jobs/"), {});
  assert.deepEqual(match("/jobs/:id", "/jobs/%zz"), { id: "%zz" });
});
