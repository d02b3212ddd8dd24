// The rebase dialog: the target, how it is done, the plan; nothing happens before the plan is confirmed.
import { useState } from "preact/hooks";
import { getAll, makePlan } from "../api.ts";
import { count, listNames } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { OtherPlanNotice, PlanConfirm, useConfirmation } from "../plan/confirm.tsx";
import { cleanRequest } from "../plan/dialog.tsx";
import { RunningField } from "../plan/options.tsx";
import { PlanView } from "../plan/view.tsx";
import { useSubmit } from "../run.tsx";
import { machineList } from "../store.ts";
import type { Job, Machine, MachineFull, Plan, Request } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { FateWords } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { CheckField, TextField } from "../ui/field.tsx";
import { Loading, ProblemNotice } from "../ui/page.tsx";
import { Steps } from "../ui/steps.tsx";
import { findCandidates, TargetStep } from "./target.tsx";

/** Which machines: some by name, or all clones of a base. */
export interface RebaseSelection {
  machines?: string[];
  all_of?: string;
  onto?: string;
}

interface HowProps {
  request: Request;
  change: (part: Partial<Request>) => void;
}

function HowStep({ request, change }: HowProps) {
  const setLimit = (text: string) => change({ limit: Number(text) > 0 ? Number(text) : undefined } as Partial<Request>);
  return (
    <div class="stack">
      <RunningField request={request} plan={undefined} change={change} />
      <div class="columns">
        <TextField label="First wave" type="number" min={1} placeholder="all" value={String(request.limit ?? "")} onInput={setLimit}
          help="At most so many machines in this job. See that all is well, then rebase the rest." />
        {request.all_of && (
          <TextField label="Only names like" placeholder="all names" value={request.match ?? ""} onInput={(match) => change({ match: match.trim() || undefined } as Partial<Request>)}
            help="A pattern such as lab-1*: * stands for anything." />
        )}
      </div>
      <CheckField label="Also machines on hold" help="They are on hold because somebody wanted it; the plan names the reasons." checked={request.even_held ?? false}
        onChange={(on) => change({ even_held: on || undefined } as Partial<Request>)} />
      <CheckField label="Take over the new base's hardware" help="Processors, memory and devices become those of the new base. Otherwise each machine keeps its own." checked={request.new_hardware ?? false}
        onChange={(on) => change({ new_hardware: on || undefined } as Partial<Request>)} />
    </div>
  );
}

/** The bases that the machines are on now. */
function oldBasesOf(selection: RebaseSelection, bases: MachineFull[], machines: Machine[]): MachineFull[] {
  if (selection.all_of) return bases.filter((base) => base.name === selection.all_of);
  const names = new Set(selection.machines);
  const ids = new Set(machines.filter((machine) => names.has(machine.name)).map((machine) => machine.base_id));
  return bases.filter((base) => ids.has(base.id));
}

const STEPS = ["Target", "How", "Plan"];

interface RebaseProps {
  selection: RebaseSelection;
  onClose: () => void;
  onDone?: ((job: Job) => void) | undefined;
}

function RebaseDialog({ selection, onClose, onDone }: RebaseProps) {
  const [step, setStep] = useState(selection.onto ? 1 : 0);
  const [request, setRequest] = useState<Request>({ verb: "rebase", running: "reboot", ...selection });
  const change = (part: Partial<Request>) => setRequest(cleanRequest({ ...request, ...part }));
  const bases = useAsync(() => getAll<MachineFull>("/machines?kind=base&limit=10000"), []);
  const plan = useAsync(async (): Promise<Plan | null> => (step === 2 ? makePlan(request) : null), [step, JSON.stringify(request)]);
  const candidates = bases.value && findCandidates(bases.value, oldBasesOf(selection, bases.value, machineList.value));
  const onto = request.onto ?? candidates?.find((candidate) => candidate.descends && !candidate.why)?.base.name ?? "";
  const next = () => {
    change({ onto });
    setStep(step + 1);
  };
  const sending = useSubmit((job) => {
    onClose();
    onDone?.(job);
  });
  const confirmation = useConfirmation(plan, () => void sending.send(request));
  const who = selection.all_of ? `all clones of ${selection.all_of}` : listNames(selection.machines ?? []);
  const footer = (
    <>
      <p class="grow"><FateWords text={plan.value?.summary || undefined} /></p>
      {step > 0 ? <Button onClick={() => setStep(step - 1)}>Back</Button> : <Button onClick={onClose}>Cancel</Button>}
      {step < 2 ? <Button kind="primary" type="submit" why={onto ? undefined : "Choose a base first"}>{step === 0 ? "Next" : "Show the plan"}</Button>
        : <PlanConfirm plan={plan} confirmation={confirmation} request={request} isSending={sending.isBusy} />}
    </>
  );
  return (
    <Dialog title={`Rebase ${who}`} subtitle={step > 0 ? <>onto <b>{onto}</b></> : `${count(selection.machines?.length ?? machineList.value.filter((machine) => machine.base === selection.all_of && machine.kind !== "base").length, "machine")}`}
      size="wide" onClose={onClose} onSubmit={() => step < 2 && onto && next()} footer={footer}>
      <Steps steps={STEPS} current={step} onGo={(to) => to < step && setStep(to)} />
      {bases.problem && <ProblemNotice problem={bases.problem} />}
      {step === 0 && (candidates ? <TargetStep candidates={candidates} onto={onto} onChoose={(name) => change({ onto: name })} /> : !bases.problem && <Loading />)}
      {step === 1 && <HowStep request={request} change={change} />}
      {sending.problem && <ProblemNotice problem={sending.problem} />}
      {step === 2 && <OtherPlanNotice confirmation={confirmation} />}
      {step === 2 && plan.problem && <ProblemNotice problem={plan.problem} />}
      {step === 2 && !plan.problem && (plan.value ? <PlanView plan={plan.value} /> : <Loading label="Planning…" />)}
    </Dialog>
  );
}

export function openRebase(selection: RebaseSelection, onDone?: (job: Job) => void): void {
  openDialog((close) => <RebaseDialog selection={selection} onClose={close} onDone={onDone} />);
}
