import assert from "node:assert/strict";
import { test } from "node:test";
import { alignOutlines, describeDifference, fits } from "../../../web/src/rebase/outline.ts";
import { volume } from "./machines.ts";

const three = [volume("vda", "system"), volume("vdb", "temporary"), volume("vdc", "data")];
const marks = (left: typeof three, right: typeof three) =>
  alignOutlines(left, right).map((row) => `${row.left?.target ?? "-"} ${row.right?.target ?? "-"}${row.differs ? " *" : ""}`);

test("equal outlines fit", () => {
  assert.deepEqual(marks(three, three), ["vda vda", "vdb vdb", "vdc vdc"]);
  assert.ok(fits(alignOutlines(three, three)));
});

test("one missing volume marks one row", () => {
  assert.deepEqual(marks(three, [three[0]!, three[2]!]), ["vda vda", "vdb - *", "vdc vdc"]);
  assert.deepEqual(marks([three[0]!, three[2]!], three), ["vda vda", "- vdb *", "vdc vdc"]);
});

test("another order does not fit", () => {
  assert.ok(!fits(alignOutlines(three, [three[1]!, three[0]!, three[2]!])));
});

test("another role is said in words", () => {
  const rows = alignOutlines(three, [three[0]!, volume("vdb", "data"), three[2]!, volume("vdd", "data")]);
  assert.equal(describeDifference(rows), "vdb is data instead of temporary; vdd (data) is one more");
  assert.equal(describeDifference(alignOutlines(three, three.slice(0, 2))), "vdc (data) is missing");
});

test("a volume that a clone's owner added counts on neither side", () => {
  assert.ok(fits(alignOutlines([...three, volume("vdd", "data", true)], three)));
});
