// The space that machines use: asked for only while they are in sight, a few at a time, and kept for a while.
import { signal } from "@preact/signals";
import { get, machinePath, Problem } from "../api.ts";
import type { Machine, Space } from "../types.ts";

interface Known {
  space: Space | null;
  /** What it holds for: another generation has other heads. */
  key: string;
  at: number;
}

const KEEP_MS = 60_000;
const AT_ONCE = 4;

const known = new Map<string, Known>();
const version = signal(0);
let queue: Machine[] = [];
let running = 0;

const keyOf = (machine: Machine) => `${machine.generation} ${machine.undo_entries} ${machine.kind}`;

/** What is known; undefined: not yet. */
export function spaceOf(machine: Machine): Space | null | undefined {
  version.value;
  return known.get(machine.id)?.space;
}

function isFresh(machine: Machine): boolean {
  const entry = known.get(machine.id);
  return entry !== undefined && entry.key === keyOf(machine) && Date.now() - entry.at < KEEP_MS;
}

async function read(machine: Machine): Promise<void> {
  const space = await get<Space>(machinePath(machine.id, "/space")).catch((error) => {
    if (error instanceof Problem) return null;
    throw error;
  });
  known.set(machine.id, { space, key: keyOf(machine), at: Date.now() });
  version.value++;
}

function next(): void {
  while (running < AT_ONCE && queue.length > 0) {
    const machine = queue.shift()!;
    if (isFresh(machine)) continue;
    running++;
    void read(machine).finally(() => {
      running--;
      next();
    });
  }
}

/** These are in sight now; what was waiting and has left is not asked for any more. */
export function wantSpace(machines: Machine[]): void {
  queue = machines.filter((machine) => !isFresh(machine));
  next();
}
