import assert from "node:assert/strict";
import { test } from "node:test";
import { countProblem, nextName, patternProblem, previewNames, proposePattern } from "../../../web/src/bases/names.ts";

const taken = (...names: string[]) => (name: string) => names.includes(name);

test("a preview counts on over names that exist until there are enough new ones", () => {
  assert.deepEqual(previewNames("lab-{n}", 2, taken("lab-1", "lab-3")), [
    { name: "lab-1", exists: true },
    { name: "lab-2", exists: false },
    { name: "lab-3", exists: true },
    { name: "lab-4", exists: false },
  ]);
});

test("a name without a number is one name", () => {
  assert.deepEqual(previewNames("guest", 1, taken("guest")), [{ name: "guest", exists: true }]);
});

test("a pattern is refused where the daemon would refuse its names", () => {
  assert.equal(patternProblem("lab-{n}", 50), "");
  assert.equal(patternProblem("a@b:c+d_e.f", 1), "");
  for (const [pattern, count] of [["", 1], ["lab", 2], ["-lab-{n}", 1], [".lab", 1], ["lab {n}", 3], ["ü", 1], ["x".repeat(129), 1]] as const)
    assert.notEqual(patternProblem(pattern, count), "", pattern);
});

test("counts are whole and within what one request takes", () => {
  assert.equal(countProblem(10_000), "");
  for (const count of [0, -1, 1.5, NaN, 10_001]) assert.notEqual(countProblem(count), "");
});

test("the next name raises the number, or begins with 2", () => {
  assert.equal(nextName("office-2", taken("office-3")), "office-4");
  assert.equal(nextName("office", taken()), "office-2");
  assert.equal(nextName("win11", taken()), "win12");
});

test("clones are proposed the base's name without its version", () => {
  assert.equal(proposePattern("office-2"), "office-{n}");
  assert.equal(proposePattern("demo-v1"), "demo-{n}");
  assert.equal(proposePattern("win"), "win-{n}");
  assert.equal(proposePattern("42"), "42-{n}");
});
