// What verbs and requests are called, for people.
import { count, listNames } from "./format.ts";
import type { Fate, Job, Request, RunningPolicy, Verb } from "./types.ts";

export interface VerbWords {
  /** What a button says. */
  title: string;
  /** What is going on: "Rebasing …". */
  progress: string;
  /** What has been done: "rebased". */
  past: string;
}

export const VERBS: Record<Verb, VerbWords> = {
  import: { title: "Import", progress: "Importing", past: "imported" },
  prepare: { title: "Prepare as a base", progress: "Preparing", past: "prepared" },
  unprepare: { title: "Unprepare", progress: "Unpreparing", past: "unprepared" },
  clone: { title: "Clone", progress: "Cloning", past: "cloned" },
  start: { title: "Start", progress: "Starting", past: "started" },
  shutdown: { title: "Shut down", progress: "Shutting down", past: "shut down" },
  poweroff: { title: "Power off", progress: "Powering off", past: "powered off" },
  reboot: { title: "Reboot", progress: "Rebooting", past: "rebooted" },
  restore: { title: "Restore", progress: "Restoring", past: "restored" },
  rebase: { title: "Rebase", progress: "Rebasing", past: "rebased" },
  undo: { title: "Undo", progress: "Undoing", past: "undone" },
  hold: { title: "Hold", progress: "Holding", past: "put on hold" },
  release: { title: "Release", progress: "Releasing", past: "released" },
  detach: { title: "Detach", progress: "Detaching", past: "detached" },
  remove: { title: "Remove", progress: "Removing", past: "removed" },
  export: { title: "Export", progress: "Exporting", past: "exported" },
  "volume-add": { title: "Add a volume", progress: "Adding a volume", past: "volume added" },
  "volume-attach": { title: "Attach a volume", progress: "Attaching a volume", past: "volume attached" },
  "volume-set-role": { title: "Set a role", progress: "Setting a role", past: "role set" },
  "volume-resize": { title: "Resize a volume", progress: "Resizing a volume", past: "volume resized" },
  backup: { title: "Back up the catalog", progress: "Backing up the catalog", past: "backed up" },
  repair: { title: "Repair", progress: "Repairing", past: "repaired" },
  reclaim: { title: "Reclaim", progress: "Reclaiming", past: "reclaimed" },
  flatten: { title: "Flatten a layer", progress: "Flattening a layer", past: "flattened" },
};

/** What happens to machines that run, in the order from gentle to hard. */
export const RUNNING: Record<RunningPolicy, { label: string; help: string }> = {
  reboot: { label: "Let them run; they move at their own reboot or shutdown", help: "Nobody is disturbed. The new system is ready and waits." },
  stop: { label: "Let them run; they move when they are shut down", help: "A reboot of the guest keeps the old system; only a real stop moves it." },
  shutdown: { label: "Ask them to shut down", help: "The guest may save its work. What does not stop before the deadline stays pending." },
  force: { label: "Power them off after the deadline", help: "Asked to shut down first; then the plug is pulled. Unsaved work is lost." },
};

/** Which fates a summary of volumes is told in, worst first. */
export const FATES: Fate[] = ["DELETED", "REPLACED", "RESET", "TO TRASH", "CHANGED", "SEALED", "UNSEALED", "CREATED", "KEPT"];

/** "all clones of office-1 onto office-2", "desk-1, desk-2 and 7 more". */
export function describeTarget(request: Request): string {
  const machines = request.machines ?? [];
  const onto = request.onto ? ` onto ${request.onto}` : "";
  if (request.all_of) return `all clones of ${request.all_of}${request.match ? ` matching ${request.match}` : ""}${onto}`;
  if (request.verb === "clone" && machines.length === 1) return `${machines[0]}, ${count(request.count ?? 1, "time")}`;
  if (request.verb === "clone") return `${machines[0]} as ${listNames(machines.slice(1))}`;
  return (listNames(machines) || request.layer || request.path || "") + onto;
}

/** "Rebase desk-1 onto office-2". */
export function describeJob(job: Job): string {
  return `${VERBS[job.verb].title} ${describeTarget(job.request)}`.trim();
}
