// Confirming a plan. What is confirmed is what was seen: a press that comes while the plan is made anew, because the daemon
// is back or an option has changed, waits for the new plan. It counts if that says the same, else it is to be looked at.
import { useEffect, useState } from "preact/hooks";
import { count } from "../format.ts";
import type { Async } from "../hooks.ts";
import type { Plan, Request, Verb } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Notice } from "../ui/page.tsx";
import { VERBS } from "../words.ts";
import { changes, isSamePlan } from "./facts.ts";

export interface Confirmation {
  confirm: () => void;
  /** It was confirmed, and the plan is being made anew. */
  isWaiting: boolean;
  /** The plan that is shown now says something else than what was confirmed: nothing was done. */
  isOther: boolean;
}

export function useConfirmation(plan: Async<Plan | null>, send: () => void): Confirmation {
  const [confirmed, setConfirmed] = useState<Plan | null>(null);
  const [other, setOther] = useState<Plan | null>(null);
  useEffect(() => {
    if (!confirmed || plan.isBusy) return;
    setConfirmed(null);
    if (!plan.value) return;
    if (isSamePlan(confirmed, plan.value)) send();
    else setOther(plan.value);
  }, [confirmed, plan.isBusy]);
  return { confirm: () => plan.value && setConfirmed(plan.value), isWaiting: confirmed !== null, isOther: other !== null && other === plan.value };
}

export function OtherPlanNotice({ confirmation }: { confirmation: Confirmation }) {
  if (!confirmation.isOther) return null;
  return <Notice tone="warning" alert><strong>The plan has changed meanwhile, and nothing was done.</strong> Look at it once more, then confirm it.</Notice>;
}

const DANGEROUS: Verb[] = ["remove", "purge", "forget", "poweroff"];

interface ConfirmProps {
  plan: Async<Plan | null>;
  confirmation: Confirmation;
  request: Request;
  isSending: boolean;
}

/** "Rebase 12 machines"; where there is no plan, the way to one. */
export function PlanConfirm({ plan, confirmation, request, isSending }: ConfirmProps) {
  if (plan.problem) return <Button kind="primary" icon="reboot" busy={plan.isBusy} onClick={plan.again}>Plan again</Button>;
  const number = plan.value ? changes(plan.value) : 0;
  const why = !plan.value ? "The plan is being made. Nothing happens before it is shown." : number === 0 ? "There is nothing to do" : undefined;
  const title = VERBS[request.verb].title;
  return (
    <Button kind={DANGEROUS.includes(request.verb) ? "danger" : "primary"} busy={!plan.value || confirmation.isWaiting || isSending} why={why} onClick={confirmation.confirm}>
      {number > 1 ? `${title} ${count(number, "machine")}` : title}
    </Button>
  );
}
