// The screen of bases: generations in line, clones below each, with filter, selection and actions.
import { computed, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { machineMenu } from "../actions.tsx";
import { baseMenu, BASE_ACTIONS } from "../bases/actions.tsx";
import { columnsOf, RowName } from "../bases/cells.tsx";
import { openClone } from "../bases/clone.tsx";
import { openImport } from "../bases/import.tsx";
import { basePath, machinePage } from "../bases/paths.ts";
import { wantSpace } from "../bases/space.ts";
import { buildTree, type TreeRow, treeRows } from "../bases/tree.ts";
import { count } from "../format.ts";
import { MachineFilter, readState, stateCounts } from "../machine/filter.tsx";
import { SelectionBar } from "../machine/selection.tsx";
import { openPlan } from "../plan/dialog.tsx";
import { address, navigate } from "../router.ts";
import { hasRole, machineList, machines, machinesRead } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { openMenu } from "../ui/menu.tsx";
import { Empty, Loading, Notice, Screen } from "../ui/page.tsx";
import { TreeGrid } from "../ui/treegrid.tsx";
import "./bases.css";

const OPEN_UP_TO = 300; // machines that are all shown at first

const tree = computed(() => buildTree(machineList.value));
/** Bases that were opened or closed by hand. */
const opened = signal<ReadonlyMap<string, boolean>>(new Map());
const selectedIds = signal<ReadonlySet<string>>(new Set());

const isOpen = (id: string) => opened.value.get(id) ?? machines.size <= OPEN_UP_TO;

function select(ids: Iterable<string>, on: boolean): void {
  const next = new Set(selectedIds.value);
  for (const id of ids) if (on) next.add(id);
  else next.delete(id);
  selectedIds.value = next;
}

/** A base stands for the machines below it. */
const leaves = (row: TreeRow) => (row.children ? row.children.map((machine) => machine.id) : row.machine && row.level === 2 ? [row.machine.id] : []);

function selection(row: TreeRow): boolean | "mixed" {
  const ids = leaves(row);
  const chosen = ids.filter((id) => selectedIds.value.has(id)).length;
  return chosen === 0 ? false : chosen === ids.length ? true : "mixed";
}

function openRow(row: TreeRow): void {
  if (row.machine) navigate(row.level === 1 ? basePath(row.machine) : machinePage(row.machine));
  else opened.value = new Map(opened.value).set(row.id, !isOpen(row.id));
}

function openRowMenu(row: TreeRow, at: Element | { x: number; y: number }): void {
  if (row.node) openMenu(row.text, baseMenu(row.node.machine), at);
  else if (row.machine) {
    const machine = row.machine;
    const open = { label: "Open", icon: "machines" as const, run: () => navigate(machinePage(machine)) };
    openMenu(row.text, [open, null, ...machineMenu([machine])], at);
  }
}

/** The two things that are most wanted of a base, at its row. */
function RowTools({ row }: { row: TreeRow }) {
  if (!row.node || !hasRole("administrator")) return null;
  return (
    <>
      {BASE_ACTIONS.slice(0, 2).map((action) => !action.why(row.node!.machine) && (
        <button key={action.id} type="button" tabIndex={-1} class="button small" onClick={() => action.run(row.node!.machine)}>{action.label}</button>
      ))}
    </>
  );
}

function FirstSteps() {
  const isAdmin = hasRole("administrator");
  return (
    <Empty icon="bases" title="No machines yet" actions={isAdmin && <Button kind="primary" icon="import" onClick={openImport}>Import a machine…</Button>}>
      <p>A <b>base</b> is a golden image: a machine that was set up once and then sealed. From it any number of thin <b>clones</b> are made. Later their system is replaced, and their users' data stays.</p>
      <ol class="first-steps">
        <li>Import a machine that libvirt runs.</li>
        <li>Prepare it as a base.</li>
        <li>Clone it as often as you like.</li>
      </ol>
    </Empty>
  );
}

/** What a newcomer does next: the first base, its first clones. */
function NextStep() {
  const { bases, others } = tree.value;
  const isAdmin = hasRole("administrator");
  if (!isAdmin || machines.size > bases.length + others.length) return null;
  const base = bases[0]?.machine;
  if (base) return <Notice>Next: make clones of <b>{base.name}</b>, as many as you like. <Button small icon="clone" onClick={() => openClone(base)}>Clone…</Button></Notice>;
  const machine = others[0]!;
  const prepare = () => openPlan({ verb: "prepare", machines: [machine.name] });
  return <Notice>Next: set up <b>{machine.name}</b> as it should be, shut it down, and prepare it as a base. <Button small icon="seal" onClick={prepare}>Prepare as a base…</Button></Notice>;
}

function subtitle(): string {
  const { bases, others } = tree.value;
  const clones = machines.size - bases.length - others.length;
  const parts = [count(bases.length, "base"), count(clones, "clone")];
  if (others.length) parts.push(count(others.length, "other machine"));
  if (stateCounts.value.running) parts.push(`${stateCounts.value.running.toLocaleString()} running`);
  return parts.join(" · ");
}

export function BasesScreen() {
  const text = address.value.query.get("q") ?? "";
  const state = readState(address.value.query.get("state"));
  const rows = useMemo(() => treeRows(tree.value, { text, state }, isOpen), [tree.value, text, state, opened.value]);
  const columns = useMemo(columnsOf, []);
  const isAdmin = hasRole("administrator");
  if (!machinesRead.value) return <Screen title="Bases" windowTitle="Bases"><Loading /></Screen>;
  const shownIds = () => rows.flatMap((row) => (row.level === 1 ? leaves(row) : []));
  return (
    <Screen title="Bases" windowTitle="Bases" fills subtitle={machines.size > 0 && subtitle()}
      actions={isAdmin && machines.size > 0 && <Button icon="import" onClick={openImport}>Import a machine…</Button>}>
      {machines.size === 0 ? <FirstSteps /> : (
        <>
          <NextStep />
          <MachineFilter text={text} state={state} />
          {rows.length === 0 ? (
            <Empty icon="search" title="No machine is like this" actions={<Button onClick={() => navigate("/bases")}>Show all</Button>} />
          ) : (
            <TreeGrid label="Bases and clones" nameHead="Name" rows={rows} columns={columns} name={(row) => <RowName row={row} />} tools={(row) => <RowTools row={row} />}
              rowClass={(row) => `${row.node ? "is-base" : ""} ${row.spine ? `spine-${row.spine}` : ""}`}
              selection={selection} select={(some, on) => select(some.flatMap(leaves), on)} selectAll={(on) => (on ? select(shownIds(), true) : (selectedIds.value = new Set()))}
              toggle={(row, open) => (opened.value = new Map(opened.value).set(row.id, open))} open={openRow} menu={openRowMenu}
              onShow={(some) => wantSpace(some.flatMap((row) => row.machine ?? []))} />
          )}
          <SelectionBar chosen={[...selectedIds.value].flatMap((id) => machines.get(id) ?? [])} clear={() => (selectedIds.value = new Set())} />
        </>
      )}
    </Screen>
  );
}
