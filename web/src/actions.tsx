// What can be done to machines: one table that menus, bars and pages read.
//
// Each action says whom it suits; asked for many machines it takes those that it suits. The daemon decides in the end:
// what is left out here is only what can never succeed.
import { useState } from "preact/hooks";
import { machinePage } from "./bases/paths.ts";
import { isHalted } from "./bases/tree.ts";
import { count } from "./format.ts";
import { openPlan } from "./plan/dialog.tsx";
import { openRebase } from "./rebase/dialog.tsx";
import { navigate } from "./router.ts";
import { submit } from "./run.tsx";
import { hasRole } from "./store.ts";
import type { AccountRole, Machine, Power, Verb } from "./types.ts";
import { Button } from "./ui/button.tsx";
import { confirm, Dialog, openDialog } from "./ui/dialog.tsx";
import { TextField } from "./ui/field.tsx";
import type { IconName } from "./ui/icon.tsx";
import type { MenuItems } from "./ui/menu.tsx";
import { describeTarget } from "./words.ts";

export interface Action {
  id: string;
  label: string;
  icon: IconName;
  role: AccountRole;
  /** Actions of one group stand together. */
  group: "run" | "system" | "keep" | "base" | "end";
  danger?: boolean;
  /** For one machine at a time. */
  single?: boolean;
  /** Where it does not suit, anybody sees why: menus leave it out. */
  obvious?: boolean;
  /** Why it does not suit this machine; undefined: it does. */
  why: (machine: Machine) => string | undefined;
  run: (machines: Machine[]) => void;
}

const names = (machines: Machine[]) => machines.map((machine) => machine.name);
const ALIVE: Power[] = ["running", "paused", "saved", "stopping", "stalled", "unknown"];

const notBase = (machine: Machine) => (machine.kind === "base" ? "It is a base" : undefined);
const onlyClone = (machine: Machine) => (machine.kind === "clone" ? undefined : "It is no clone");
const onlyAlive = (machine: Machine) => notBase(machine) ?? (ALIVE.includes(machine.power) ? undefined : "It is off");
const onlyOff = (machine: Machine) => notBase(machine) ?? (machine.power === "running" ? "It runs already" : undefined);
const onlyAwake = (machine: Machine) => onlyAlive(machine) ?? (isHalted(machine) ? "It stands still: start it, and it goes on" : undefined);

const does = (verb: Verb) => (machines: Machine[]) => void submit({ verb, machines: names(machines) });
const plans = (verb: Verb) => (machines: Machine[]) => openPlan({ verb, machines: names(machines) });

async function powerOff(machines: Machine[]): Promise<void> {
  const request = { verb: "poweroff" as const, machines: names(machines) };
  const sure = await confirm({
    title: `Power off ${describeTarget(request)}?`,
    body: <p>It is like pulling the plug: unsaved work is lost. System and data stay, temporary volumes are RESET.</p>,
    label: "Power off",
    danger: true,
  });
  if (sure) await submit(request);
}

function HoldDialog({ machines, onClose }: { machines: Machine[]; onClose: () => void }) {
  const [reason, setReason] = useState("");
  const hold = () => {
    onClose();
    void submit({ verb: "hold", machines: names(machines), ...(reason.trim() && { reason: reason.trim() }) });
  };
  const footer = <><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit">Hold</Button></>;
  return (
    <Dialog title={`Hold ${describeTarget({ verb: "hold", machines: names(machines) })}`} subtitle="No rebase touches a machine on hold, until it is released. Everything else goes on."
      size="narrow" onClose={onClose} onSubmit={hold} footer={footer}>
      <TextField label="Reason" help="Shown to whoever plans the next rebase. May be left empty." value={reason} onInput={setReason} maxLength={200} autofocus />
    </Dialog>
  );
}

export const ACTIONS: Action[] = [
  { id: "start", label: "Start", icon: "start", role: "user", group: "run", obvious: true, why: onlyOff, run: does("start") },
  { id: "console", label: "Console", icon: "console", role: "user", group: "run", obvious: true, single: true, why: onlyAlive, run: ([machine]) => navigate(`${machinePage(machine!)}/console`) },
  { id: "shutdown", label: "Shut down", icon: "power", role: "user", group: "run", obvious: true, why: onlyAwake, run: does("shutdown") },
  { id: "reboot", label: "Reboot", icon: "reboot", role: "operator", group: "run", obvious: true, why: onlyAwake, run: does("reboot") },
  { id: "poweroff", label: "Power off…", icon: "stop", role: "operator", group: "run", obvious: true, danger: true, why: onlyAlive, run: (machines) => void powerOff(machines) },
  { id: "restore", label: "Restore…", icon: "restore", role: "user", group: "system", why: onlyClone, run: plans("restore") },
  { id: "rebase", label: "Rebase…", icon: "rebase", role: "administrator", group: "system", why: onlyClone, run: (machines) => openRebase({ machines: names(machines) }) },
  { id: "undo", label: "Undo…", icon: "undo", role: "operator", group: "system", why: (machine) => onlyClone(machine) ?? (machine.undo_entries > 0 || machine.pending ? undefined : "There is nothing to undo"), run: plans("undo") },
  { id: "hold", label: "Hold…", icon: "hold", role: "administrator", group: "keep", obvious: true, why: (machine) => onlyClone(machine) ?? (machine.held ? "It is on hold already" : undefined), run: (machines) => openDialog((close) => <HoldDialog machines={machines} onClose={close} />) },
  { id: "release", label: "Release", icon: "release", role: "administrator", group: "keep", obvious: true, why: (machine) => (machine.held ? undefined : "It is not on hold"), run: does("release") },
  { id: "detach", label: "Detach…", icon: "detach", role: "administrator", group: "keep", single: true, why: onlyClone, run: plans("detach") },
  { id: "prepare", label: "Prepare as a base…", icon: "seal", role: "administrator", group: "base", single: true, why: notBase, run: plans("prepare") },
  { id: "remove", label: "Remove…", icon: "remove", role: "administrator", group: "end", danger: true, single: true, why: () => undefined, run: plans("remove") },
];

/** Those of some machines that an action suits. */
export const suited = (action: Action, machines: Machine[]) => machines.filter((machine) => action.why(machine) === undefined);

/** The actions that somebody of our role may do. */
export const allowedActions = () => ACTIONS.filter((action) => hasRole(action.role));

/** An action as an entry of a menu; disabled, with the reason, where it suits none of the machines. */
function entry(action: Action, machines: Machine[]) {
  const those = suited(action, machines);
  const some = those.length > 0 && those.length < machines.length ? ` (${count(those.length, "machine")})` : "";
  return {
    label: action.label.replace(/(…?)$/, `${some}$1`),
    icon: action.icon,
    danger: action.danger ?? false,
    why: those.length ? undefined : action.why(machines[0]!),
    run: () => action.run(those),
  };
}

/** The menu of one machine or several: groups with lines between them. */
export function machineMenu(machines: Machine[]): MenuItems {
  const items: MenuItems = [];
  let group = "";
  for (const action of allowedActions()) {
    if (action.single && machines.length > 1) continue;
    if (action.obvious && suited(action, machines).length === 0) continue;
    if (group && group !== action.group) items.push(null);
    group = action.group;
    items.push(entry(action, machines));
  }
  return items;
}

