// A user's machine in words that need no explanation; pure.
import { describeEvent } from "../machine/words.ts";
import type { HistoryEntry, Job, Machine, MachineFull, Power, Verb } from "../types.ts";

export const POWER_WORDS: Record<Power, string> = {
  unknown: "Not known right now",
  off: "Off",
  running: "On",
  paused: "Paused",
  saved: "Asleep",
  stopping: "Shutting down",
  stalled: "Stands still: the administrator must free space",
};

const DOING: Partial<Record<Verb, string>> = {
  start: "Starting…",
  shutdown: "Shutting down…",
  poweroff: "Switching off…",
  reboot: "Restarting…",
  restore: "Restoring…",
  rebase: "Being updated…",
  undo: "Getting its former system back…",
};

/** What is being done to a machine at this moment; empty: nothing. */
export function describeDoing({ id, name }: Pick<Machine, "id" | "name">, jobs: Iterable<Job>): string {
  for (const job of jobs) {
    const isOpen = job.state === "queued" || job.state === "running";
    if (isOpen && job.request.machines?.some((asked) => asked === id || asked === name)) return DOING[job.verb] ?? "";
  }
  return "";
}

export const KEPT = "Your files on the data disk stay exactly as they are.";
export const NO_DATA = "This machine has no data disk: everything in it is replaced, your files too.";
export const REPLACED = "The system starts again fresh. Programs that you installed yourself, and settings and files outside the data disk, are gone.";
export const RESET = "The disk for temporary files is emptied.";

/** What happens to each kind of disk when the system is replaced. */
export function fatesFor(machine: Pick<Machine, "roles">): { fate: "KEPT" | "REPLACED" | "RESET"; text: string }[] {
  const fates: { fate: "KEPT" | "REPLACED" | "RESET"; text: string }[] = [];
  if (machine.roles.data > 0) fates.push({ fate: "KEPT", text: KEPT });
  fates.push({ fate: "REPLACED", text: machine.roles.data > 0 ? REPLACED : NO_DATA });
  if (machine.roles.temporary > 0) fates.push({ fate: "RESET", text: RESET });
  return fates;
}

const WAITING: Record<string, string> = {
  restore: "It will be restored",
  undo: "It gets its former system back",
};

/** What the next restart brings; empty: nothing. */
export function describeNext(machine: Pick<MachineFull, "pending" | "pending_to" | "roles">): string {
  if (!machine.pending) return "";
  const what = WAITING[machine.pending_to?.cause ?? ""] ?? "An update is ready: it is put in";
  const kept = machine.roles.data > 0 ? KEPT : NO_DATA;
  return `${what} when you restart this machine or shut it down. ${kept} Save your work before; until then nothing changes.`;
}

const HAPPENED: Partial<Record<Verb, string>> = {
  rebase: "Update",
  clone: "Made for you",
  undo: "Former system put back",
  poweroff: "Switched off",
  reboot: "Restarted",
};

/** What happened, without the words of those who run the house: "Update", "Update: waits for a restart". */
export function describeMyEvent(entry: Pick<HistoryEntry, "verb" | "state">): string {
  const known = HAPPENED[entry.verb];
  if (!known || (entry.state !== "done" && entry.state !== "pending")) return describeEvent(entry);
  return entry.state === "pending" ? `${known}: waits for a restart` : known;
}
