import assert from "node:assert/strict";
import { test } from "node:test";
import { visibleRange } from "../../../web/src/ui/range.ts";

test("only rows in sight exist, and a few around them", () => {
  assert.deepEqual(visibleRange(0, 300, 30, 10_000, 2), { first: 0, end: 12 });
  assert.deepEqual(visibleRange(3000, 300, 30, 10_000, 2), { first: 98, end: 112 });
  assert.deepEqual(visibleRange(299_700, 300, 30, 10_000, 2), { first: 9988, end: 10_000 });
});

test("a list that became short while it was scrolled far down still shows its end", () => {
  assert.deepEqual(visibleRange(3000, 300, 30, 5, 2), { first: 4, end: 5 });
  assert.deepEqual(visibleRange(0, 300, 30, 0, 2), { first: 0, end: 0 });
});
