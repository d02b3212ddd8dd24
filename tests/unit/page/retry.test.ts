import assert from "node:assert/strict";
import { test } from "node:test";
import { requestFor } from "../../../web/src/retry.ts";

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
