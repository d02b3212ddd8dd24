// The tree of bases: generations of a lineage in line, newest first, clones below each; pure.
//
// Machines come nearly sorted (the daemon's lists are), so that sorting them again costs next to nothing.
import { compareNames } from "../format.ts";
import type { Machine } from "../types.ts";

export interface BaseNode {
  machine: Machine;
  /** 1 for the first of its lineage. */
  generation: number;
  /** The highest of its lineage. */
  generations: number;
  clones: Machine[];
  /** A newer or an older generation stands above or below it. */
  hasNewer: boolean;
  hasOlder: boolean;
}

export interface Tree {
  bases: BaseNode[];
  /** Neither base nor clone of a base that we see. */
  others: Machine[];
}

export type StateFilter = "all" | "running" | "off" | "pending" | "held" | "behind" | "undo";

export interface TreeRow {
  id: string;
  level: 1 | 2;
  /** What letters that are typed jump to. */
  text: string;
  machine: Machine | null;
  /** Of a base's row. */
  node?: BaseNode;
  expanded?: boolean;
  /** Of a base or the group of other machines: what is below it and passes the filter. */
  children?: Machine[];
  /** The line that joins the generations of a lineage begins here, goes through, or ends. */
  spine?: "begin" | "through" | "end";
  position: number;
  siblings: number;
}

export const OTHERS = "others";

/** A base's distance from the first of its lineage, and that first one. */
function lineageOf(machine: Machine, bases: Map<string, Machine>): { root: Machine; depth: number } {
  let root = machine;
  let depth = 0;
  for (let parent = bases.get(root.base_id ?? ""); parent && depth < bases.size; parent = bases.get(root.base_id ?? "")) {
    root = parent;
    depth++;
  }
  return { root, depth };
}

function newestFirst(a: BaseNode, b: BaseNode): number {
  return b.generation - a.generation || compareNames(b.machine.name, a.machine.name);
}

export function buildTree(machines: Machine[]): Tree {
  const sorted = [...machines].sort((a, b) => compareNames(a.name, b.name));
  const bases = new Map(sorted.filter((machine) => machine.kind === "base").map((machine) => [machine.id, machine]));
  const lineages = new Map<string, BaseNode[]>();
  const nodes = new Map<string, BaseNode>();
  for (const machine of bases.values()) {
    const { root, depth } = lineageOf(machine, bases);
    const node = { machine, generation: depth + 1, generations: 0, clones: [], hasNewer: false, hasOlder: false };
    nodes.set(machine.id, node);
    lineages.set(root.id, [...(lineages.get(root.id) ?? []), node]);
  }
  const others: Machine[] = [];
  for (const machine of sorted) {
    if (machine.kind === "base") continue;
    (nodes.get(machine.base_id ?? "")?.clones ?? others).push(machine);
  }
  for (const line of lineages.values()) {
    line.sort(newestFirst);
    line.forEach((node, index) => Object.assign(node, { generations: line[0]!.generation, hasNewer: index > 0, hasOlder: index < line.length - 1 }));
  }
  return { bases: [...lineages.values()].flat(), others };
}

const ALIVE = ["running", "paused", "saved", "stopping", "stalled"];
export const isAlive = (machine: Machine) => ALIVE.includes(machine.power);
/** Its guest stands still until it is started: it goes on where it was. */
export const isHalted = (machine: Pick<Machine, "power">) => machine.power === "paused" || machine.power === "stalled";

const STATES: Record<StateFilter, (machine: Machine) => boolean> = {
  all: () => true,
  running: isAlive,
  off: (machine) => machine.kind !== "base" && machine.power === "off",
  pending: (machine) => machine.pending,
  held: (machine) => machine.held,
  behind: (machine) => machine.behind,
  undo: (machine) => machine.undo_entries > 0,
};

export const hasState = (machine: Machine, state: StateFilter) => STATES[state](machine);

/** How many machines are in each state. */
export function countStates(machines: Iterable<Machine>): Record<StateFilter, number> {
  const counts = { all: 0, running: 0, off: 0, pending: 0, held: 0, behind: 0, undo: 0 };
  for (const machine of machines) for (const state of Object.keys(STATES) as StateFilter[]) if (STATES[state](machine)) counts[state]++;
  return counts;
}

function spineOf(node: BaseNode | undefined): TreeRow["spine"] {
  if (!node || (!node.hasNewer && !node.hasOlder)) return undefined;
  return node.hasNewer ? (node.hasOlder ? "through" : "end") : "begin";
}

export interface TreeFilter {
  text: string;
  state: StateFilter;
}

/** The rows to show: with a filter only what matches, with its base above it, and every base open. */
export function treeRows(tree: Tree, filter: TreeFilter, isOpen: (id: string) => boolean): TreeRow[] {
  const text = filter.text.trim().toLowerCase();
  const isFiltered = text !== "" || filter.state !== "all";
  const hasText = (machine: Machine) => machine.name.toLowerCase().includes(text);
  const hasState = STATES[filter.state];
  const rows: TreeRow[] = [];
  const addGroup = (row: Omit<TreeRow, "level" | "position" | "siblings" | "expanded">, all: Machine[], takesAll: boolean) => {
    const children = isFiltered ? all.filter((machine) => hasState(machine) && (takesAll || hasText(machine))) : all;
    const isItself = row.machine !== null && takesAll && hasState(row.machine);
    if (children.length === 0 && (isFiltered ? !isItself : row.machine === null)) return;
    const isExpanded = isFiltered || isOpen(row.id);
    const spine = isFiltered ? undefined : spineOf(row.node);
    rows.push({ ...row, level: 1, children, position: 0, siblings: 0, ...(spine && { spine }), ...(children.length > 0 && { expanded: isExpanded }) });
    if (!isExpanded) return;
    const through = spine === "begin" || spine === "through" ? { spine: "through" as const } : {};
    children.forEach((machine, index) => rows.push({ id: machine.id, level: 2, text: machine.name, machine, position: index + 1, siblings: children.length, ...through }));
  };
  for (const node of tree.bases) addGroup({ id: node.machine.id, text: node.machine.name, machine: node.machine, node }, node.clones, text === "" || hasText(node.machine));
  addGroup({ id: OTHERS, text: "Other machines", machine: null }, tree.others, text === "");
  const groups = rows.filter((row) => row.level === 1);
  groups.forEach((row, index) => Object.assign(row, { position: index + 1, siblings: groups.length }));
  return rows;
}
