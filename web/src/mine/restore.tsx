// Restoring one's own machine: what stays and what goes, in plain words, and when.
import { useState } from "preact/hooks";
import { makePlan } from "../api.ts";
import { isAlive } from "../bases/tree.ts";
import { sentence } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { OtherPlanNotice, useConfirmation } from "../plan/confirm.tsx";
import { submit } from "../run.tsx";
import type { Machine, Request } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { FateChip } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { RadioField } from "../ui/field.tsx";
import { Loading, Notice, ProblemNotice } from "../ui/page.tsx";
import { fatesFor } from "./words.ts";
import "./mine.css";

type When = "later" | "now";

const GRACE_SECONDS = 120;

const WHEN: { value: When; label: string; help: string }[] = [
  { value: "later", label: "When I restart it or shut it down", help: "You can go on working until then." },
  { value: "now", label: "Now", help: "It shuts down first. Save your work before: programs have two minutes to close." },
];

function requestFor(machine: Machine, when: When): Request {
  const request: Request = { verb: "restore", machines: [machine.name] };
  if (!isAlive(machine)) return request;
  return when === "now" ? { ...request, running: "shutdown", grace_seconds: GRACE_SECONDS } : { ...request, running: "reboot" };
}

/** One machine is refused or left out: why, in the daemon's words. */
function Refused({ reason, hint }: { reason: string | undefined; hint: string | undefined }) {
  return (
    <Notice tone="bad">
      <p><b>It cannot be restored now.</b> {reason && sentence(reason)}</p>
      {hint && <p>{sentence(hint)}</p>}
    </Notice>
  );
}

function RestoreDialog({ machine, onClose }: { machine: Machine; onClose: () => void }) {
  const [when, setWhen] = useState<When>("later");
  const request = requestFor(machine, when);
  const planning = useAsync(() => makePlan(request), [when]);
  const { value: plan, problem } = planning;
  const item = plan?.items[0];
  const can = item?.decision === "now" || item?.decision === "pending";
  const confirmation = useConfirmation(planning, () => {
    onClose();
    void submit(request);
  });
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" type="submit" busy={(!plan && !problem) || confirmation.isWaiting} why={can ? undefined : plan || problem ? "It cannot be restored now" : "A moment: what would happen is being looked at"}>Restore</Button>
    </>
  );
  return (
    <Dialog title={`Restore ${machine.name}?`} subtitle="It becomes as it was when you got it, except for your files." onClose={onClose} onSubmit={() => can && confirmation.confirm()} footer={footer}>
      {problem && <ProblemNotice problem={problem} />}
      <OtherPlanNotice confirmation={confirmation} />
      {!plan && !problem && <Loading label="Looking…" />}
      {plan && !can && <Refused reason={item?.reason} hint={item?.hint} />}
      <ul class="my-fates">{fatesFor(machine).map(({ fate, text }) => <li key={fate}><FateChip fate={fate} /><span>{text}</span></li>)}</ul>
      {isAlive(machine) && <RadioField label="When" value={when} choices={WHEN} onChange={setWhen} />}
    </Dialog>
  );
}

export function openMyRestore(machine: Machine): void {
  openDialog((close) => <RestoreDialog machine={machine} onClose={close} />);
}
