import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../../../web/src/api.ts";
import { checkAccountName, checkNewPassword, describeWait, fieldOf, wholeText } from "../../../web/src/account/words.ts";
import { sentence } from "../../../web/src/format.ts";

test("a new password that is too short is told how long it is", () => {
  assert.equal(checkNewPassword(""), "Choose a password.");
  assert.equal(checkNewPassword("short"), "It has 5 of at least 8 characters.");
  assert.equal(checkNewPassword("öäüöäüö"), "It has 7 of at least 8 characters.");
  assert.equal(checkNewPassword("four words in it"), "");
});

test("names that the daemon refuses are refused beside the field", () => {
  for (const name of ["ada", "ada.l@example.org", "0-x_y"]) assert.equal(checkAccountName(name), "", name);
  for (const name of ["", "root", "Ada", "-x", "a b", "a/b", "a".repeat(65)]) assert.notEqual(checkAccountName(name), "", name);
});

test("a wait is told in words", () => {
  assert.equal(describeWait(0.2), "1 second");
  assert.equal(describeWait(12), "12 seconds");
  assert.equal(describeWait(89.5), "90 seconds");
  assert.equal(describeWait(130), "3 minutes");
});

test("a refusal finds the field that it is about", () => {
  const words = { name: /name/i, password: /password/i };
  assert.equal(fieldOf(new Problem("invalid", "The password is too short."), words), "password");
  assert.equal(fieldOf(new Problem("exists", "That name is taken."), words), "name");
  assert.equal(fieldOf(new Problem("busy", "Try later."), words), undefined);
});

test("a refusal in one line has no gap where there is no hint", () => {
  assert.equal(wholeText(new Problem("exists", "It is taken.", "Take another.")), "It is taken. Take another.");
  assert.equal(wholeText(new Problem("exists", "It is taken.")), "It is taken.");
});

test("the daemon's phrases become sentences", () => {
  assert.equal(sentence("the name is taken"), "The name is taken.");
  assert.equal(sentence("'desk-1' is a base: it is read-only"), "'desk-1' is a base: it is read-only.");
  assert.equal(sentence("really?"), "Really?");
  assert.equal(sentence(""), "");
});
