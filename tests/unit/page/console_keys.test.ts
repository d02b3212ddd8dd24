import assert from "node:assert/strict";
import { test } from "node:test";
import { strokesOf } from "../../../web/src/console/keys.ts";

const codes = (text: string) => strokesOf(text).map(({ code, shift }) => `${shift ? "Shift+" : ""}${code}`);

test("letters, digits and signs have their key, and Shift where it is needed", () => {
  assert.deepEqual(codes("aZ9"), ["KeyA", "Shift+KeyZ", "Digit9"]);
  assert.deepEqual(codes("_|?~"), ["Shift+Minus", "Shift+Backslash", "Shift+Slash", "Shift+Backquote"]);
});

test("line ends of every kind are one Enter, and tabs are Tab", () => {
  assert.deepEqual(codes("a\r\nb\rc\td"), ["KeyA", "Enter", "KeyB", "Enter", "KeyC", "Tab", "KeyD"]);
});

test("other control characters are never typed", () => {
  assert.deepEqual(strokesOf("\u0000\u001b\u007f"), []);
});

test("what no US key has is sent by its sign, beyond the BMP as well", () => {
  assert.deepEqual(strokesOf("ä€😀"), [
    { keysym: 0xe4, code: null, shift: false },
    { keysym: 0x010020ac, code: null, shift: false },
    { keysym: 0x0101f600, code: null, shift: false },
  ]);
});
