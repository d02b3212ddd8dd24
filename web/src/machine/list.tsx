// All machines in one list: filter, order, selection, and what can be done to many at once.
import { computed, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { machineMenu } from "../actions.tsx";
import { baseMenu } from "../bases/actions.tsx";
import { basePath } from "../bases/paths.ts";
import { MachineStates } from "../bases/cells.tsx";
import { spaceOf, wantSpace } from "../bases/space.ts";
import { count, formatBytes } from "../format.ts";
import { address, navigate, setQuery } from "../router.ts";
import { machineList, machines, machinesRead } from "../store.ts";
import type { Machine } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip, PowerMark, RoleSummary } from "../ui/chip.tsx";
import { openMenu } from "../ui/menu.tsx";
import { Empty, Loading, Screen, Time } from "../ui/page.tsx";
import { TreeGrid, type GridColumn } from "../ui/treegrid.tsx";
import { MachineFilter, readState, stateCounts } from "./filter.tsx";
import { byName, KINDS, machineRows, ORDERS, type KindFilter, type MachineRow, type Order } from "./rows.ts";
import { SelectionBar } from "./selection.tsx";
import "./list.css";

const sortedMachines = computed(() => byName(machineList.value));
const selectedIds = signal<ReadonlySet<string>>(new Set());

function select(rows: MachineRow[], on: boolean): void {
  const next = new Set(selectedIds.value);
  for (const { id } of rows) if (on) next.add(id);
  else next.delete(id);
  selectedIds.value = next;
}

const pathOf = (machine: Machine) => (machine.kind === "base" ? basePath(machine) : `/machines/${encodeURIComponent(machine.name)}`);

function openRowMenu({ machine }: MachineRow, at: Element | { x: number; y: number }): void {
  const open = { label: "Open", icon: "machines" as const, run: () => navigate(pathOf(machine)) };
  openMenu(machine.name, machine.kind === "base" ? baseMenu(machine) : [open, null, ...machineMenu([machine])], at);
}

function States({ machine }: { machine: Machine }) {
  return (
    <span class="states">
      {machine.kind === "base" && <Chip tone="accent">{machine.state === "retired" ? "retired base" : "base"}</Chip>}
      <MachineStates machine={machine} />
    </span>
  );
}

function Space({ machine }: { machine: Machine }) {
  const space = spaceOf(machine);
  return <>{space && formatBytes(space.total_bytes)}</>;
}

const columns: GridColumn<MachineRow>[] = [
  { id: "power", head: "Power", cell: ({ machine }) => machine.kind !== "base" && <PowerMark power={machine.power} /> },
  { id: "state", head: "State", cell: ({ machine }) => <States machine={machine} /> },
  { id: "base", head: "Base", cell: ({ machine }) => machine.base ?? <span class="faint">–</span> },
  { id: "roles", head: "Volumes", cell: ({ machine }) => <RoleSummary roles={machine.roles} /> },
  { id: "capacity", head: "Capacity", number: true, cell: ({ machine }) => formatBytes(machine.capacity_bytes) },
  { id: "space", head: "Space used", number: true, cell: ({ machine }) => <Space machine={machine} /> },
  { id: "made", head: "Made", cell: ({ machine }) => <Time at={machine.created_at} /> },
];

interface ChooseProps<T extends string> {
  label: string;
  /** Of the address's query; the first choice is not written there. */
  name: string;
  value: T;
  choices: [T, string][];
}

function Choose<T extends string>({ label, name, value, choices }: ChooseProps<T>) {
  return (
    <select class="input choose" aria-label={label} value={value} onChange={(event) => setQuery(name, event.currentTarget.value === choices[0]![0] ? "" : event.currentTarget.value)}>
      {choices.map(([choice, text]) => <option key={choice} value={choice}>{text}</option>)}
    </select>
  );
}

function chosenOf<T extends string>(choices: [T, string][], name: string): T {
  const asked = address.value.query.get(name);
  return choices.find(([value]) => value === asked)?.[0] ?? choices[0]![0];
}

function subtitle(): string {
  const { running, pending } = stateCounts.value;
  const parts = [count(machines.size, "machine")];
  if (running) parts.push(`${running.toLocaleString()} running`);
  if (pending) parts.push(`${pending.toLocaleString()} pending`);
  return parts.join(" · ");
}

function NoMachines() {
  return <Empty icon="machines" title="No machines yet" actions={<a class="button primary" href="/bases">Go to the bases</a>}>There the first one is imported, and becomes a base for clones.</Empty>;
}

export function MachinesScreen() {
  const text = address.value.query.get("q") ?? "";
  const state = readState(address.value.query.get("state"));
  const kind = chosenOf<KindFilter>(KINDS, "kind");
  const order = chosenOf<Order>(ORDERS, "order");
  const rows = useMemo(() => machineRows(sortedMachines.value, { text, state, kind }, order), [sortedMachines.value, text, state, kind, order]);
  if (!machinesRead.value) return <Screen title="Machines" windowTitle="Machines"><Loading /></Screen>;
  if (machines.size === 0) return <Screen title="Machines" windowTitle="Machines"><NoMachines /></Screen>;
  return (
    <Screen title="Machines" windowTitle="Machines" fills subtitle={subtitle()}>
      <MachineFilter text={text} state={state}>
        <Choose label="Which machines" name="kind" value={kind} choices={KINDS} />
        <Choose label="In which order" name="order" value={order} choices={ORDERS} />
      </MachineFilter>
      {rows.length === 0 ? <Empty icon="search" title="No machine is like this" actions={<Button onClick={() => navigate("/machines")}>Show all</Button>} /> : (
        <div class="machine-list">
          <TreeGrid label="Machines" nameHead="Name" rows={rows} columns={columns} name={({ text: name, machine }) => <a class="clip" tabIndex={-1} href={pathOf(machine)}>{name}</a>}
            selection={(row) => selectedIds.value.has(row.id)} select={select} selectAll={(on) => (on ? select(rows, true) : (selectedIds.value = new Set()))}
            toggle={() => {}} open={({ machine }) => navigate(pathOf(machine))} menu={openRowMenu} onShow={(some) => wantSpace(some.map((row) => row.machine))} />
        </div>
      )}
      <SelectionBar chosen={[...selectedIds.value].flatMap((id) => machines.get(id) ?? [])} clear={() => (selectedIds.value = new Set())} />
    </Screen>
  );
}
