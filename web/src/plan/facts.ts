// What a plan says, in sums and words; pure.
import { formatBytes } from "../format.ts";
import type { Decision, Fate, Plan, PlanItem, PlanVolume } from "../types.ts";
import { FATES } from "../words.ts";

export const lostBytes = (item: PlanItem) => item.volumes.reduce((sum, volume) => sum + volume.lost_bytes, 0);

export const sumOf = (plan: Plan, value: (item: PlanItem) => number) => plan.items.reduce((sum, item) => sum + value(item), 0);

/** How many machines the job would change, now or later. */
export const changes = (plan: Plan) => plan.counts.now + plan.counts.pending;

/** Whether two plans do the same to the same machines. How long it takes and how much is written meanwhile may differ. */
export function isSamePlan(one: Plan, other: Plan): boolean {
  const fates = (item: PlanItem) => item.volumes.map(({ target, fate, to_layer }) => [target, fate, to_layer]);
  const essence = (plan: Plan) => JSON.stringify(plan.items.map((item) => [item.machine, item.decision, item.reason, item.warnings, fates(item)]));
  return essence(one) === essence(other);
}

export const DECISIONS: Record<Decision, string> = {
  now: "now",
  pending: "when it stops",
  skip: "left out",
  refuse: "refused",
};

/** What a decision means for one machine: "now", "runs: moves at its own reboot or shutdown", "on hold: …". */
export function decisionText(item: PlanItem): string {
  return item.reason ?? DECISIONS[item.decision];
}

export interface FateGroup {
  role: string;
  fate: Fate;
  volumes: PlanVolume[];
  lost_bytes: number;
}

/** Volumes of the same role and fate together, worst first: two data volumes KEPT are one word. */
export function groupFates(volumes: PlanVolume[]): FateGroup[] {
  const groups = new Map<string, FateGroup>();
  for (const volume of volumes) {
    const key = `${volume.role} ${volume.fate}`;
    const group = groups.get(key) ?? { role: volume.role, fate: volume.fate, volumes: [], lost_bytes: 0 };
    group.volumes.push(volume);
    group.lost_bytes += volume.lost_bytes;
    groups.set(key, group);
  }
  return [...groups.values()].sort((a, b) => FATES.indexOf(a.fate) - FATES.indexOf(b.fate));
}

/** "system 20 GiB → 30 GiB" where a capacity changes. */
export function capacityChanges(volumes: PlanVolume[]): string[] {
  return volumes
    .filter((volume) => volume.capacity_before !== volume.capacity_after && volume.capacity_before > 0)
    .map((volume) => `${volume.target} ${formatBytes(volume.capacity_before)} → ${formatBytes(volume.capacity_after)}`);
}

export type PlanFilter = "all" | Decision | "warning";

export function filterItems(items: PlanItem[], filter: PlanFilter, text: string): PlanItem[] {
  const wanted = text.trim().toLowerCase();
  return items.filter((item) => {
    if (wanted && !item.machine.toLowerCase().includes(wanted)) return false;
    return filter === "all" || (filter === "warning" ? item.warnings.length > 0 : item.decision === filter);
  });
}
