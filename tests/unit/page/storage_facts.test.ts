import assert from "node:assert/strict";
import { test } from "node:test";
import { buildGraph, describeForecast, describeRelease, freeLine, groupReasons, largest, roomShares, type LayerSet } from "../../../web/src/storage/facts.ts";
import type { Layer, Role, Storage } from "../../../web/src/types.ts";

const GiB = 1024 ** 3;

const storage = {
  size_bytes: 100 * GiB,
  free_bytes: 60 * GiB,
  layers_bytes: 20 * GiB,
  undo: { bytes: 5 * GiB },
  trash: { bytes: 0 },
  kept: { bytes: 1 * GiB },
  reclaimable_bytes: 0,
} as Storage;

test("the shares of the room add up to the store, and empty ones are left out", () => {
  const shares = roomShares(storage);
  assert.deepEqual(shares.map(({ key }) => key), ["layers", "undo", "kept", "other", "free"]);
  assert.equal(shares.reduce((sum, share) => sum + share.bytes, 0), storage.size_bytes);
});

test("shared blocks never make a share negative", () => {
  const shares = roomShares({ ...storage, layers_bytes: 200 * GiB });
  assert.ok(shares.every((share) => share.bytes > 0));
});

test("the forecast is a sentence for each case", () => {
  assert.match(describeForecast(null), /after a day/);
  assert.match(describeForecast({ bytes_per_day: 2 * GiB, full_at: "2027-03-01T12:00:00Z", basis_days: 14 }), /last 14 days, 2 GiB a day are used up: .*2027/);
  assert.match(describeForecast({ bytes_per_day: -GiB, full_at: null, basis_days: 1 }), /last day, 1 GiB a day become free/);
  assert.match(describeForecast({ bytes_per_day: 1, full_at: null, basis_days: 3 }), /for years/);
});

test("what goes by itself says what it is", () => {
  assert.equal(describeRelease({ at: "", bytes: GiB, what: "undo" }), "1 GiB held for undo");
  assert.equal(describeRelease({ at: "", bytes: GiB, what: "trash" }), "1 GiB in the trash");
});

test("the free room becomes a line from left to right, the most on top", () => {
  const samples = [["2026-11-30T00:00:00Z", 100], ["2026-11-30T12:00:00Z", 50], ["2026-12-01T00:00:00Z", 100]].map(([at, free]) => ({ at: String(at), free_bytes: Number(free) }));
  assert.deepEqual(freeLine(samples, 100, 10), { points: "0.0,0.0 50.0,5.0 100.0,0.0", top: 100 });
  assert.equal(freeLine(samples.slice(0, 1), 100, 10), undefined);
  assert.equal(freeLine([samples[0]!, samples[0]!], 100, 10), undefined);
});

const layer = (set: string, target: string, role: Role, parent: string | null, bytes = 1) =>
  ({ id: `${set}-${target}`, set, target, role, parent, machine: `base-${set}`, machine_id: set, allocated_bytes: bytes, sealed_at: null }) as Layer;
const shape = (sets: LayerSet[]): unknown[] => sets.map((set) => (set.children.length ? [set.base, shape(set.children)] : set.base));

test("generations become trees, and branches stand in the order of names", () => {
  const layers = [layer("b10", "vda", "system", "a-vda"), layer("b2", "vda", "system", "a-vda"), layer("c", "vda", "system", "b2-vda"), layer("a", "vda", "system", null), layer("z", "vda", "system", null)];
  assert.deepEqual(shape(buildGraph(layers)), [["base-a", [["base-b2", ["base-c"]], "base-b10"]], "base-z"]);
});

test("a set that sits on what is not there is a root", () => {
  assert.deepEqual(shape(buildGraph([layer("b", "vda", "system", "gone-vda")])), ["base-b"]);
});

test("a set holds its layers by role, and their sum", () => {
  const [set] = buildGraph([layer("a", "vdb", "data", null, 5), layer("a", "vda", "system", null, 7), layer("a", "vdc", "temporary", null, 1)]);
  assert.deepEqual(set!.layers.map(({ target }) => target), ["vda", "vdc", "vdb"]);
  assert.equal(set!.bytes, 13);
  assert.equal(largest(set!.layers), 7);
  assert.equal(largest([]), 1);
});

test("reasons of one kind are told once, with the names in order", () => {
  assert.deepEqual(
    groupReasons(["machine 'desk-10' sits on it", "machine 'desk-2' sits on it", "machine 'desk-2' needs it for undo", "kept data of 'old' sits on it", "layer 'b-vda' of 'office-2' sits on it", "it belongs to base 'office-1'", "something else"]),
    [
      { words: "Sits on it", names: ["desk-2", "desk-10"] },
      { words: "Needs it for undo", names: ["desk-2"] },
      { words: "Kept data sits on it", names: ["old"] },
      { words: "A layer that sits on it", names: ["office-2"] },
      { words: "Belongs to base", names: ["office-1"] },
      { words: "Something else.", names: [] },
    ],
  );
});
