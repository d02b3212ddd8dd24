// Names of clones from a pattern, and the name that follows another; pure.

export interface NamePreview {
  name: string;
  exists: boolean;
}

/** The daemon's rule (src/model/machine.c). */
const VALID = /^[A-Za-z0-9_+@:][A-Za-z0-9._+@:-]{0,127}$/;
export const COUNT_MAX = 10_000;

const expand = (pattern: string, number: number) => pattern.replace("{n}", String(number));

/** What is wrong with a pattern for so many names; empty: nothing. */
export function patternProblem(pattern: string, count: number): string {
  if (!pattern) return "Say how the clones are called.";
  if (count > 1 && !pattern.includes("{n}")) return "Put {n} where the number goes, for example lab-{n}.";
  if (!VALID.test(expand(pattern, count))) return "A name has up to 128 letters, digits and . _ - + @ : and begins with none of - and .";
  return "";
}

/** What is wrong with the name of one machine; empty: nothing. */
export function nameProblem(name: string, isTaken: (name: string) => boolean): string {
  return patternProblem(name, 1) || (isTaken(name) ? `${name} exists already. Choose another name.` : "");
}

export function countProblem(count: number): string {
  return Number.isInteger(count) && count >= 1 && count <= COUNT_MAX ? "" : `1 to ${COUNT_MAX.toLocaleString()} clones can be made at once.`;
}

/** The names that a pattern gives from 1 on, those that exist among them, until so many are new. */
export function previewNames(pattern: string, count: number, isTaken: (name: string) => boolean): NamePreview[] {
  const names: NamePreview[] = [];
  if (!pattern.includes("{n}")) return [{ name: pattern, exists: isTaken(pattern) }];
  for (let number = 1, free = 0; free < count; number++) {
    const name = expand(pattern, number);
    const exists = isTaken(name);
    names.push({ name, exists });
    if (!exists) free++;
  }
  return names;
}

/** Proposes a pattern for clones of a base: office for office-2. */
export const proposePattern = (base: string) => `${base.replace(/[-._]?v?\d+$/, "") || base}-{n}`;

/** office-3 after office-2, office-2 after office: the next version of a name that is free. */
export function nextName(name: string, isTaken: (name: string) => boolean): string {
  const [, stem, digits] = /^(.*?)(\d*)$/.exec(name)!;
  let number = digits ? Number(digits) + 1 : 2;
  const prefix = digits ? stem! : `${name}-`;
  while (isTaken(prefix + number)) number++;
  return prefix + number;
}
