// The doctor: whether catalog, store and libvirt agree, what is different, and what to do about it.
import { useState } from "preact/hooks";
import { get } from "../api.ts";
import { sentence } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { submit } from "../run.tsx";
import { endedJobs } from "../store.ts";
import type { Failure, Finding } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip } from "../ui/chip.tsx";
import { confirm } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loading, Notice, ProblemNotice } from "../ui/page.tsx";
import { Section } from "../ui/section.tsx";

const LEVELS = {
  error: { tone: "bad", icon: "error", word: "error" },
  warning: { tone: "warning", icon: "warning", word: "warning" },
  info: { tone: "neutral", icon: "info", word: "to know" },
} as const;

function FindingItem({ finding }: { finding: Finding }) {
  const level = LEVELS[finding.level];
  return (
    <li class={`finding ${finding.level}`}>
      <Icon name={level.icon} />
      <div class="grow">
        <p><Chip tone={level.tone}>{level.word}</Chip> {finding.text && sentence(finding.text)}</p>
        {finding.remedy && <p class="soft">{sentence(finding.remedy)}</p>}
      </div>
      {finding.repairable && <Chip tone="accent">can be repaired</Chip>}
    </li>
  );
}

async function repair(): Promise<void> {
  const sure = await confirm({
    title: "Repair what can be repaired?",
    body: <p>Only what needs no guess is done: our own protection, our own leftovers, our own part of a definition. No data is touched.</p>,
    label: "Repair",
  });
  if (sure) await submit({ verb: "repair" });
}

function Findings({ items, question }: { items: Finding[]; question?: Failure | undefined }) {
  if (items.length === 0 && !question) return <Notice tone="good">Catalog, store and libvirt agree. There is nothing to do.</Notice>;
  return (
    <>
      {question && <Notice tone="bad"><b>{sentence(question.message)}</b> {question.hint && sentence(question.hint)}</Notice>}
      <ul class="panel findings">{items.map((finding) => <FindingItem key={`${finding.id} ${finding.subject} ${finding.text}`} finding={finding} />)}</ul>
    </>
  );
}

export function Doctor() {
  const [turn, setTurn] = useState(0);
  const { value, problem, isBusy } = useAsync(() => get<{ items: Finding[]; question?: Failure }>("/doctor"), [turn, endedJobs.value]);
  const canRepair = value?.items.some((finding) => finding.repairable);
  const actions = (
    <>
      <Button small busy={isBusy} onClick={() => setTurn(turn + 1)}>Look again</Button>
      {canRepair && <Button small kind="primary" onClick={() => void repair()}>Repair…</Button>}
    </>
  );
  return (
    <Section title="Doctor" note="Compares catalog, store and libvirt." actions={actions}>
      {problem && <ProblemNotice problem={problem} />}
      {value ? <Findings items={value.items} question={value.question} /> : !problem && <Loading label="Looking…" />}
    </Section>
  );
}
