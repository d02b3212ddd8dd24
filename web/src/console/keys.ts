// Text as key strokes of a keyboard with the layout that QEMU assumes (en-us); pure.

export interface Stroke {
  keysym: number;
  /** The key's place on the keyboard; null: only its sign is known. */
  code: string | null;
  shift: boolean;
}

export const SHIFT: Stroke = { keysym: 0xffe1, code: "ShiftLeft", shift: false };

const CONTROLS: Record<string, Stroke> = {
  "\n": { keysym: 0xff0d, code: "Enter", shift: false },
  "\t": { keysym: 0xff09, code: "Tab", shift: false },
  " ": { keysym: 0x20, code: "Space", shift: false },
};

// Code, sign, sign with Shift.
const SIGNS: [string, string, string][] = [
  ["Backquote", "`", "~"], ["Digit1", "1", "!"], ["Digit2", "2", "@"], ["Digit3", "3", "#"], ["Digit4", "4", "$"], ["Digit5", "5", "%"], ["Digit6", "6", "^"],
  ["Digit7", "7", "&"], ["Digit8", "8", "*"], ["Digit9", "9", "("], ["Digit0", "0", ")"], ["Minus", "-", "_"], ["Equal", "=", "+"], ["BracketLeft", "[", "{"],
  ["BracketRight", "]", "}"], ["Backslash", "\\", "|"], ["Semicolon", ";", ":"], ["Quote", "'", '"'], ["Comma", ",", "<"], ["Period", ".", ">"], ["Slash", "/", "?"],
];

const CODES = new Map(SIGNS.flatMap(([code, plain, shifted]): [string, [string, boolean]][] => [[plain, [code, false]], [shifted, [code, true]]]));

/** X11's number of a character: Latin-1 as it is, all others by their code point. */
const keysymOf = (point: number) => (point < 0x100 ? point : 0x01000000 + point);

function strokeOf(sign: string): Stroke {
  const control = CONTROLS[sign];
  if (control) return control;
  const keysym = keysymOf(sign.codePointAt(0)!);
  if (/^[a-zA-Z]$/.test(sign)) return { keysym, code: `Key${sign.toUpperCase()}`, shift: sign < "a" };
  const [code, shift] = CODES.get(sign) ?? [null, false];
  return { keysym, code, shift };
}

/** Line ends become Enter; other control characters are left out. */
export function strokesOf(text: string): Stroke[] {
  const typed = text.replace(/\r\n?/g, "\n").replace(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "");
  return Array.from(typed, strokeOf);
}
