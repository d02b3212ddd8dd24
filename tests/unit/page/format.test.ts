import assert from "node:assert/strict";
import { test } from "node:test";
import { compareNames, count, formatBytes, formatDuration, formatTime, listNames } from "../../../web/src/format.ts";

test("sizes have at most three digits and a binary unit", () => {
  const cases: [number, string][] = [
    [0, "0 B"],
    [999, "999 B"],
    [1024, "1 KiB"],
    [1536, "1.5 KiB"],
    [134217728, "128 MiB"],
    [3882786816, "3.6 GiB"],
    [1023.6 * 1024 ** 2, "1 GiB"],
    [5 * 1024 ** 4, "5 TiB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

test("durations grow coarser as they grow longer", () => {
  const cases: [number, string][] = [
    [0.14, "under 1 s"],
    [1, "1 s"],
    [89, "89 s"],
    [90, "2 min"],
    [3599, "1 h"],
    [4800, "1 h 20 min"],
    [50 * 3600, "2 d 2 h"],
    [72 * 3600, "3 d"],
  ];
  for (const [seconds, text] of cases) assert.equal(formatDuration(seconds), text);
});

test("times of today and yesterday are told by these words", () => {
  const now = new Date(2026, 10, 30, 12, 0);
  assert.match(formatTime(new Date(2026, 10, 30, 0, 5).toISOString(), now), /^today /);
  assert.match(formatTime(new Date(2026, 10, 29, 23, 55).toISOString(), now), /^yesterday /);
  assert.match(formatTime(new Date(2025, 2, 4).toISOString(), now), /2025/);
});

test("names sort as people count", () => {
  assert.deepEqual(["lab-10", "lab-2", "Lab-1"].sort(compareNames), ["Lab-1", "lab-2", "lab-10"]);
});

test("a count carries its noun, a list of names its rest", () => {
  assert.equal(count(1, "clone"), "1 clone");
  assert.equal(count(2, "entry", "entries"), "2 entries");
  assert.equal(listNames(["a", "b", "c", "d"]), "a, b, c, d");
  assert.equal(listNames(["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
});
