// The plan dialog: shows what a request would do, lets its options be chosen, and does it when confirmed.
import { useState } from "preact/hooks";
import { makePlan } from "../api.ts";
import { useAsync } from "../hooks.ts";
import { useSubmit } from "../run.tsx";
import type { Job, Request } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { FateWords } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { Loading, ProblemNotice } from "../ui/page.tsx";
import { describeRequest } from "../words.ts";
import { OtherPlanNotice, PlanConfirm, useConfirmation } from "./confirm.tsx";
import { PlanOptions } from "./options.tsx";
import { PlanView } from "./view.tsx";

/** Fields that are undefined are left out, so that the daemon never sees them. */
export const cleanRequest = (request: Request): Request => JSON.parse(JSON.stringify(request)) as Request;

interface PlanDialogProps {
  request: Request;
  title?: string | undefined;
  onClose: () => void;
  onDone?: ((job: Job) => void) | undefined;
}

function PlanDialog({ request: asked, title, onClose, onDone }: PlanDialogProps) {
  const [request, setRequest] = useState(asked);
  const planning = useAsync(() => makePlan(request), [JSON.stringify(request)]);
  const { value: plan, problem } = planning;
  const change = (part: Partial<Request>) => setRequest(cleanRequest({ ...request, ...part }));
  const sending = useSubmit((job) => {
    onClose();
    onDone?.(job);
  });
  const confirmation = useConfirmation(planning, () => void sending.send(request));
  const footer = (
    <>
      <p class="grow">{plan?.summary && <FateWords text={plan.summary} />}</p>
      <Button onClick={onClose}>Cancel</Button>
      <PlanConfirm plan={planning} confirmation={confirmation} request={request} isSending={sending.isBusy} />
    </>
  );
  return (
    <Dialog title={title ?? describeRequest(request)} size="wide" onClose={onClose} footer={footer}>
      {problem && <ProblemNotice problem={problem} />}
      {sending.problem && <ProblemNotice problem={sending.problem} />}
      <OtherPlanNotice confirmation={confirmation} />
      {plan ? <PlanView plan={plan} /> : !problem && <Loading label="Planning…" />}
      <PlanOptions request={request} plan={plan} change={change} />
    </Dialog>
  );
}

/** Shows the plan of a request; nothing happens before it is confirmed. */
export function openPlan(request: Request, options: { title?: string; onDone?: (job: Job) => void } = {}): void {
  openDialog((close) => <PlanDialog request={request} title={options.title} onClose={close} onDone={options.onDone} />);
}
