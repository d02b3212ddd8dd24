// The audit trail in words; pure.
import type { AuditEntry, Verb } from "../types.ts";
import type { Tone } from "../ui/chip.tsx";
import { VERBS } from "../words.ts";

const ACTIONS: Record<string, string> = {
  login: "Log in",
  logout: "Log out",
  "set-up": "Set up by a link",
  "set-up-link": "Make a set-up link",
  job: "Ask for a job",
  "job-cancel": "Cancel a job",
  password: "Change the password",
  console: "Open the console",
  "account-add": "Add an account",
  "account-change": "Change an account",
  "account-remove": "Remove an account",
  "account-reset": "Reset an account",
  "token-add": "Make an API token",
  "token-revoke": "Remove an API token",
};

/** What was done: "Restore", "Log in". */
export function describeAction(action: string): string {
  if (action in VERBS) return VERBS[action as Verb].title;
  const known = ACTIONS[action];
  if (known) return known;
  const words = action.split("-").join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

const GOOD = ["ok", "done"];
const OPEN = ["pending", "skipped", "cancelled", "queued", "running", "waiting"];

export function resultTone(result: string): Tone {
  if (GOOD.includes(result)) return "good";
  if (result === "accepted") return "neutral";
  return OPEN.includes(result) ? "warning" : "bad";
}

/** Where it came from; none: the host itself. */
export const describeAddress = (entry: AuditEntry) => entry.address ?? "this host";

/** The query of one page of the trail. */
export function auditPath(account: string, machine: string, after: string | null, limit: number): string {
  const query = new URLSearchParams({ limit: String(limit) });
  if (account) query.set("account", account);
  if (machine) query.set("machine", machine);
  if (after) query.set("after", after);
  return `/audit?${query}`;
}
