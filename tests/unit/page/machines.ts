// Machines and volumes for tests: only what a case cares about is said.
import type { Machine, Volume } from "../../../web/src/types.ts";

export function machine(name: string, part: Partial<Machine> = {}): Machine {
  return {
    id: name,
    name,
    uuid: name,
    kind: "clone",
    power: "off",
    base: null,
    base_id: null,
    state: "ready",
    pending: false,
    held: false,
    behind: false,
    generation: 1,
    desired_generation: 1,
    undo_entries: 0,
    created_at: "2026-11-30T09:00:00Z",
    capacity_bytes: 0,
    roles: { system: 1, temporary: 1, data: 1 },
    ...part,
  };
}

export const base = (name: string, baseId: string | null = null) => machine(name, { kind: "base", state: "base", base_id: baseId });
export const clone = (name: string, baseId: string, part: Partial<Machine> = {}) => machine(name, { base_id: baseId, ...part });

export function volume(target: string, role: Volume["role"], own = false): Volume {
  return { target, role, own, format: "qcow2", capacity_bytes: 1024, layer: null };
}
