// The first step of a rebase: the base to move to. Those that do not fit are shown with the reason, and cannot be chosen.
import { useState } from "preact/hooks";
import type { MachineFull } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip } from "../ui/chip.tsx";
import { Empty, Time } from "../ui/page.tsx";
import { alignOutlines, describeDifference, fits, type OutlineRow } from "./outline.ts";
import { Outlines } from "./outlines.tsx";
import "../ui/choose.css";

export interface Candidate {
  base: MachineFull;
  /** Of the old base whose outline differs, or of the first. */
  old: MachineFull | undefined;
  rows: OutlineRow[];
  /** It was made from each of the old bases, by way of others perhaps: a newer generation of the same. */
  descends: boolean;
  /** Why it cannot be chosen; empty: it can. */
  why: string;
}

function descendsFrom(base: MachineFull, old: MachineFull, bases: Map<string, MachineFull>): boolean {
  let parent = bases.get(base.base_id ?? "");
  for (let steps = 0; parent && steps < bases.size; steps++) {
    if (parent.id === old.id) return true;
    parent = bases.get(parent.base_id ?? "");
  }
  return false;
}

/** All bases against those that the machines are on now: fitting first, of these newer generations first, then the newest. */
export function findCandidates(bases: MachineFull[], oldBases: MachineFull[]): Candidate[] {
  const byId = new Map(bases.map((base) => [base.id, base]));
  const candidates = bases.map((base) => {
    const compared = oldBases.map((old) => ({ old, rows: alignOutlines(old.volumes, base.volumes) }));
    const worst = compared.find(({ rows }) => !fits(rows)) ?? compared[0];
    const rows = worst?.rows ?? [];
    const isOnly = oldBases.length === 1 && oldBases[0]!.id === base.id;
    const why = base.state === "retired" ? "It was removed: no machine moves to it any more." : isOnly ? "They are on it now." : fits(rows) ? "" : describeDifference(rows);
    const descends = oldBases.length > 0 && oldBases.every((old) => descendsFrom(base, old, byId));
    return { base, old: worst?.old, rows, descends, why };
  });
  return candidates.sort((a, b) => Number(a.why !== "") - Number(b.why !== "") || Number(b.descends) - Number(a.descends) || (b.base.prepared_at ?? "").localeCompare(a.base.prepared_at ?? ""));
}

function CandidateRow({ candidate, chosen, onChoose }: { candidate: Candidate; chosen: boolean; onChoose: () => void }) {
  const { base, old, rows, why } = candidate;
  const [isOpen, setOpen] = useState(!fits(rows));
  return (
    <li class={`choose-entry ${why ? "unfit" : ""}`}>
      <label>
        <input type="radio" name="onto" checked={chosen} disabled={why !== ""} onChange={onChoose} />
        <span class="grow">
          <b>{base.name}</b> {candidate.descends && old && <Chip tone="accent">made from {old.name}</Chip>}
          <small>{why ? why : <>prepared <Time at={base.prepared_at} /></>}</small>
        </span>
      </label>
      {rows.length > 0 && old && old.id !== base.id && (
        <Button kind="quiet" small icon="outline" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>Outlines</Button>
      )}
      {isOpen && old && <div class="choose-outlines"><Outlines left={`${old.name} (now)`} right={base.name} rows={rows} /></div>}
    </li>
  );
}

export function TargetStep({ candidates, onto, onChoose }: { candidates: Candidate[]; onto: string; onChoose: (name: string) => void }) {
  if (candidates.every((candidate) => candidate.why)) {
    return (
      <>
        <Empty icon="bases" title="No base fits yet">The usual way: <i>Prepare an update</i> at the base the machines are on. A clone of it is updated and becomes the next base.</Empty>
        {candidates.length > 1 && <CandidateList {...{ candidates, onto, onChoose }} />}
      </>
    );
  }
  return <CandidateList {...{ candidates, onto, onChoose }} />;
}

function CandidateList({ candidates, onto, onChoose }: { candidates: Candidate[]; onto: string; onChoose: (name: string) => void }) {
  return (
    <fieldset class="field">
      <legend>Onto which base?</legend>
      <ul class="choose">
        {candidates.map((candidate) => (
          <CandidateRow key={candidate.base.id} candidate={candidate} chosen={candidate.base.name === onto} onChoose={() => onChoose(candidate.base.name)} />
        ))}
      </ul>
    </fieldset>
  );
}
