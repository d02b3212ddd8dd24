// The plan dialog: shows what a request would do, lets its options be chosen, and does it when confirmed.
import { useState } from "preact/hooks";
import { makePlan } from "../api.ts";
import { count } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { useSubmit } from "../run.tsx";
import type { Job, Plan, Request, Verb } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { FateWords } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { Loading, ProblemNotice } from "../ui/page.tsx";
import { describeRequest, VERBS } from "../words.ts";
import { changes } from "./facts.ts";
import { PlanOptions } from "./options.tsx";
import { PlanView } from "./view.tsx";

const DANGEROUS: Verb[] = ["remove", "purge", "forget", "poweroff"];

/** Fields that are undefined are left out, so that the daemon never sees them. */
export const cleanRequest = (request: Request): Request => JSON.parse(JSON.stringify(request)) as Request;

interface ConfirmProps {
  plan: Plan | undefined;
  request: Request;
  busy: boolean;
  onConfirm: () => void;
}

/** "Rebase 12 machines", with the words of what happens beside it. */
export function PlanConfirm({ plan, request, busy, onConfirm }: ConfirmProps) {
  const number = plan ? changes(plan) : 0;
  const why = plan && number === 0 ? "There is nothing to do" : undefined;
  const title = VERBS[request.verb].title;
  return (
    <Button kind={DANGEROUS.includes(request.verb) ? "danger" : "primary"} busy={busy || !plan} why={why} onClick={onConfirm}>
      {number > 1 ? `${title} ${count(number, "machine")}` : title}
    </Button>
  );
}

interface PlanDialogProps {
  request: Request;
  title?: string | undefined;
  onClose: () => void;
  onDone?: ((job: Job) => void) | undefined;
}

function PlanDialog({ request: asked, title, onClose, onDone }: PlanDialogProps) {
  const [request, setRequest] = useState(asked);
  const { value: plan, problem, isBusy } = useAsync(() => makePlan(request), [JSON.stringify(request)]);
  const change = (part: Partial<Request>) => setRequest(cleanRequest({ ...request, ...part }));
  const sending = useSubmit((job) => {
    onClose();
    onDone?.(job);
  });
  const footer = (
    <>
      <p class="grow">{plan?.summary && <FateWords text={plan.summary} />}</p>
      <Button onClick={onClose}>Cancel</Button>
      <PlanConfirm plan={plan} request={request} busy={isBusy || sending.isBusy} onConfirm={() => void sending.send(request)} />
    </>
  );
  return (
    <Dialog title={title ?? describeRequest(request)} size="wide" onClose={onClose} footer={footer}>
      {problem && <ProblemNotice problem={problem} />}
      {sending.problem && <ProblemNotice problem={sending.problem} />}
      {plan ? <PlanView plan={plan} /> : !problem && <Loading label="Planning…" />}
      <PlanOptions request={request} plan={plan} change={change} />
    </Dialog>
  );
}

/** Shows the plan of a request; nothing happens before it is confirmed. */
export function openPlan(request: Request, options: { title?: string; onDone?: (job: Job) => void } = {}): void {
  openDialog((close) => <PlanDialog request={request} title={options.title} onClose={close} onDone={options.onDone} />);
}
