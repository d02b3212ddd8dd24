import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeItems, requestFor } from "../../../web/src/job_items.ts";
import type { ItemState, JobItem } from "../../../web/src/types.ts";

const item = (id: string, state: ItemState): JobItem => ({ machine_id: id, machine: id, state });

test("of what was read and what was heard the item counts that has come further", () => {
  const heard = new Map([item("a", "done"), item("b", "running"), item("c", "pending")].map((one) => [one.machine_id!, one]));
  const merged = mergeItems([item("a", "waiting"), item("b", "failed"), item("d", "waiting")], heard);
  assert.deepEqual(merged.map((one) => [one.machine_id, one.state]), [["a", "done"], ["b", "failed"], ["d", "waiting"], ["c", "pending"]]);
});

test("a retry keeps how it was asked and names the machines", () => {
  assert.deepEqual(requestFor({ verb: "rebase", all_of: "office-1", onto: "office-2", match: "lab-*", limit: 5, running: "force", grace_seconds: 60 }, ["lab-3"]), {
    verb: "rebase",
    onto: "office-2",
    running: "force",
    grace_seconds: 60,
    machines: ["lab-3"],
  });
});

test("a retry of clones names the base first, and each name", () => {
  assert.deepEqual(requestFor({ verb: "clone", machines: ["office-1"], count: 3, name_pattern: "lab-{n}" }, ["lab-2"]), { verb: "clone", machines: ["office-1", "lab-2"] });
});
