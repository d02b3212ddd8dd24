// One job: its progress as it goes on, what failed and why, and what can be done about it.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { cancelJob, get } from "../api.ts";
import { machinePage } from "../bases/paths.ts";
import { useAsync } from "../hooks.ts";
import { capital, count, formatBytes, formatDuration, formatExact, listNames, sentence } from "../format.ts";
import { navigate } from "../router.ts";
import { openPlan } from "../plan/dialog.tsx";
import { mergeItems, requestFor } from "../job_items.ts";
import { submit } from "../run.tsx";
import { hasRole, isOpen, jobs, onJobItems } from "../store.ts";
import type { ItemState, Job, JobItem, Receipt } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { FateWords, StateChip, stateWord } from "../ui/chip.tsx";
import { confirm } from "../ui/dialog.tsx";
import { FilterChips } from "../ui/filter.tsx";
import { Facts, Loading, Notice, ProblemNotice, Screen, Time } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { toastProblem } from "../ui/toast.tsx";
import { describeCounts, describeRequest } from "../words.ts";
import { JobProgress } from "./jobs.tsx";
import "./job.css";

/** The job with its items, kept up to date by events. */
function useJobItems(id: string) {
  const read = useAsync(() => get<Job>(`/jobs/${encodeURIComponent(id)}`), [id]);
  const [heard, setHeard] = useState<ReadonlyMap<string, JobItem>>(new Map());
  useEffect(() => onJobItems((changes) => {
    const items = changes.get(id);
    if (items) setHeard((before) => new Map([...before, ...items.map((item): [string, JobItem] => [item.machine_id ?? "", item])]));
  }), [id]);
  const live = jobs.value.get(id);
  const job = live && read.value ? { ...read.value, ...live } : read.value;
  return { job, items: mergeItems(read.value?.items ?? [], heard), problem: read.problem };
}

const ITEM_ORDER: ItemState[] = ["failed", "running", "pending", "waiting", "skipped", "cancelled", "done"];

const named = (items: JobItem[], states: ItemState[]) => items.filter((item) => states.includes(item.state)).flatMap((item) => item.machine ?? []);

const UNDOABLE = ["restore", "rebase", "undo"];

/** Whether one may ask for the job's verb at all. */
const mayRepeat = (job: Job) => hasRole(["start", "shutdown", "poweroff", "reboot", "restore", "undo"].includes(job.verb) ? "operator" : "administrator");

async function cancel(job: Job): Promise<void> {
  const sure = await confirm({
    title: `Cancel this job?`,
    body: <p>What is not decided yet is left as it is, and machines that wait for a stop stay on their old system. What has been done stays done{UNDOABLE.includes(job.verb) ? ": undo takes it back." : "."}</p>,
    label: "Cancel the job",
  });
  if (sure) await cancelJob(job.id).catch(toastProblem);
}

function Actions({ job, items }: { job: Job; items: JobItem[] }) {
  const failed = named(items, ["failed", "cancelled"]);
  const done = named(items, ["done"]);
  const retry = async () => {
    const next = await submit(requestFor(job.request, failed));
    if (next) navigate(`/jobs/${next.id}`);
  };
  return (
    <>
      {isOpen(job) && hasRole("operator") && <Button onClick={() => void cancel(job)}>Cancel the job</Button>}
      {!isOpen(job) && failed.length > 0 && mayRepeat(job) && <Button kind="primary" icon="reboot" onClick={() => void retry()}>Retry failed ({failed.length.toLocaleString()})</Button>}
      {!isOpen(job) && done.length > 0 && UNDOABLE.includes(job.verb) && hasRole("operator") && (
        <Button icon="undo" onClick={() => openPlan({ verb: "undo", machines: done }, { title: `Undo this ${job.verb} of ${count(done.length, "machine")}` })}>{done.length > 1 ? `Undo all (${done.length.toLocaleString()})…` : "Undo…"}</Button>
      )}
    </>
  );
}

