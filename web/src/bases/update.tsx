// An update, guided: clone for maintenance, change it from inside, shut it down, prepare it as the next base, rebase.
//
// It may take an afternoon. Where one is can be read from the machines themselves: the clone for maintenance is on hold
// with a reason that names the base (so that no rebase takes it away), and later it is a base made from the old one. So
// the dialog can be closed and opened again, here or by somebody else.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { openPlan } from "../plan/dialog.tsx";
import { openRebase } from "../rebase/dialog.tsx";
import { submit } from "../run.tsx";
import { isOpen, jobs, machineList } from "../store.ts";
import type { Job, Machine } from "../types.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { PowerMark } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Loading, Notice } from "../ui/page.tsx";
import { Steps } from "../ui/steps.tsx";
import { useTakenNames } from "./clone.tsx";
import { machinePage } from "./paths.ts";
import { nameProblem, nextName } from "./names.ts";

const reasonFor = (base: Machine) => `maintenance: becomes the base after ${base.name}`;

/** The clone that is being updated, where there is one. */
export function findUpdate(base: Machine): Machine | undefined {
  return machineList.value.find((machine) => machine.base_id === base.id && machine.kind === "clone" && machine.held && machine.hold_reason === reasonFor(base));
}

const STEPS = ["Clone", "Update", "Prepare", "Rebase"];

/** Waits for a job to end; true: it did what was asked. */
function useJob(): [boolean, (job: Job | null, then: (job: Job) => void) => void] {
  const [wait, setWait] = useState<{ id: string; then: (job: Job) => void } | null>(null);
  const job = wait && jobs.value.get(wait.id);
  if (wait && job && !isOpen(job)) {
    setTimeout(() => job.state === "done" && job.counts.failed === 0 && wait.then(job));
    setWait(null);
  }
  return [wait !== null, (begun, then) => begun && setWait({ id: begun.id, then })];
}

interface StepProps {
  base: Machine;
  children?: ComponentChildren;
}

function CloneStep({ base }: StepProps) {
  const isTaken = useTakenNames();
  const [typed, setName] = useState<string | null>(null);
  const [isBusy, follow] = useJob();
  const name = typed ?? nextName(base.name, isTaken);
  const [isMade, setMade] = useState(false);
  const problem = isBusy ? "" : nameProblem(name, isTaken);
  const make = async () => {
    setName(name);
    const job = await submit({ verb: "clone", machines: [base.name, name] });
    follow(job, () => {
      setMade(true);
      void submit({ verb: "hold", machines: [name], reason: reasonFor(base) });
    });
  };
  if (isMade) return <Loading label={`${name} is put on hold…`} />;
  return (
    <>
      <p>A clone of <b>{base.name}</b> is made for maintenance. Nobody else is disturbed: its clones run on as they are. It becomes the next base when you are done, so give it that name. Until then it is on hold.</p>
      <TextField label="Name of the next base" value={name} onInput={(text) => setName(text.trim())} error={problem} maxLength={128} autofocus />
      <div class="row"><Button kind="primary" icon="clone" busy={isBusy} why={problem || undefined} onClick={() => void make()}>Clone for maintenance</Button></div>
    </>
  );
}

function UpdateStep({ machine }: { machine: Machine }) {
  const isOff = machine.power === "off";
  return (
    <>
      <p>Start <b>{machine.name}</b> and change what is to change: updates, programs, settings. You may close this and come back.</p>
      <ul class="bullets">
        <li>What lies on the system volume is what all clones will get.</li>
        <li>Leave the outline as it is: same volumes, same roles. Otherwise no machine can move to it.</li>
        <li>Shut it down from inside when you are done.</li>
      </ul>
      <p class="row"><PowerMark power={machine.power} /></p>
      <div class="row">
        {isOff ? <Button kind="primary" icon="start" onClick={() => void submit({ verb: "start", machines: [machine.name] })}>Start {machine.name}</Button>
          : <><LinkButton kind="primary" icon="console" href={`${machinePage(machine)}/console`}>Open its console</LinkButton>
            <Button icon="power" onClick={() => void submit({ verb: "shutdown", machines: [machine.name] })}>Shut down</Button></>}
      </div>
    </>
  );
}

function PrepareStep({ machine, isReady }: { machine: Machine; isReady: boolean }) {
  const prepare = () => openPlan({ verb: "prepare", machines: [machine.name] });
  return (
    <>
      <p>When <b>{machine.name}</b> is off and as it should be, it is prepared: its volumes are sealed, read-only, and it is a base. That takes a moment, whatever its size.</p>
      <div class="row"><Button icon="seal" why={isReady ? undefined : "It still runs: shut it down first"} onClick={prepare}>Prepare as a base…</Button></div>
    </>
  );
}

function RebaseStep({ base, next, onClose }: StepProps & { next: Machine; onClose: () => void }) {
  const rebase = () => {
    onClose();
    openRebase({ all_of: base.name, onto: next.name });
  };
  return (
    <>
      <Notice tone="good"><b>{next.name}</b> is a base now. Nothing has changed for the clones of {base.name} yet.</Notice>
      <p>Move them when it suits. The plan shows every machine before anything happens, and a restore or rebase can be undone.</p>
      <div class="row"><Button kind="primary" icon="rebase" onClick={rebase}>Rebase all clones of {base.name}…</Button><Button onClick={onClose}>Later</Button></div>
    </>
  );
}

function UpdateDialog({ base, onClose }: { base: Machine; onClose: () => void }) {
  const [cloneId, setCloneId] = useState("");
  const clone = findUpdate(base);
  // It is no clone any more before its job has ended: what it becomes is found by its id.
  if (clone && clone.id !== cloneId) setCloneId(clone.id);
  const next = machineList.value.find((machine) => machine.id === cloneId && machine.kind === "base");
  const step = next ? 3 : clone ? 1 : 0;
  return (
    <Dialog title={`Prepare an update of ${base.name}`} onClose={onClose}>
      <Steps steps={STEPS} current={step} />
      {next ? <RebaseStep base={base} next={next} onClose={onClose} /> : clone ? (
        <>
          <UpdateStep machine={clone} />
          <hr class="rule" />
          <PrepareStep machine={clone} isReady={clone.power === "off"} />
        </>
      ) : <CloneStep base={base} />}
    </Dialog>
  );
}

export function openUpdate(base: Machine): void {
  openDialog((close) => <UpdateDialog base={base} onClose={close} />);
}
