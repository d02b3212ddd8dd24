// Clones of a base: how many, how they are called, and every name before anything is made.
import { useState } from "preact/hooks";
import { getAll } from "../api.ts";
import { count } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { useSubmit } from "../run.tsx";
import { machineList } from "../store.ts";
import type { Domain, Job, Machine } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { ProblemNotice } from "../ui/page.tsx";
import { countProblem, type NamePreview, patternProblem, previewNames, proposePattern } from "./names.ts";
import "./clone.css";

/** Whether a machine, or a domain of the host that is not managed, has a name. */
export function useTakenNames(): (name: string) => boolean {
  const domains = useAsync(() => getAll<Domain>("/domains?limit=10000"), []);
  const taken = new Set([...machineList.value.map((machine) => machine.name), ...(domains.value ?? []).map((domain) => domain.name)]);
  return (name) => taken.has(name);
}

const PREVIEWED = 120;

function Preview({ names }: { names: NamePreview[] }) {
  const taken = names.filter((name) => name.exists).length;
  const rest = names.length - PREVIEWED;
  return (
    <div class="stack" aria-live="polite">
      <h3>{count(names.length - taken, "new machine")}{taken > 0 && <span class="soft">, {count(taken, "name exists", "names exist")} and {taken === 1 ? "is" : "are"} left out</span>}</h3>
      <ul class="names">
        {names.slice(0, PREVIEWED).map((name) => (
          <li key={name.name} class={name.exists ? "exists" : ""}>{name.name}{name.exists && <span class="hidden-text"> exists</span>}</li>
        ))}
        {rest > 0 && <li class="rest">and {rest.toLocaleString()} more, to {names.at(-1)!.name}</li>}
      </ul>
    </div>
  );
}

function CloneDialog({ base, onClose, onDone }: { base: Machine; onClose: () => void; onDone?: ((job: Job) => void) | undefined }) {
  const [number, setNumber] = useState("1");
  const [pattern, setPattern] = useState(proposePattern(base.name));
  const isTaken = useTakenNames();
  const wanted = Number(number);
  const badCount = countProblem(wanted);
  const badPattern = badCount ? "" : patternProblem(pattern, wanted);
  const names = badCount || badPattern ? [] : previewNames(pattern, wanted, isTaken);
  const free = names.filter((name) => !name.exists).map((name) => name.name);
  const problem = names.length > 0 && free.length === 0 ? `${names[0]!.name} exists already. Choose another name.` : badPattern;
  const sending = useSubmit((job) => {
    onClose();
    onDone?.(job);
  });
  const make = () => free.length > 0 && void sending.send({ verb: "clone", machines: [base.name, ...free] });
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button kind="primary" type="submit" busy={sending.isBusy} why={free.length ? undefined : "There is no new name"}>{free.length > 1 ? `Make ${count(free.length, "clone")}` : "Make the clone"}</Button>
    </>
  );
  return (
    <Dialog title={`Clone ${base.name}`} subtitle="Each clone begins with the base's content and takes next to no space." onClose={onClose} onSubmit={make} footer={footer}>
      <div class="columns narrow-first">
        <TextField label="How many" type="number" min={1} max={10000} value={number} onInput={setNumber} error={badCount} autofocus />
        <TextField label="Names" value={pattern} onInput={(text) => setPattern(text.trim())} error={problem} help="{n} counts from 1; names that exist are left out." maxLength={140} />
      </div>
      {sending.problem && <ProblemNotice problem={sending.problem} />}
      {names.length > 0 && !problem && <Preview names={names} />}
    </Dialog>
  );
}

export function openClone(base: Machine, onDone?: (job: Job) => void): void {
  openDialog((close) => <CloneDialog base={base} onClose={close} onDone={onDone} />);
}
