// The list of machines: narrowed and put in order; pure.
import { hasState, type StateFilter } from "../bases/tree.ts";
import { compareNames } from "../format.ts";
import type { Kind, Machine } from "../types.ts";
import type { GridRow } from "../ui/treegrid.tsx";

export interface MachineRow extends GridRow {
  machine: Machine;
}

export type KindFilter = "all" | Kind;
export type Order = "name" | "power" | "base" | "capacity" | "newest";

export const ORDERS: [Order, string][] = [
  ["name", "By name"],
  ["power", "By power"],
  ["base", "By base"],
  ["capacity", "Largest first"],
  ["newest", "Newest first"],
];

export const KINDS: [KindFilter, string][] = [
  ["all", "All machines"],
  ["clone", "Clones"],
  ["base", "Bases"],
  ["machine", "On no base"],
];

const POWERS = ["stalled", "running", "paused", "saved", "stopping", "off", "unknown"];

/** undefined: as they come. */
const COMPARE: Record<Order, ((a: Machine, b: Machine) => number) | undefined> = {
  name: undefined,
  power: (a, b) => POWERS.indexOf(a.power) - POWERS.indexOf(b.power),
  base: (a, b) => compareNames(a.base ?? "\uffff", b.base ?? "\uffff"),
  capacity: (a, b) => b.capacity_bytes - a.capacity_bytes,
  newest: (a, b) => (a.created_at < b.created_at ? 1 : a.created_at > b.created_at ? -1 : 0),
};

export interface ListFilter {
  text: string;
  state: StateFilter;
  kind: KindFilter;
}

export const byName = (machines: Machine[]) => [...machines].sort((a, b) => compareNames(a.name, b.name));

/** The machines come by name, once for all filters and orders: comparing names is what costs. Equals stay by name. */
export function machineRows(machines: Machine[], { text, state, kind }: ListFilter, order: Order): MachineRow[] {
  const wanted = text.trim().toLowerCase();
  const found = machines.filter((machine) => (kind === "all" || machine.kind === kind) && hasState(machine, state) && machine.name.toLowerCase().includes(wanted));
  const compare = COMPARE[order];
  if (compare) found.sort(compare);
  return found.map((machine, index) => ({ id: machine.id, level: 1, text: machine.name, machine, position: index + 1, siblings: found.length }));
}
