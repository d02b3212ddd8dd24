// What can be chosen about a request before it runs, by verb: one table of controls.
import type { ComponentType } from "preact";
import { CheckField, RadioField, SelectField } from "../ui/field.tsx";
import type { Plan, Request, RunningPolicy, Verb } from "../types.ts";
import { RUNNING } from "../words.ts";

export interface OptionProps {
  request: Request;
  plan: Plan | undefined;
  change: (part: Partial<Request>) => void;
}

const GRACES: [number, string][] = [[30, "30 seconds"], [60, "1 minute"], [120, "2 minutes"], [300, "5 minutes"], [900, "15 minutes"], [3600, "1 hour"]];

export function GraceField({ request, change }: OptionProps) {
  return (
    <SelectField label="Deadline" value={String(request.grace_seconds ?? 120)} choices={GRACES.map(([value, label]) => ({ value: String(value), label }))}
      onChange={(value) => change({ grace_seconds: Number(value) })} />
  );
}

/** How machines that run are treated. */
export function RunningField(props: OptionProps) {
  const { request, plan, change } = props;
  const policy = request.running ?? "reboot";
  const choose = (running: RunningPolicy) =>
    change({ running, grace_seconds: running === "shutdown" || running === "force" ? (request.grace_seconds ?? 120) : undefined } as Partial<Request>);
  const choices = Object.entries(RUNNING).map(([value, words]) => ({ value: value as RunningPolicy, ...words }));
  return (
    <>
      <RadioField label={plan?.items.length === 1 ? "It runs: what shall happen?" : "Machines that run: what shall happen?"} value={policy} choices={choices} onChange={choose} />
      {(policy === "shutdown" || policy === "force") && <GraceField {...props} />}
    </>
  );
}

function RunningWhereRunning(props: OptionProps) {
  const runs = props.plan?.items.some((item) => item.power !== "off" && item.decision !== "refuse" && item.decision !== "skip");
  return runs || props.request.running ? <RunningField {...props} /> : null;
}

type DataFate = "trash" | "keep" | "now";

function RemoveOptions({ request, change }: OptionProps) {
  const value: DataFate = request.now ? "now" : request.keep_data ? "keep" : "trash";
  const choose = (fate: DataFate) => change({ now: fate === "now" || undefined, keep_data: fate === "keep" || undefined } as Partial<Request>);
  return (
    <RadioField label="Its data volumes" value={value} onChange={choose} choices={[
      { value: "trash", label: "To the trash", help: "They can be attached elsewhere until the retention ends." },
      { value: "keep", label: "Keep them", help: "They stay until somebody removes them, and can be attached to another machine." },
      { value: "now", label: "Delete them at once", help: "Nothing brings them back." },
    ]} />
  );
}

// The questions of the command line's prepare: whatever stays in the image is in every clone.
const CHECKS: [string, string, string][] = [
  ["machine_id_empty", "Its machine id is empty", "/etc/machine-id; Windows: sysprep"],
  ["host_keys_removed", "Its SSH host keys are removed", "Else every clone answers with the same ones"],
  ["not_joined_to_a_domain", "It has left every domain and directory", "Else clones share one machine account"],
  ["no_disk_keys_or_tpm", "It is free of disk keys and of TPM secrets", "They do not fit another machine"],
];

function PrepareOptions({ request, plan, change }: OptionProps) {
  const answers = request.checklist ?? {};
  const answer = (key: string, yes: boolean) => change({ checklist: { ...answers, [key]: yes } });
  const runs = plan?.items.some((item) => item.power !== "off");
  return (
    <>
      <fieldset class="field choices">
        <legend>What is in it will be in every clone. The answers are recorded.</legend>
        {CHECKS.map(([key, label, help]) => <CheckField key={key} label={label} help={help} checked={answers[key] ?? false} onChange={(yes) => answer(key, yes)} />)}
      </fieldset>
      {(runs || request.shutdown_first) && (
        <CheckField label="Shut it down first" checked={request.shutdown_first ?? false} onChange={(yes) => change({ shutdown_first: yes })} />
      )}
    </>
  );
}

/** Whether an option was chosen, or is the way past a refusal, as the daemon's hints name it. */
const isAsked = ({ request, plan }: OptionProps, option: "force" | "flatten") =>
  request[option] || plan?.items.some((item) => item.decision === "refuse" && item.hint?.includes(`--${option}`));

function ImportOptions(props: OptionProps) {
  if (!isAsked(props, "flatten")) return null;
  return (
    <CheckField label="Import a full copy" help="Converted and flattened into one image. It takes time and room; the file itself stays where it is."
      checked={props.request.flatten ?? false} onChange={(flatten) => props.change({ flatten: flatten || undefined } as Partial<Request>)} />
  );
}

const OPTIONS: Partial<Record<Verb, ComponentType<OptionProps>>> = {
  restore: RunningWhereRunning,
  rebase: RunningWhereRunning,
  undo: RunningWhereRunning,
  remove: RemoveOptions,
  prepare: PrepareOptions,
  import: ImportOptions,
};

export function PlanOptions(props: OptionProps) {
  const Options = OPTIONS[props.request.verb];
  const needsForce = isAsked(props, "force");
  if (!Options && !needsForce) return null;
  return (
    <div class="stack">
      {Options && <Options {...props} />}
      {needsForce && (
        <CheckField label="Do it all the same (force)" help="What stands in the way is written beside the machine. Force accepts the damage it warns of."
          checked={props.request.force ?? false} onChange={(force) => props.change({ force })} />
      )}
    </div>
  );
}
