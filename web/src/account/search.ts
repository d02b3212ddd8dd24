// Searching machines by name; pure.
import { compareNames } from "../format.ts";

/** A pattern with * and ?, or a part of the name; case does not matter. */
export function nameMatcher(text: string): (name: string) => boolean {
  const wanted = text.trim().toLowerCase();
  if (!/[*?]/.test(wanted)) return (name) => name.toLowerCase().includes(wanted);
  const source = wanted.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".");
  const pattern = new RegExp(`^${source}$`);
  return (name) => pattern.test(name.toLowerCase());
}

export function searchNames<M extends { name: string }>(machines: M[], text: string): M[] {
  const matches = nameMatcher(text);
  return machines.filter((machine) => matches(machine.name)).sort((a, b) => compareNames(a.name, b.name));
}