function Summary({ job }: { job: Job }) {
  const active = isOpen(job);
  const seconds = job.started_at && job.finished_at ? (Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000 : undefined;
  const facts: [string, ComponentChildren][] = [
    ["Asked by", job.requested_by],
    ["Begun", <Time at={job.started_at ?? job.created_at} />],
    ...(job.finished_at ? [["Ended", <><Time at={job.finished_at} />{seconds !== undefined && <span class="soft"> in {formatDuration(seconds)}</span>}</>] as [string, ComponentChildren]] : []),
  ];
  return (
    <section class="panel job-summary">
      <div class="stack">
        <div class="row">
          <StateChip state={job.state} />
          <b aria-live="polite">{describeCounts(job)}</b>
          {job.waits_for && <span class="soft">waits for {job.waits_for}</span>}
          {active && job.phase && <span class="soft">{job.phase}</span>}
          {job.estimate_seconds !== undefined && <span class="soft">about {formatDuration(job.estimate_seconds)} left</span>}
        </div>
        <JobProgress job={job} />
        {UNDOABLE.includes(job.verb) && <p class="soft"><FateWords /></p>}
      </div>
      <Facts facts={facts} />
    </section>
  );
}

const PENDING_HELP = "Its new system is ready. It moves when it stops.";

/** The cheap proof that data was kept: the same files, untouched. */
function Proof({ receipt }: { receipt: Receipt }) {
  const files = receipt.data_kept ?? [];
  if (!receipt.proven || files.length === 0) return null;
  const title = files.map((file) => `${file.target}: inode ${file.inode}, ${formatBytes(file.size_bytes)}, changed last ${formatExact(new Date(file.mtime_ns / 1e6).toISOString())}`).join("\n");
  return <span title={title}><FateWords text="data KEPT" />, proven: {listNames(files.map((file) => file.target))} untouched</span>;
}

function ItemDetail({ item }: { item: JobItem }) {
  return (
    <>
      {item.receipt && <Proof receipt={item.receipt} />}
      {item.error ? <span>{sentence(item.error.message)}</span> : item.message ?? (item.state === "pending" ? PENDING_HELP : "")}
      {item.error?.hint && <p class="plan-note">{sentence(item.error.hint)}</p>}
    </>
  );
}

function itemColumns(job: Job): Column<JobItem>[] {
  const undo = (item: JobItem) => openPlan({ verb: "undo", machines: [item.machine!] });
  return [
    { head: "Machine", heading: true, cell: (item) => (item.machine ? <a href={machinePage({ name: item.machine })} class="name">{item.machine}</a> : "–"), sort: (item) => item.machine ?? "" },
    { head: "State", cell: (item) => <StateChip state={item.state} />, sort: (item) => ITEM_ORDER.indexOf(item.state) },
    { head: "What came of it", cell: (item) => <ItemDetail item={item} />, sort: (item) => item.error?.message ?? item.message ?? "" },
    ...(UNDOABLE.includes(job.verb) && hasRole("operator")
      ? [{ head: "Undo", cell: (item: JobItem) => (item.state === "done" || item.state === "pending") && item.machine && <Button small kind="quiet" icon="undo" label={`Undo ${item.machine}`} onClick={() => undo(item)} /> }]
      : []),
  ];
}

function Items({ job, items }: { job: Job; items: JobItem[] }) {
  const [state, setState] = useState<ItemState | "all">("all");
  const choices = (["all", ...ITEM_ORDER] as const)
    .map((value) => ({ value, label: value === "all" ? "All" : capital(stateWord(value)), count: value === "all" ? items.length : items.filter((item) => item.state === value).length }))
    .filter((choice) => choice.value === "all" || choice.value === state || choice.count > 0);
  const rows = items.filter((item) => state === "all" || item.state === state).sort((a, b) => ITEM_ORDER.indexOf(a.state) - ITEM_ORDER.indexOf(b.state));
  return (
    <section class="stack">
      {choices.length > 2 && <FilterChips label="State" choices={choices} value={state} onChange={setState} />}
      <Table label="Machines of the job" columns={itemColumns(job)} rows={rows} rowKey={(item) => item.machine_id ?? item.machine ?? ""} />
    </section>
  );
}

export function JobScreen({ params }: { params: Record<string, string> }) {
  const { job, items, problem } = useJobItems(params.id!);
  const up = hasRole("operator") ? { href: "/jobs", label: "Jobs" } : { href: "/machines", label: "My machines" };
  if (!job) return <Screen title="Job" windowTitle="Job" up={up}>{problem ? <ProblemNotice problem={problem} /> : <Loading />}</Screen>;
  const title = describeRequest(job.request);
  return (
    <Screen title={title} windowTitle={title} up={up} actions={<Actions job={job} items={items} />}>
      <Summary job={job} />
      {job.error && <Notice tone="bad"><strong>{sentence(job.error.message)}</strong>{job.error.hint && <p>{sentence(job.error.hint)}</p>}</Notice>}
      {items.length > 0 && <Items job={job} items={items} />}
    </Screen>
  );
}
