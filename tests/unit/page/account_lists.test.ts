import assert from "node:assert/strict";
import { test } from "node:test";
import { auditPath, describeAction, describeAddress, resultTone } from "../../../web/src/account/audit_words.ts";
import { nameMatcher, searchNames } from "../../../web/src/account/search.ts";

test("a name is found by a part of it, or by a pattern for all of it", () => {
  assert.ok(nameMatcher("esk-1")("DESK-12"));
  assert.ok(nameMatcher("desk-1*")("desk-12"));
  assert.ok(!nameMatcher("desk-?")("desk-12"));
  assert.ok(!nameMatcher("*.desk")("xdesk"));
  assert.ok(nameMatcher("")("anything"));
});

test("what is found is in the order of people", () => {
  const machines = ["lab-10", "lab-2", "desk-1"].map((name) => ({ name }));
  assert.deepEqual(searchNames(machines, "lab").map((machine) => machine.name), ["lab-2", "lab-10"]);
});

test("actions of the trail are told in words, also those that are not known here", () => {
  assert.equal(describeAction("restore"), "Restore");
  assert.equal(describeAction("login"), "Log in");
  assert.equal(describeAction("account-add"), "Add an account");
  assert.equal(describeAction("door-open"), "Door open");
});

test("results are good, open or bad", () => {
  assert.equal(resultTone("ok"), "good");
  assert.equal(resultTone("accepted"), "neutral");
  assert.equal(resultTone("pending"), "warning");
  assert.equal(resultTone("denied"), "bad");
});

test("what comes by the unix socket comes from this host", () => {
  assert.equal(describeAddress({ address: null } as never), "this host");
  assert.equal(describeAddress({ address: "192.0.2.1" } as never), "192.0.2.1");
});

test("the trail's query holds the filter, encoded", () => {
  assert.equal(auditPath("", "", null, 100), "/audit?limit=100");
  assert.equal(auditPath("a&b", "desk 1", "77", 5), "/audit?limit=5&account=a%26b&machine=desk+1&after=77");
});
