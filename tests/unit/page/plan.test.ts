import assert from "node:assert/strict";
import { test } from "node:test";
import { capacityChanges, decisionText, filterItems, groupFates, isSamePlan, lostBytes } from "../../../web/src/plan/facts.ts";
import { describeRequest } from "../../../web/src/words.ts";
import type { Fate, Plan, PlanItem, PlanVolume, Role } from "../../../web/src/types.ts";

function planned(target: string, role: Role, fate: Fate, part: Partial<PlanVolume> = {}): PlanVolume {
  return { target, role, fate, from_layer: null, to_layer: null, capacity_before: 0, capacity_after: 0, lost_bytes: 0, ...part };
}

function item(machine: string, part: Partial<PlanItem> = {}): PlanItem {
  return { machine_id: machine, machine, decision: "now", power: "off", warnings: [], freed_bytes: 0, held_bytes: 0, forgotten_entries: 0, volumes: [], ...part };
}

test("volumes of one role and fate are one word, what is lost first", () => {
  const groups = groupFates([planned("vdc", "data", "KEPT"), planned("vdd", "data", "KEPT"), planned("vda", "system", "REPLACED", { lost_bytes: 7 })]);
  assert.deepEqual(groups.map((group) => [group.role, group.fate, group.volumes.length, group.lost_bytes]), [["system", "REPLACED", 1, 7], ["data", "KEPT", 2, 0]]);
});

test("a changed capacity is told, a new volume's is no change", () => {
  const changes = capacityChanges([
    planned("vda", "system", "REPLACED", { capacity_before: 1024, capacity_after: 2048 }),
    planned("vdb", "temporary", "CREATED", { capacity_after: 1024 }),
    planned("vdc", "data", "KEPT", { capacity_before: 512, capacity_after: 512 }),
  ]);
  assert.deepEqual(changes, ["vda 1 KiB → 2 KiB"]);
});

test("what a machine loses is the sum over its volumes", () => {
  assert.equal(lostBytes(item("a", { volumes: [planned("vda", "system", "REPLACED", { lost_bytes: 3 }), planned("vdb", "temporary", "RESET", { lost_bytes: 4 })] })), 7);
});

test("a decision is told by its reason where there is one", () => {
  assert.equal(decisionText(item("a")), "now");
  assert.equal(decisionText(item("a", { decision: "skip", reason: "on hold" })), "on hold");
});

test("items are narrowed by decision, warning and name", () => {
  const items = [item("lab-1"), item("lab-2", { decision: "skip" }), item("desk", { warnings: ["x"] })];
  const found = (filter: Parameters<typeof filterItems>[1], text = "") => filterItems(items, filter, text).map((one) => one.machine);
  assert.deepEqual(found("all"), ["lab-1", "lab-2", "desk"]);
  assert.deepEqual(found("skip"), ["lab-2"]);
  assert.deepEqual(found("warning"), ["desk"]);
  assert.deepEqual(found("all", " LAB "), ["lab-1", "lab-2"]);
});

test("a plan is the same while it does the same, whatever it takes", () => {
  const plan = (part: Partial<PlanItem>, free = 1) => ({ items: [item("a", part)], free_bytes: free }) as Plan;
  const volumes = [planned("vda", "system", "REPLACED", { to_layer: "new" })];
  assert.ok(isSamePlan(plan({ volumes }), plan({ volumes: [{ ...volumes[0]!, lost_bytes: 7 }] }, 2)));
  assert.ok(!isSamePlan(plan({ volumes }), plan({ volumes: [{ ...volumes[0]!, to_layer: "other" }] })));
  assert.ok(!isSamePlan(plan({ volumes }), plan({ volumes, decision: "skip", reason: "on hold" })));
  assert.ok(!isSamePlan(plan({}), { items: [], free_bytes: 1 } as unknown as Plan));
});

test("what is deleted at once is called by what it is", () => {
  assert.equal(describeRequest({ verb: "purge", trash: true }), "Delete kept data in the trash");
  assert.equal(describeRequest({ verb: "forget", machines: ["lab-1"] }), "Forget undo lab-1");
});
