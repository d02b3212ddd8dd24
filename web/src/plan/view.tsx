// A plan to look at: its sums, its warnings, and what happens to every machine.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { count, formatBytes, formatDuration } from "../format.ts";
import { findMachine } from "../store.ts";
import type { Decision, Plan, PlanItem, Verb } from "../types.ts";
import { Chip, FateChip, PowerMark, type Tone } from "../ui/chip.tsx";
import { FilterChips } from "../ui/filter.tsx";
import { Notice } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { capacityChanges, DECISIONS, decisionText, filterItems, groupFates, lostBytes, type PlanFilter, sumOf } from "./facts.ts";
import "./view.css";

const DECISION_TONES: Record<Decision, Tone> = { now: "good", pending: "warning", skip: "neutral", refuse: "bad" };

const REPLACING: Verb[] = ["restore", "rebase", "undo"];

function Figure({ label, value, note }: { label: string; value: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>{value}{note && <small>{note}</small>}</dd>
    </div>
  );
}

function Figures({ plan }: { plan: Plan }) {
  const isMany = plan.items.length > 1;
  const lost = sumOf(plan, lostBytes);
  const held = sumOf(plan, (item) => item.held_bytes);
  const freed = sumOf(plan, (item) => item.freed_bytes);
  return (
    <dl class="figures">
      {isMany && <Figure label="Now" value={plan.counts.now.toLocaleString()} />}
      {isMany && plan.counts.pending > 0 && <Figure label="When they stop" value={plan.counts.pending.toLocaleString()} />}
      {isMany && plan.counts.skip > 0 && <Figure label="Left out" value={plan.counts.skip.toLocaleString()} />}
      {isMany && plan.counts.refuse > 0 && <Figure label="Refused" value={plan.counts.refuse.toLocaleString()} />}
      {REPLACING.includes(plan.verb) && <Figure label="Written since fresh, discarded" value={formatBytes(lost)} note={held > 0 && `${formatBytes(held)} held for undo`} />}
      {freed > 0 && <Figure label="Freed" value={formatBytes(freed)} />}
      <Figure label="Needed" value={formatBytes(plan.needed_bytes)} note={`${formatBytes(plan.free_bytes)} free`} />
      {plan.estimate_seconds !== undefined && <Figure label="Takes about" value={formatDuration(plan.estimate_seconds)} />}
    </dl>
  );
}

/** The fates of a machine's volumes, with what is lost and what changes in size. */
function Fates({ item }: { item: PlanItem }) {
  return (
    <span class="row tight one-line">
      {groupFates(item.volumes).map((group) => (
        <FateChip key={group.role + group.fate} fate={group.fate} of={group.volumes.length > 1 ? `${group.volumes.length} ${group.role}` : group.role} />
      ))}
      {capacityChanges(item.volumes).map((text) => <Chip key={text} tone="warning">{text}</Chip>)}
    </span>
  );
}

function WhatHappens({ item }: { item: PlanItem }) {
  const behind = findMachine(item.machine)?.behind_reason;
  return (
    <>
      <Chip tone={DECISION_TONES[item.decision]}>{DECISIONS[item.decision]}</Chip>{" "}
      {item.reason && <span>{decisionText(item)}</span>}
      {item.hint && <p class="plan-note">{item.hint}</p>}
      {behind && <p class="plan-note">Is behind: {behind}</p>}
      {item.warnings.map((warning) => <p key={warning} class="plan-note warning">{warning}</p>)}
    </>
  );
}

const bytes = (value: number) => (value ? formatBytes(value) : <span class="faint">–</span>);

const columns: Column<PlanItem>[] = [
  { head: "Machine", heading: true, cell: (item) => <span class="name">{item.machine}</span>, sort: (item) => item.machine },
  { head: "Power", cell: (item) => <PowerMark power={item.power} />, sort: (item) => item.power },
  { head: "What happens", cell: (item) => <WhatHappens item={item} />, sort: (item) => `${item.decision} ${item.reason ?? ""}` },
  { head: "Volumes", cell: (item) => <Fates item={item} /> },
  { head: "Discarded", cell: (item) => bytes(lostBytes(item)), sort: lostBytes, number: true },
  { head: "Held for undo", cell: (item) => bytes(item.held_bytes), sort: (item) => item.held_bytes, number: true },
  { head: "Freed", cell: (item) => bytes(item.freed_bytes), sort: (item) => item.freed_bytes, number: true },
];

/** Without the columns that say nothing about anybody. */
function columnsFor(plan: Plan): Column<PlanItem>[] {
  const says = (column: Column<PlanItem>, item: PlanItem) => (column.number ? Number(column.sort!(item)) > 0 : column.head !== "Power" || item.power !== "unknown");
  return columns.filter((column) => plan.items.some((item) => says(column, item)));
}

const FILTER_FROM = 8;

export function PlanView({ plan }: { plan: Plan }) {
  const [filter, setFilter] = useState<PlanFilter>("all");
  const [text, setText] = useState("");
  const warned = plan.items.filter((item) => item.warnings.length > 0).length;
  const choices: { value: PlanFilter; label: string; count: number }[] = [
    { value: "all", label: "All", count: plan.items.length },
    { value: "now", label: "Now", count: plan.counts.now },
    { value: "pending", label: "When they stop", count: plan.counts.pending },
    { value: "skip", label: "Left out", count: plan.counts.skip },
    { value: "refuse", label: "Refused", count: plan.counts.refuse },
    { value: "warning", label: "With a warning", count: warned },
  ];
  return (
    <div class="plan">
      <Figures plan={plan} />
      {plan.warnings.length > 0 && (
        <Notice tone="warning">{plan.warnings.map((warning) => <p key={warning}>{warning}</p>)}</Notice>
      )}
      {plan.items.length >= FILTER_FROM && (
        <div class="row">
          <input class="input plan-filter" type="search" placeholder="Filter by name" aria-label="Filter by name" value={text} onInput={(event) => setText(event.currentTarget.value)} />
          <FilterChips label="Show" choices={choices.filter((choice) => choice.count > 0)} value={filter} onChange={setFilter} />
        </div>
      )}
      <Table label={`The plan for ${count(plan.items.length, "machine")}`} columns={columnsFor(plan)} rows={filterItems(plan.items, filter, text)} rowKey={(item) => item.machine}
        empty={<p class="soft">No machine is like this.</p>} />
    </div>
  );
}
