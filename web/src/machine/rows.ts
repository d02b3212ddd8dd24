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

const POWERS = ["running", "paused", "saved", "stopping", "off", "unknown"];

const COMPARE: Record<Order, (a: Machine, b: Machine) => number> = {
  name: () => 0,
  power: (a, b) => POWERS.indexOf(a.power) - POWERS.indexOf(b.power),
  base: (a, b) => compareNames(a.base ?? "\uffff", b.base ?? "\uffff"),
  capacity: (a, b) => b.capacity_bytes - a.capacity_bytes,
  newest: (a, b) => b.created_at.localeCompare(a.created_at),
};

export interface ListFilter {
  text: string;
  state: StateFilter;
  kind: KindFilter;
}

/** Within equals by name. The daemon's lists come by name: sorting them again costs little. */
export function machineRows(machines: Machine[], { text, state, kind }: ListFilter, order: Order): MachineRow[] {
  const wanted = text.trim().toLowerCase();
  const compare = COMPARE[order];
  const found = machines
    .filter((machine) => (kind === "all" || machine.kind === kind) && hasState(machine, state) && machine.name.toLowerCase().includes(wanted))
    .sort((a, b) => compare(a, b) || compareNames(a.name, b.name));
  return found.map((machine, index) => ({ id: machine.id, level: 1, text: machine.name, machine, position: index + 1, siblings: found.length }));
}
