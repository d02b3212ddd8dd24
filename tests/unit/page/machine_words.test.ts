import assert from "node:assert/strict";
import { test } from "node:test";
import {
  age, chainOf, describeCause, describeEvent, describeMachine, describePending, describeKeptFile, entryEnds, fateOf, parseSize, keptFiles,
} from "../../../web/src/machine/words.ts";
import type { Layer, Machine, UndoEntry } from "../../../web/src/types.ts";

const clone = { kind: "clone", base: "office-2", power: "off", state: "ready" } as Machine;

test("a machine is told in one or two sentences", () => {
  assert.equal(describeMachine(clone), "A clone of office-2. It is off.");
  assert.equal(describeMachine({ ...clone, power: "saved" }), "A clone of office-2. Its memory is saved, which counts as running.");
  assert.equal(describeMachine({ ...clone, kind: "machine", base: null }), "A machine of its own, on no base. It is off.");
  assert.equal(describeMachine({ ...clone, kind: "base", base: "office-1", state: "base" }), "A base, made from a clone of office-1.");
  assert.equal(describeMachine({ ...clone, state: "removing" }), "It is being removed.");
});

test("what is pending names its base, and says when it happens", () => {
  const to = { generation: 3, cause: "rebase", base_name: "office-3" };
  assert.match(describePending({ pending: true, pending_to: to, power: "running" }), /^A rebase onto office-3 waits: .* shuts down or reboots/);
  assert.equal(describePending({ pending: true, pending_to: to, power: "off" }), "A rebase onto office-3 is being settled.");
  assert.match(describePending({ pending: true, power: "running" } as never), /^A change waits/);
  assert.equal(describePending({ pending: false, power: "running" } as never), "");
});

test("only clones have volumes that are replaced", () => {
  assert.deepEqual(fateOf(clone, "system"), { fate: "REPLACED", when: "by restore and rebase" });
  assert.deepEqual(fateOf(clone, "data"), { fate: "KEPT", when: "always" });
  assert.equal(fateOf({ ...clone, kind: "machine" }, "system").fate, "KEPT");
  assert.equal(fateOf({ ...clone, kind: "base" }, "data").fate, "SEALED");
});

test("an undo entry says what replaced it, and goes when its retention is over", () => {
  const entry = { cause: "rebase", replaced_at: "2026-11-30T09:00:00Z" } as UndoEntry;
  assert.equal(describeCause(entry), "by a rebase");
  assert.equal(entryEnds(entry, 7 * 86400), "2026-12-07T09:00:00.000Z");
  assert.equal(entryEnds(entry, undefined), null);
  assert.equal(entryEnds({ ...entry, replaced_at: null }, 60), null);
  assert.equal(age("2026-11-30T09:00:00Z", Date.parse("2026-11-30T09:45:00Z")), "45 min");
});

test("a chain names the bases, and the id where a layer is not known", () => {
  const layers = new Map([["a-vda", { id: "a-vda", machine: "office-1", allocated_bytes: 7 } as Layer]]);
  assert.deepEqual(chainOf(["b-vda", "a-vda"], layers), [
    { id: "b-vda", base: "b-vda", bytes: undefined },
    { id: "a-vda", base: "office-1", bytes: 7 },
  ]);
});

test("history is told by verb and state", () => {
  assert.equal(describeEvent({ verb: "restore", state: "done" }), "Restored");
  assert.equal(describeEvent({ verb: "rebase", state: "pending" }), "Rebase waits for a stop");
  assert.equal(describeEvent({ verb: "hold", state: "failed" }), "Hold failed");
});

test("a receipt is read, and its rows are readable", () => {
  const row = { target: "vdc", inode: 131093, size_bytes: 589824, mtime_ns: 1796029622280053631 };
  assert.deepEqual(keptFiles({ data_kept: [row], proven: true }), [row]);
  assert.deepEqual(keptFiles(undefined), []);
  assert.equal(describeKeptFile(row, (at) => at.slice(0, 10)), "vdc: inode 131093, 576 KiB, written last 2026-11-30");
});

test("sizes are typed as people write them", () => {
  const GiB = 1024 ** 3;
  assert.equal(parseSize("20"), 20 * GiB);
  assert.equal(parseSize(" 20 GiB "), 20 * GiB);
  assert.equal(parseSize("1,5 t"), 1536 * GiB);
  assert.equal(parseSize("512m"), GiB / 2);
  for (const text of ["", "abc", "-1", "0", "20 apples", "9999999999t"]) assert.equal(parseSize(text), undefined, text);
});

test("a typed size is a whole number of sectors", () => {
  assert.equal(parseSize("1.0001")! % 512, 0);
});
