// Doing things: a request becomes a job, and the job's course is told in a corner.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { asProblem, type Problem, submitJob } from "./api.ts";
import { capital, sentence } from "./format.ts";
import { isOpen, jobs, noteJob } from "./store.ts";
import type { Job, Request } from "./types.ts";
import { dismissToast, toast, toastProblem } from "./ui/toast.tsx";
import { describeTarget, VERBS } from "./words.ts";

const SHOWN_MS = 5000;

/** "Restoring desk-1…", "Rebased: desk-1, desk-2 onto office-2", with what failed or waits. */
function outcome(job: Job): string {
  const { title, progress, past } = VERBS[job.verb];
  const target = describeTarget(job.request);
  const { done, failed, pending } = job.counts;
  if (job.state === "queued" || job.state === "running") return `${progress} ${target}…`;
  if (job.state === "failed" && !done) return `${title} ${target}: failed`;
  if (job.state === "cancelled") return `${title} ${target}: cancelled`;
  const parts = [`${done} ${past}`, pending && `${pending} pending`, failed && `${failed} failed`].filter(Boolean);
  if (failed || pending) return `${title} ${target}: ${parts.join(", ")}`;
  return `${capital(past)}: ${job.message ?? target}`;
}

/** One line on a job, as it goes on; it leaves a while after the job has ended. */
function JobNews({ id, toastKey }: { id: string; toastKey: { value: number } }) {
  const job = jobs.value.get(id);
  const isOver = job !== undefined && (!isOpen(job) || job.state === "pending");
  useEffect(() => {
    if (!isOver || job?.state === "failed" || job?.counts.failed) return;
    const timer = setTimeout(() => dismissToast(toastKey.value), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [isOver]);
  if (!job) return null;
  return (
    <>
      <span data-failed={job.state === "failed" || job.counts.failed > 0}>{outcome(job)}</span> <a href={`/jobs/${job.id}`}>Show the job</a>
      {job.error && <p class="soft">{sentence(job.error.message)}{job.error.hint && <><br />{sentence(job.error.hint)}</>}</p>}
    </>
  );
}

/** Submits a request and tells of its job in a corner. Throws a Problem when it is refused. */
async function begin(request: Request): Promise<Job> {
  const job = await submitJob(request);
  noteJob(job);
  const key = signal(0);
  key.value = toast(<JobNews id={job.id} toastKey={key} />, true);
  return job;
}

/** The same; null when it was refused, which is told in the corner too. */
export async function submit(request: Request): Promise<Job | null> {
  try {
    return await begin(request);
  } catch (error) {
    toastProblem(error);
    return null;
  }
}

/** For dialogs: submits, is busy meanwhile, and keeps why it was refused, to be shown inside. */
export function useSubmit(onJob: (job: Job) => void) {
  const [state, setState] = useState<{ isBusy: boolean; problem?: Problem }>({ isBusy: false });
  const send = async (request: Request) => {
    if (state.isBusy) return;
    setState({ isBusy: true });
    try {
      const job = await begin(request);
      setState({ isBusy: false });
      onJob(job);
    } catch (error) {
      setState({ isBusy: false, problem: asProblem(error) });
    }
  };
  return { ...state, send };
}
