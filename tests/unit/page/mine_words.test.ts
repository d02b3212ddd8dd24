import assert from "node:assert/strict";
import { test } from "node:test";
import { describeDoing, describeMyEvent, describeNext, fatesFor, KEPT, NO_DATA, RESET } from "../../../web/src/mine/words.ts";
import type { Job } from "../../../web/src/types.ts";

const roles = { system: 1, temporary: 1, data: 1 };

test("who has a data disk is told that it stays", () => {
  assert.deepEqual(fatesFor({ roles }).map(({ fate }) => fate), ["KEPT", "REPLACED", "RESET"]);
  assert.equal(fatesFor({ roles })[0]!.text, KEPT);
});

test("who has none is warned, and nothing is called KEPT", () => {
  const fates = fatesFor({ roles: { system: 1, temporary: 0, data: 0 } });
  assert.deepEqual(fates, [{ fate: "REPLACED", text: NO_DATA }]);
  assert.ok(!fatesFor({ roles: { ...roles, temporary: 0 } }).some(({ text }) => text === RESET));
});

test("what the next restart brings is told by its cause", () => {
  const to = (cause: string) => ({ pending: true, roles, pending_to: { generation: 2, cause } });
  assert.match(describeNext(to("rebase")), /^An update is ready: it is put in when you restart this machine or shut it down\. Your files on the data disk stay/);
  assert.match(describeNext(to("restore")), /^It will be restored when/);
  assert.match(describeNext({ ...to("rebase"), roles: { ...roles, data: 0 } }), /no data disk/);
  assert.equal(describeNext({ pending: false, roles }), "");
});

test("a job that is going on is told at its machines, a pending one is not", () => {
  const job = (state: string, name: string) => ({ verb: "start", state, request: { verb: "start", machines: [name] } }) as Job;
  const machine = { id: "77", name: "desk-1" };
  assert.equal(describeDoing(machine, [job("running", "desk-2"), job("queued", "desk-1")]), "Starting…");
  assert.equal(describeDoing(machine, [job("running", "77")]), "Starting…");
  assert.equal(describeDoing(machine, [job("done", "desk-1"), job("pending", "desk-1")]), "");
});

test("what happened is told without the words of those who run the house", () => {
  assert.equal(describeMyEvent({ verb: "rebase", state: "done" }), "Update");
  assert.equal(describeMyEvent({ verb: "rebase", state: "pending" }), "Update: waits for a restart");
  assert.equal(describeMyEvent({ verb: "start", state: "done" }), "Started");
  assert.equal(describeMyEvent({ verb: "restore", state: "failed" }), "Restore failed");
});
