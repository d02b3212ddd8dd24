// A machine in words; pure.
import { formatBytes, formatDuration } from "../format.ts";
import type { Fate, HistoryEntry, Layer, Machine, MachineFull, Receipt, Role, UndoEntry } from "../types.ts";
import { VERBS } from "../words.ts";

const POWER_SENTENCES = {
  unknown: "Whether it runs is not known: libvirt is away.",
  off: "It is off.",
  running: "It runs.",
  paused: "It is paused: start it, and it goes on.",
  saved: "Its memory is saved, which counts as running.",
  stopping: "It is stopping.",
  stalled: "It has stalled: a disk could not be written. Free space, then start it, and it goes on where it was.",
};

/** "A clone of office-2. It is off." */
export function describeMachine(machine: Machine): string {
  if (machine.state === "removing") return "It is being removed.";
  if (machine.state === "creating") return "It is being made.";
  if (machine.state === "retired") return "A base that was removed: its layers stay until nothing needs them.";
  if (machine.kind === "base") return machine.base ? `A base, made from a clone of ${machine.base}.` : "A base.";
  const kind = machine.kind === "clone" ? `A clone of ${machine.base}.` : "A machine of its own, on no base.";
  return `${kind} ${POWER_SENTENCES[machine.power]}`;
}

type Waiting = Pick<MachineFull, "pending" | "pending_to" | "power">;

const WAITING_CAUSES: Record<string, string> = {
  restore: "A restore",
  rebase: "A rebase",
  undo: "An undo",
};

/** What waits for a running machine's stop; empty: nothing does. */
export function describePending({ pending, pending_to: to, power }: Waiting): string {
  if (!pending) return "";
  const what = WAITING_CAUSES[to?.cause ?? ""] ?? "A change";
  const onto = to?.cause === "rebase" && to.base_name ? ` onto ${to.base_name}` : "";
  if (power === "off") return `${what}${onto} is being settled.`;
  return `${what}${onto} waits: it happens when the machine shuts down or reboots. Until then it runs on undisturbed.`;
}

/** When each role's volumes begin anew. */
export const FATE_OF_ROLE: Record<Role, { fate: Fate; when: string }> = {
  system: { fate: "REPLACED", when: "by restore and rebase" },
  temporary: { fate: "RESET", when: "at every stop" },
  data: { fate: "KEPT", when: "always" },
};

/** A base's volumes are sealed, and those of a machine on no base have no fresh state to go back to. */
export function fateOf(machine: Machine, role: Role): { fate: Fate; when: string } {
  if (machine.kind === "base") return { fate: "SEALED", when: "never changes" };
  if (machine.kind === "machine" && role === "temporary") return { fate: "KEPT", when: "until there is a base" };
  return machine.kind === "machine" ? { fate: "KEPT", when: "always" } : FATE_OF_ROLE[role];
}

const CAUSES: Record<string, string> = {
  restore: "a restore",
  rebase: "a rebase",
  undo: "an undo",
  change: "a change of its volumes",
};

/** What put this system aside: "by a rebase". */
export const describeCause = (entry: UndoEntry) => `by ${CAUSES[entry.cause] ?? entry.cause}`;

/** When an undo entry goes by itself; null where that is not known. */
export function entryEnds(entry: UndoEntry, retentionSeconds: number | undefined): string | null {
  if (!entry.replaced_at || retentionSeconds === undefined) return null;
  return new Date(Date.parse(entry.replaced_at) + 1000 * retentionSeconds).toISOString();
}

/** How long ago: "3 min", "2 d 4 h". */
export const age = (at: string, now = Date.now()) => formatDuration(Math.max(0, (now - Date.parse(at)) / 1000));

// --- chains -------------------------------------------------------------------------------------------------------

export interface ChainLink {
  id: string;
  /** The base whose volume it was; its id where the layer is not known. */
  base: string;
  bytes: number | undefined;
}

/** The layers below a volume, from the top down. */
export function chainOf(ids: string[], layers: ReadonlyMap<string, Layer>): ChainLink[] {
  return ids.map((id) => {
    const layer = layers.get(id);
    return { id, base: layer?.machine ?? id, bytes: layer?.allocated_bytes };
  });
}

// --- history ------------------------------------------------------------------------------------------------------

/** "Restored", "Rebase failed", "Rebase waits for a stop". */
export function describeEvent({ verb, state }: Pick<HistoryEntry, "verb" | "state">): string {
  const { title, past } = VERBS[verb];
  if (state === "done") return past[0]!.toUpperCase() + past.slice(1);
  if (state === "failed") return `${title} failed`;
  if (state === "pending") return `${title} waits for a stop`;
  if (state === "skipped") return `${title}: left out`;
  if (state === "cancelled") return `${title} cancelled`;
  return `${title} is going on`;
}

/** The data volumes that a receipt speaks of. */
export const keptFiles = (receipt: Receipt | undefined): KeptFile[] => receipt?.data_kept ?? [];

type KeptFile = NonNullable<Receipt["data_kept"]>[number];

/** "vdc: inode 131093, 576 KiB, changed last 30 Nov 09:07:02". */
export function describeKeptFile(file: KeptFile, formatAt: (at: string) => string): string {
  const at = new Date(file.mtime_ns / 1e6).toISOString();
  return `${file.target}: inode ${file.inode}, ${formatBytes(file.size_bytes)}, written last ${formatAt(at)}`;
}

// --- sizes that are typed -----------------------------------------------------------------------------------------

const UNITS: Record<string, number> = { m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** "20", "20 GiB", "512 M", "1.5t" in bytes; a bare number is in GiB. undefined: no size. */
export function parseSize(text: string): number | undefined {
  const found = /^\s*(\d+(?:[.,]\d+)?)\s*([mgt])?(?:ib?|b)?\s*$/i.exec(text);
  if (!found) return undefined;
  const bytes = Number(found[1]!.replace(",", ".")) * UNITS[(found[2] ?? "g").toLowerCase()]!;
  const whole = Math.round(bytes / 1024 ** 2) * 1024 ** 2;
  return whole > 0 && whole <= Number.MAX_SAFE_INTEGER ? whole : undefined;
}
