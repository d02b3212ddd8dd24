// Small marks: power, roles, fates, states. Never by colour alone: each carries its word or its shape.
import type { ComponentChildren } from "preact";
import type { Fate, JobState, ItemState, Machine, Power, Role } from "../types.ts";
import "./chip.css";

export type Tone = "neutral" | "good" | "warning" | "bad" | "replaced" | "reset" | "kept" | "accent";

export function Chip({ tone = "neutral", title, children }: { tone?: Tone; title?: string | undefined; children: ComponentChildren }) {
  return <span class={`chip ${tone}`} title={title}>{children}</span>;
}

const FATE_TONES: Record<Fate, Tone> = {
  KEPT: "kept",
  REPLACED: "replaced",
  RESET: "reset",
  DELETED: "bad",
  "TO TRASH": "warning",
  SEALED: "accent",
  UNSEALED: "accent",
  CREATED: "accent",
  CHANGED: "warning",
};

/** REPLACED, RESET, KEPT: the words that every command uses. */
export function FateChip({ fate, of }: { fate: Fate; of?: string }) {
  return <Chip tone={FATE_TONES[fate]}>{of && `${of} `}<b>{fate}</b></Chip>;
}

/** "system REPLACED, temporary RESET, data KEPT" with each fate marked. */
export function FateWords({ text = "system REPLACED, temporary RESET, data KEPT" }: { text?: string }) {
  const parts = text.split(/(REPLACED|RESET|KEPT|DELETED|TO TRASH)/);
  return <span class="fates">{parts.map((part) => (part in FATE_TONES ? <b class={FATE_TONES[part as Fate]}>{part}</b> : part))}</span>;
}

const POWERS: Record<Power, { word: string; help: string }> = {
  unknown: { word: "unknown", help: "Libvirt is away: whether it runs is not known." },
  off: { word: "off", help: "Off" },
  running: { word: "running", help: "Running" },
  paused: { word: "paused", help: "Paused: start it, and it goes on where it was." },
  saved: { word: "saved", help: "Its memory is saved: it counts as running." },
  stopping: { word: "stopping", help: "Stopping" },
  stalled: { word: "stalled", help: "Stalled: a disk could not be written. Free space, then start it: it goes on where it was." },
};

export function PowerMark({ power }: { power: Power }) {
  return (
    <span class={`power ${power}`} title={POWERS[power].help}>
      <i aria-hidden="true" />
      {POWERS[power].word}
    </span>
  );
}

const ROLES: Role[] = ["system", "temporary", "data"];

/** How many volumes of each role, as small blocks: solid system, dashed temporary, round data. */
export function RoleSummary({ roles }: { roles: Machine["roles"] }) {
  const words = ROLES.filter((role) => roles[role] > 0).map((role) => `${roles[role]} ${role}`);
  return (
    <span class="roles" title={words.join(", ")}>
      <span class="hidden-text">{words.join(", ")}</span>
      {ROLES.map((role) => Array.from({ length: Math.min(roles[role], 4) }, (_, index) => <i key={`${role}${index}`} class={role} aria-hidden="true" />))}
    </span>
  );
}

export function RoleName({ role }: { role: Role }) {
  return <span class="roles named"><i class={role} aria-hidden="true" />{role}</span>;
}

const JOB_TONES: Record<JobState | ItemState, Tone> = {
  queued: "neutral",
  waiting: "neutral",
  running: "accent",
  pending: "warning",
  done: "good",
  failed: "bad",
  skipped: "neutral",
  cancelled: "neutral",
};

export const stateWord = (state: JobState | ItemState) => (state === "skipped" ? "left out" : state);

export function StateChip({ state }: { state: JobState | ItemState }) {
  return <Chip tone={JOB_TONES[state]}>{stateWord(state)}</Chip>;
}
