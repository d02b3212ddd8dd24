// The audit trail: who did what to which machine, from where, with what result. Newest first, page by page.
import { useEffect, useState } from "preact/hooks";
import { asProblem, get, type Problem } from "../api.ts";
import { useCalm } from "../hooks.ts";
import { address, setQuery } from "../router.ts";
import type { AuditEntry, Page } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip } from "../ui/chip.tsx";
import { TextField } from "../ui/field.tsx";
import { Empty, Loading, ProblemNotice, Screen, Time } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { auditPath, describeAction, describeAddress, resultTone } from "./audit_words.ts";
import "./audit.css";

const PORTION = 100;

const columns: Column<AuditEntry>[] = [
  { head: "When", cell: (entry) => <Time at={entry.at} /> },
  { head: "What", heading: true, cell: (entry) => (entry.job ? <a href={`/jobs/${encodeURIComponent(entry.job)}`}>{describeAction(entry.action)}</a> : describeAction(entry.action)) },
  { head: "Machine", cell: (entry) => entry.machine && <a href={`/machines/${encodeURIComponent(entry.machine)}`}>{entry.machine}</a> },
  { head: "Who", cell: (entry) => entry.account ?? <span class="faint">nobody</span> },
  { head: "From", cell: describeAddress },
  { head: "Result", cell: (entry) => <span><Chip tone={resultTone(entry.result)}>{entry.result}</Chip> {entry.detail && <span class="soft">{entry.detail}</span>}</span> },
];

interface Trail {
  entries: AuditEntry[] | undefined;
  hasMore: boolean;
  problem: Problem | undefined;
  isBusy: boolean;
  more: () => void;
}

/** Reads the first page for a filter, and further ones when asked; what comes too late for the filter is dropped. */
function useTrail(account: string, machine: string): Trail {
  const [state, setState] = useState<{ of: string; entries?: AuditEntry[]; next: string | null; problem?: Problem; isBusy: boolean }>({ of: "", next: null, isBusy: true });
  const filter = `${account}\n${machine}`;
  const read = (after: string | null) => {
    setState((before) => ({ ...before, of: filter, isBusy: true }));
    get<Page<AuditEntry>>(auditPath(account, machine, after, PORTION)).then(
      (page) => setState((before) => (before.of !== filter ? before : { of: filter, entries: after ? [...(before.entries ?? []), ...page.items] : page.items, next: page.next, isBusy: false })),
      (error) => setState((before) => (before.of !== filter ? before : { ...before, problem: asProblem(error), isBusy: false })),
    );
  };
  useEffect(() => read(null), [filter]);
  return { entries: state.entries, hasMore: state.next !== null, problem: state.problem, isBusy: state.isBusy, more: () => read(state.next) };
}

export function AuditScreen() {
  const [account, setAccount] = useState(address.value.query.get("account") ?? "");
  const [machine, setMachine] = useState(address.value.query.get("machine") ?? "");
  const calm = { account: useCalm(account.trim()), machine: useCalm(machine.trim()) };
  useEffect(() => setQuery("account", calm.account), [calm.account]);
  useEffect(() => setQuery("machine", calm.machine), [calm.machine]);
  const trail = useTrail(calm.account, calm.machine);
  const empty = <Empty icon="audit" title="Nothing of that kind is on record">Accounts and machines are found by their whole name.</Empty>;
  return (
    <Screen title="Audit" windowTitle="Audit" subtitle="Who did what, to which machine, with what result. Newest first.">
      <div class="audit-filter">
        <TextField label="Account" placeholder="All" type="search" value={account} onInput={setAccount} />
        <TextField label="Machine" placeholder="All" type="search" value={machine} onInput={setMachine} />
      </div>
      {trail.problem && <ProblemNotice problem={trail.problem} />}
      {trail.entries ? <Table label="Audit trail" columns={columns} rows={trail.entries} rowKey={(entry) => entry.id} empty={empty} /> : !trail.problem && <Loading />}
      {trail.hasMore && <div><Button busy={trail.isBusy} onClick={trail.more}>Show older ones</Button></div>}
    </Screen>
  );
}
