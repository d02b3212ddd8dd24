import assert from "node:assert/strict";
import { test } from "node:test";
import { buildTree, countStates, OTHERS, type TreeFilter, type TreeRow, treeRows } from "../../../web/src/bases/tree.ts";
import { base, clone, machine } from "./machines.ts";

const world = [
  base("office-1"),
  base("office-2", "office-1"),
  base("office-3", "office-2"),
  base("dev"),
  clone("desk-10", "office-1", { power: "running" }),
  clone("desk-2", "office-1", { held: true }),
  clone("lab-1", "office-3"),
  machine("kiosk", { kind: "machine" }),
];
const everything: TreeFilter = { text: "", state: "all" };
const names = (rows: TreeRow[]) => rows.map((row) => `${"  ".repeat(row.level - 1)}${row.text}`);
const rowsOf = (filter: TreeFilter, isOpen = () => true) => treeRows(buildTree(world), filter, isOpen);

test("the newest generation of a lineage comes first, clones below their base, in the order of people", () => {
  assert.deepEqual(names(rowsOf(everything)), ["dev", "office-3", "  lab-1", "office-2", "office-1", "  desk-2", "  desk-10", "Other machines", "  kiosk"]);
});

test("generations are counted within their lineage", () => {
  const nodes = new Map(buildTree(world).bases.map((node) => [node.machine.name, node]));
  assert.deepEqual([nodes.get("office-1")!.generation, nodes.get("office-3")!.generation, nodes.get("office-2")!.generations], [1, 3, 3]);
  assert.deepEqual([nodes.get("dev")!.generation, nodes.get("dev")!.generations], [1, 1]);
});

test("the line that joins generations runs from the newest to the oldest, through the clones between", () => {
  assert.deepEqual(rowsOf(everything).map((row) => row.spine), [undefined, "begin", "through", "through", "end", undefined, undefined, undefined, undefined]);
});

test("a closed base hides its clones, and one without clones cannot be opened", () => {
  const rows = rowsOf(everything, () => false);
  assert.deepEqual(names(rows), ["dev", "office-3", "office-2", "office-1", "Other machines"]);
  assert.deepEqual(rows.map((row) => row.expanded), [undefined, false, undefined, false, false]);
});

test("a filter shows what matches below its base, and opens it", () => {
  assert.deepEqual(names(rowsOf({ text: "desk-1", state: "all" }, () => false)), ["office-1", "  desk-10"]);
  assert.deepEqual(names(rowsOf({ text: "", state: "held" }, () => false)), ["office-1", "  desk-2"]);
});

test("a base whose name matches is shown with all of its clones", () => {
  assert.deepEqual(names(rowsOf({ text: "OFFICE-1", state: "all" })), ["office-1", "  desk-2", "  desk-10"]);
  assert.deepEqual(names(rowsOf({ text: "office", state: "running" })), ["office-1", "  desk-10"]);
});

test("rows know their place among their siblings", () => {
  const rows = rowsOf(everything);
  const places = Object.fromEntries(rows.map((row) => [row.id, [row.position, row.siblings]]));
  assert.deepEqual(places["desk-10"], [2, 2]);
  assert.deepEqual(places["office-1"], [4, 5]);
  assert.deepEqual(places[OTHERS], [5, 5]);
});

test("a clone whose base we cannot see stands among the others, and a circle of bases ends", () => {
  const tree = buildTree([clone("a", "gone"), base("x", "y"), base("y", "x")]);
  assert.deepEqual(tree.others.map((other) => other.name), ["a"]);
  assert.equal(tree.bases.length, 2);
});

test("states are counted over all machines", () => {
  const counts = countStates(world);
  assert.deepEqual([counts.all, counts.running, counts.off, counts.held, counts.pending], [8, 1, 3, 1, 0]);
});
