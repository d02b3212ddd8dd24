// Accounts in words; pure.
import type { Problem } from "../api.ts";
import type { AccountRole } from "../types.ts";

export const ROLES: Record<AccountRole, { label: string; help: string }> = {
  user: { label: "User", help: "Sees and runs the machines assigned to them: start, shut down, restore, console." },
  operator: { label: "Operator", help: "Runs all machines: also restores and undoes. No bases, no rebase." },
  administrator: { label: "Administrator", help: "Everything, accounts too." },
};

export const PASSWORD_MIN = 8;
export const PASSWORD_HELP = `At least ${PASSWORD_MIN} characters. A few words are easy to remember and hard to guess.`;

/** What is wrong with a new password; empty: nothing. The daemon counts bytes, which are never fewer. */
export function checkNewPassword(password: string): string {
  if (!password) return "Choose a password.";
  const length = [...password].length;
  return length < PASSWORD_MIN ? `It has ${length} of at least ${PASSWORD_MIN} characters.` : "";
}

/** What is wrong with the name of a new account; empty: nothing. */
export function checkAccountName(name: string): string {
  if (!name) return "Choose a name.";
  if (name.length > 64) return "At most 64 characters.";
  if (name === "root") return "“root” is taken: it means root itself.";
  if (!/^[a-z0-9]/.test(name)) return "It begins with a small letter or a digit.";
  return /^[a-z0-9._@-]+$/.test(name) ? "" : "Small letters, digits and . _ - @ only.";
}

/** How long to wait, for people: "12 seconds", "2 minutes". */
export function describeWait(seconds: number): string {
  if (seconds <= 1) return "1 second";
  if (seconds < 90) return `${Math.ceil(seconds)} seconds`;
  return `${Math.ceil(seconds / 60)} minutes`;
}

/** Which of a form's fields a refusal is about, so that it can stand beside it; undefined: none in particular. */
export function fieldOf<F extends string>(problem: Problem, words: Record<F, RegExp>): F | undefined {
  return (Object.keys(words) as F[]).find((field) => words[field].test(problem.message));
}

/** Both sentences of a refusal in one line. */
export const wholeText = (problem: Problem) => [problem.message, problem.hint].filter(Boolean).join(" ");
