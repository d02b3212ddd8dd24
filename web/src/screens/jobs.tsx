// Jobs: what is being done and what was done, newest first.
import { getAll } from "../api.ts";
import { useAsync } from "../hooks.ts";
import { formatDuration, sentence } from "../format.ts";
import { isOpen, jobs } from "../store.ts";
import type { Job } from "../types.ts";
import { StateChip } from "../ui/chip.tsx";
import { Empty, Loading, ProblemNotice, Progress, Screen, Time } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { describeCounts, describeTarget, VERBS } from "../words.ts";
import "./job.css";

/** The bar of a job: done, pending, failed and left out of all. */
export function JobProgress({ job }: { job: Job }) {
  const { done, pending, failed, skipped, cancelled } = job.counts;
  const shares = [
    { value: done, tone: "good" as const },
    { value: pending, tone: "warning" as const },
    { value: failed, tone: "bad" as const },
    { value: skipped + cancelled, tone: "faint" as const },
  ];
  return <Progress label={VERBS[job.verb].progress} total={job.total} shares={shares} active={job.state === "running"} />;
}

/** What a pending job waits for: people, so there is no saying how long. */
export function JobWait({ job }: { job: Job }) {
  return job.waits_for ? <small class="job-wait">waits for {job.waits_for}</small> : null;
}

/** How long it took, or is estimated to take still. */
function describeTime(job: Job): string {
  if (job.estimate_seconds !== undefined && !job.finished_at) return `about ${formatDuration(job.estimate_seconds)} left`;
  if (!job.started_at || !job.finished_at) return "";
  return formatDuration((Date.parse(job.finished_at) - Date.parse(job.started_at)) / 1000);
}

const columns: Column<Job>[] = [
  { head: "State", cell: (job) => <StateChip state={job.state} />, sort: (job) => job.state },
  { head: "Job", heading: true, cell: (job) => <a href={`/jobs/${job.id}`}>{VERBS[job.verb].title} <span class="soft">{describeTarget(job.request)}</span></a>, sort: (job) => job.verb },
  { head: "Progress", cell: (job) => <>{isOpen(job) && <JobProgress job={job} />}<span class="soft">{job.error ? sentence(job.error.message) : describeCounts(job)}<JobWait job={job} /></span></> },
  { head: "Asked by", cell: (job) => job.requested_by, sort: (job) => job.requested_by },
  { head: "When", cell: (job) => <Time at={job.created_at} />, sort: (job) => job.created_at ?? "" },
  { head: "Took", cell: describeTime, number: true },
];

export function JobsScreen() {
  const older = useAsync(() => getAll<Job>("/jobs?limit=1000"), []);
  const all = new Map([...(older.value ?? []).map((job): [string, Job] => [job.id, job]), ...jobs.value]);
  const rows = [...all.values()].sort((a, b) => (b.created_at ?? "").localeCompare(a.created_at ?? ""));
  return (
    <Screen title="Jobs" windowTitle="Jobs" subtitle="What is being done, and what was done. Newest first.">
      {older.problem && <ProblemNotice problem={older.problem} />}
      {!older.value && !older.problem ? <Loading /> : (
        <Table label="Jobs" columns={columns} rows={rows} rowKey={(job) => job.id}
          empty={<Empty icon="jobs" title="No jobs yet">Everything that takes longer than a moment becomes a job: clone a base, restore a machine, rebase all clones. It is listed here while it runs and afterwards.</Empty>} />
      )}
    </Screen>
  );
}
