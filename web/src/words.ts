// What verbs and requests are called, for people.
import { count, listNames } from "./format.ts";
import { machines as known } from "./store.ts";
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
  purge: { title: "Delete kept data", progress: "Deleting kept data", past: "purged" },
  forget: { title: "Forget undo", progress: "Forgetting undo", past: "left without undo" },
};

/** What happens to machines that run, in the order from gentle to hard. */
export const RUNNING: Record<RunningPolicy, { label: string; help: string }> = {
  reboot: { label: "Wait for a reboot or shutdown from inside", help: "Nobody is disturbed. The new system is ready, and the user's own reboot moves the machine." },
  stop: { label: "Wait for a shutdown", help: "A reboot of the guest keeps the old system; only a real stop moves the machine." },
  shutdown: { label: "Ask the guest to shut down", help: "It may save its work. What has not stopped at the deadline stays pending." },
  force: { label: "Shut down, and power off at the deadline", help: "Asked first; then it is like pulling the plug, and unsaved work is lost." },
};

/** Which fates a summary of volumes is told in, worst first. */
export const FATES: Fate[] = ["DELETED", "REPLACED", "RESET", "TO TRASH", "CHANGED", "SEALED", "UNSEALED", "CREATED", "KEPT"];

/** "all clones of office-1 onto office-2", "desk-1, desk-2 and 7 more". */
export function describeTarget(request: Request): string {
  const machines = (request.machines ?? []).map((name) => known.get(name)?.name ?? name); // some are named by their ids
  const onto = request.onto ? ` onto ${request.onto}` : "";
  if (request.all_of) return `all clones of ${request.all_of}${request.match ? ` matching ${request.match}` : ""}${onto}`;
  if (request.verb === "clone" && machines.length === 1) return `${machines[0]}, ${count(request.count ?? 1, "time")}`;
  if (request.verb === "clone") return `${machines[0]} as ${listNames(machines.slice(1))}`;
  if (request.trash) return "in the trash";
  return (listNames(machines) || request.layer || request.path || "") + onto;
}

/** "Rebase desk-1 onto office-2", "Prepare office-2 as a base". */
export function describeRequest(request: Request): string {
  const target = describeTarget(request);
  return request.verb === "prepare" ? `Prepare ${target} as a base` : `${VERBS[request.verb].title} ${target}`.trim();
}

/** "48 done, 1 failed, 3 pending". */
export function describeCounts(job: Job): string {
  const { done, pending, failed, skipped, cancelled } = job.counts;
  const parts: [number, string][] = [[done, "done"], [failed, "failed"], [pending, "pending"], [skipped, "left out"], [cancelled, "cancelled"]];
  const said = parts.filter(([number]) => number > 0).map(([number, word]) => `${number.toLocaleString()} ${word}`);
  return said.length ? said.join(", ") : job.total ? count(job.total, "machine") : (job.message ?? "");
}
