import assert from "node:assert/strict";
import { test } from "node:test";
import { byName, machineRows, type ListFilter } from "../../../web/src/machine/rows.ts";
import type { Machine } from "../../../web/src/types.ts";
import { machine as listed } from "./machines.ts";

const all: ListFilter = { text: "", state: "all", kind: "all" };
const machine = (name: string, rest: Partial<Machine> = {}) => listed(name, { base: "office-1", capacity_bytes: 1, ...rest });
const names = (machines: Machine[], filter: Partial<ListFilter>, order: Parameters<typeof machineRows>[2] = "name") =>
  machineRows(byName(machines), { ...all, ...filter }, order).map((row) => row.text);

test("the list is narrowed by name, state and kind together", () => {
  const machines = [machine("desk-1"), machine("desk-2", { power: "running" }), machine("lab-1", { power: "running" }), machine("office-1", { kind: "base", base: null })];
  assert.deepEqual(names(machines, { text: " DESK " }), ["desk-1", "desk-2"]);
  assert.deepEqual(names(machines, { text: "desk", state: "running" }), ["desk-2"]);
  assert.deepEqual(names(machines, { kind: "base" }), ["office-1"]);
});

test("names stand in the order of people, and within equals", () => {
  const machines = [machine("desk-10"), machine("desk-2", { power: "running" }), machine("desk-9")];
  assert.deepEqual(names(machines, {}), ["desk-2", "desk-9", "desk-10"]);
  assert.deepEqual(names(machines, {}, "power"), ["desk-2", "desk-9", "desk-10"]);
  assert.deepEqual(names([machine("a"), machine("b", { power: "running" })], {}, "power"), ["b", "a"]);
});

test("the largest and the newest come first, and those on no base last", () => {
  const machines = [machine("a", { base: null }), machine("b", { capacity_bytes: 5 }), machine("c", { created_at: "2026-12-01T00:00:00Z" })];
  assert.deepEqual(names(machines, {}, "capacity"), ["b", "a", "c"]);
  assert.deepEqual(names(machines, {}, "newest"), ["c", "a", "b"]);
  assert.deepEqual(names(machines, {}, "base"), ["b", "c", "a"]);
});

test("rows know their place", () => {
  const rows = machineRows(byName([machine("b"), machine("a")]), all, "name");
  assert.deepEqual(rows.map((row) => [row.position, row.siblings, row.level]), [[1, 2, 1], [2, 2, 1]]);
});
