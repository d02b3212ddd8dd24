// A machine's page: its state in words, what can be done, its volumes, what undo can bring back, and its history.
import type { ComponentChildren } from "preact";
import { allowedActions, machineMenu, type Action } from "../actions.tsx";
import { get, getAll, machinePath } from "../api.ts";
import { isHalted } from "../bases/tree.ts";
import { count, formatBytes } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { asListed, endedJobs, findMachine, hasRole, layersVersion } from "../store.ts";
import type { Account, HistoryEntry, Layer, Machine, MachineFull, Page, Space, Storage } from "../types.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Chip, PowerMark, RoleSummary } from "../ui/chip.tsx";
import { MenuButton } from "../ui/menu.tsx";
import { Empty, Facts, Loading, Notice, ProblemNotice, Screen, Time } from "../ui/page.tsx";
import { Section } from "../ui/section.tsx";
import { History } from "./history.tsx";
import { ForgetUndo, UndoList } from "./undo.tsx";
import { openAddVolume, openAttachVolume } from "./volume_dialogs.tsx";
import { Volumes } from "./volumes.tsx";
import { describeMachine, describePending } from "./words.ts";
import "./machine.css";

const HISTORY_READ = 50;
/** Those that stand in the bar; the others are in the menu. */
const IN_BAR = ["start", "console", "shutdown", "restore", "rebase", "undo"];

function ActionButton({ action, machine, isMain }: { action: Action; machine: Machine; isMain: boolean }) {
  const why = action.why(machine);
  return <Button icon={action.icon} kind={isMain ? "primary" : "plain"} why={why} onClick={() => action.run([machine])}>{action.label}</Button>;
}

function Actions({ machine }: { machine: Machine }) {
  const bar = allowedActions().filter((action) => IN_BAR.includes(action.id));
  const main = machine.power === "off" || isHalted(machine) ? "start" : "console";
  return (
    <>
      {machine.kind === "base" && <LinkButton href={`/bases/${encodeURIComponent(machine.name)}`}>Options of the base</LinkButton>}
      {machine.kind !== "base" && bar.map((action) => <ActionButton key={action.id} action={action} machine={machine} isMain={action.id === main} />)}
      <MenuButton icon="more" label="More actions" name={`Actions of ${machine.name}`} items={() => machineMenu([machine])} />
    </>
  );
}

function Conditions({ machine }: { machine: MachineFull }) {
  const pending = describePending(machine);
  return (
    <>
      {pending && <Notice tone="warning"><p>{pending}</p></Notice>}
      {machine.behind && <Notice tone="warning"><p><b>It is behind: an update was put off.</b> {machine.behind_reason} It runs on its old system meanwhile.</p></Notice>}
      {machine.held && <Notice><p><b>It is on hold: no rebase touches it until it is released.</b>{machine.hold_reason && ` Reason: ${machine.hold_reason}.`}</p></Notice>}
    </>
  );
}

function Marks({ machine }: { machine: Machine }) {
  return (
    <span class="row">
      {machine.name}
      {machine.kind !== "base" && <span class="title-mark"><PowerMark power={machine.power} /></span>}
      {machine.kind === "base" && <Chip tone="accent">{machine.state === "retired" ? "retired" : "base"}</Chip>}
      {machine.pending && <Chip tone="warning">pending</Chip>}
      {machine.behind && <Chip tone="warning">behind</Chip>}
      {machine.held && <Chip>on hold</Chip>}
    </span>
  );
}

function baseLink(machine: Machine) {
  return machine.base ? <a href={`/bases/${encodeURIComponent(machine.base)}`}>{machine.base}</a> : <span class="faint">none</span>;
}

function Assigned({ machine }: { machine: Machine }) {
  const { value } = useAsync(() => getAll<Account>("/accounts"), [machine.id]);
  const names = value?.filter((account) => account.machines.some((assigned) => assigned.id === machine.id)).map((account) => account.name) ?? [];
  return <>{names.length ? names.join(", ") : <span class="faint">nobody</span>} <a href="/accounts">Change</a></>;
}

function describeSpace(space: Space): string {
  const undo = space.undo_bytes ? `, ${formatBytes(space.undo_bytes)} of it for undo` : "";
  return formatBytes(space.total_bytes) + undo;
}

function Overview({ machine, space }: { machine: MachineFull; space: Space | undefined }) {
  const facts: [string, ComponentChildren][] = [
    ["Base", baseLink(machine)],
    ["Volumes", <RoleSummary roles={machine.roles} />],
    ["Takes", space && describeSpace(space)],
    ["Runs since", machine.session?.started_at && <Time at={machine.session.started_at} />],
    ["Made", <Time at={machine.created_at} />],
    ["Prepared", machine.prepared_at && <Time at={machine.prepared_at} />],
    ["Users", hasRole("administrator") && machine.kind !== "base" && <Assigned machine={machine} />],
    ["UUID", <code>{machine.uuid}</code>],
  ];
  return <div class="panel overview"><Facts facts={facts.filter(([, value]) => value)} /></div>;
}

function VolumeActions({ machine }: { machine: Machine }) {
  if (!hasRole("administrator")) return null;
  const why = machine.kind === "base" ? "It is a base: it is read-only" : machine.power === "off" ? undefined : "It has to be off";
  return (
    <>
      <Button small icon="plus" why={why} onClick={() => openAddVolume(machine)}>Add…</Button>
      <Button small why={why} onClick={() => openAttachVolume(machine)}>Attach kept data…</Button>
    </>
  );
}

/** What the page shows besides the machine itself: read anew with every change of it. */
function useAround(name: string, version: unknown) {
  const space = useAsync(() => get<Space>(machinePath(name, "/space")), [name, version]);
  const history = useAsync(() => get<Page<HistoryEntry>>(machinePath(name, `/history?limit=${HISTORY_READ}`)), [name, version, endedJobs.value]);
  const layers = useAsync(() => getAll<Layer>("/layers?limit=1000"), [layersVersion.value]);
  const storage = useAsync(() => get<Storage>("/storage"), []);
  return { space: space.value, history: history.value?.items, layers: new Map((layers.value ?? []).map((layer) => [layer.id, layer])), storage: storage.value };
}

function MachineDetails({ machine }: { machine: MachineFull }) {
  const around = useAround(machine.name, `${machine.generation} ${machine.power}`);
  return (
    <>
      <Conditions machine={machine} />
      <div class="machine">
        <div class="machine-main">
          <Section title="Volumes" actions={<VolumeActions machine={machine} />}>
            <Volumes machine={machine} layers={around.layers} space={around.space} />
          </Section>
          {machine.kind === "clone" && (
            <Section title="Undo" actions={<ForgetUndo machine={machine} />} note={machine.undo.length ? `${count(machine.undo.length, "system")} can be brought back, newest first. Data stays as it is.` : undefined}>
              <UndoList machine={machine} retentionSeconds={around.storage?.undo.retention_seconds} />
            </Section>
          )}
        </div>
        <div class="machine-side">
          <Section title="Overview"><Overview machine={machine} space={around.space} /></Section>
          <Section title="History">{around.history ? <History entries={around.history} withJobs={true} /> : <Loading />}</Section>
        </div>
      </div>
    </>
  );
}

function Gone({ name }: { name: string }) {
  return <Empty alone icon="machines" title={`There is no machine “${name}”`} actions={<a href="/machines">All machines</a>}>It may have been removed or renamed.</Empty>;
}

/** For those who see more than their own machines. */
export function MachineScreen({ params }: { params: Record<string, string> }) {
  const name = params["name"]!;
  const listed = findMachine(name);
  const { value, problem, isBusy } = useAsync(() => get<MachineFull>(machinePath(name)), [name, listed]);
  if (problem?.code === "not-found") return <Gone name={name} />;
  if (!value) return problem ? <ProblemNotice problem={problem} /> : <Loading />;
  const machine: MachineFull = { ...value, ...(listed ?? asListed(value)) };
  return (
    <Screen title={<Marks machine={machine} />} windowTitle={machine.name} subtitle={describeMachine(machine)} up={{ href: "/machines", label: "Machines" }} actions={<Actions machine={machine} />}>
      {problem && !isBusy && <ProblemNotice problem={problem} />}
      <MachineDetails machine={machine} />
    </Screen>
  );
}
