// A base: its outline, its lineage, its sizes, who depends on it, and what can be done with it.
import { get, machinePath } from "../api.ts";
import { BASE_ACTIONS } from "../bases/actions.tsx";
import { MachineStates } from "../bases/cells.tsx";
import { basePath, machinePage } from "../bases/paths.ts";
import { spaceOf, wantSpace } from "../bases/space.ts";
import { buildTree } from "../bases/tree.ts";
import { findUpdate, openUpdate } from "../bases/update.tsx";
import { count, formatBytes } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { findMachine, hasRole, layersVersion, machineList, machinesRead } from "../store.ts";
import type { Machine, MachineFull } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip, PowerMark, RoleName } from "../ui/chip.tsx";
import { Empty, Facts, Loading, Notice, ProblemNotice, Screen, Time } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { useEffect } from "preact/hooks";
import "./base.css";

const CHECKS: Record<string, [string, string]> = {
  machine_id_empty: ["Machine id empty", "Machine id not empty"],
  host_keys_removed: ["Host keys removed", "Host keys not removed"],
  not_joined_to_a_domain: ["In no domain", "Joined to a domain"],
  no_disk_keys_or_tpm: ["No disk keys or TPM secrets", "Disk keys or TPM secrets"],
};

function Outline({ base }: { base: MachineFull }) {
  const space = spaceOf(base);
  const size = (target: string) => space?.volumes.find((volume) => volume.target === target)?.allocated_bytes;
  const columns: Column<MachineFull["volumes"][number]>[] = [
    { head: "Target", heading: true, cell: (volume) => <code>{volume.target}</code> },
    { head: "Role", cell: (volume) => <RoleName role={volume.role} /> },
    { head: "Capacity", number: true, cell: (volume) => formatBytes(volume.capacity_bytes) },
    { head: "Takes", number: true, cell: (volume) => (size(volume.target) === undefined ? "" : formatBytes(size(volume.target)!)) },
    { head: "Sits on layers", number: true, cell: (volume) => base.chain[volume.target]?.length || "none" },
  ];
  return <Table label="Outline" columns={columns} rows={base.volumes} rowKey={(volume) => volume.target} />;
}

/** The generations of its lineage, newest first, this one marked. */
function Lineage({ base }: { base: Machine }) {
  const { bases } = buildTree(machineList.value);
  const index = bases.findIndex((node) => node.machine.id === base.id);
  if (index < 0) return null;
  let [first, last] = [index, index];
  while (bases[first]!.hasNewer) first--;
  while (bases[last]!.hasOlder) last++;
  return (
    <ol class="lineage">
      {bases.slice(first, last + 1).map((node) => (
        <li key={node.machine.id} aria-current={node.machine.id === base.id ? "true" : undefined}>
          <span class="lineage-mark" aria-hidden="true" />
          <span class="grow">
            {node.machine.id === base.id ? <b>{node.machine.name}</b> : <a href={basePath(node.machine)}>{node.machine.name}</a>}{" "}
            {node.machine.state === "retired" && <Chip>retired</Chip>}
            <small>generation {node.generation}, prepared <Time at={node.machine.prepared_at} /></small>
          </span>
          <span class="soft">{count(node.clones.length, "clone")}</span>
        </li>
      ))}
    </ol>
  );
}

const cloneColumns: Column<Machine>[] = [
  { head: "Machine", heading: true, cell: (machine) => <a href={machine.kind === "base" ? basePath(machine) : machinePage(machine)}>{machine.name}</a>, sort: (machine) => machine.name },
  { head: "Kind", cell: (machine) => machine.kind, sort: (machine) => machine.kind },
  { head: "Power", cell: (machine) => machine.kind !== "base" && <PowerMark power={machine.power} />, sort: (machine) => machine.power },
  { head: "State", cell: (machine) => <span class="row tight"><MachineStates machine={machine} /></span> },
  { head: "Made", cell: (machine) => <Time at={machine.created_at} />, sort: (machine) => machine.created_at },
];

function Dependants({ base }: { base: Machine }) {
  const rows = machineList.value.filter((machine) => machine.base_id === base.id);
  return <Table label="Machines based on it" columns={cloneColumns} rows={rows} rowKey={(machine) => machine.id} empty={<p class="soft">No machine is based on it: it can be removed or unprepared.</p>} />;
}

function Actions({ base }: { base: Machine }) {
  if (!hasRole("administrator")) return null;
  return (
    <>
      {BASE_ACTIONS.map((action, index) => (
        <Button key={action.id} icon={action.icon} kind={index === 0 ? "primary" : "plain"} why={action.why(base)} onClick={() => action.run(base)}>{action.label}</Button>
      ))}
    </>
  );
}

function Checklist({ answers }: { answers: Record<string, boolean> | undefined }) {
  const entries = Object.entries(answers ?? {});
  if (entries.length === 0) return <span class="faint">not answered</span>;
  return <span class="row tight">{entries.map(([key, yes]) => <Chip key={key} tone={yes ? "good" : "warning"}>{CHECKS[key]?.[yes ? 0 : 1] ?? key}</Chip>)}</span>;
}

function BasePage({ base }: { base: Machine }) {
  const full = useAsync(() => get<MachineFull>(machinePath(base.id)), [base.id, layersVersion.value]);
  const update = findUpdate(base);
  const space = spaceOf(base);
  useEffect(() => wantSpace([base]), [base.id, layersVersion.value]);
  return (
    <Screen title={base.name} windowTitle={base.name} up={{ href: "/bases", label: "Bases" }} subtitle="A base: sealed and read-only." actions={<Actions base={base} />}>
      {update && <Notice><b>{update.name}</b> is being updated to become the next base. <Button small onClick={() => openUpdate(base)}>Go on</Button></Notice>}
      {full.problem && <ProblemNotice problem={full.problem} />}
      <div class="base-columns">
        <section class="stack">
          <h2>Outline</h2>
          {full.value ? <Outline base={full.value} /> : !full.problem && <Loading />}
          <Facts facts={[["Prepared", <Time at={base.prepared_at} />], ["Takes", space ? formatBytes(space.total_bytes) : <span class="faint">–</span>], ["Checks", <Checklist answers={full.value?.checklist} />]]} />
        </section>
        <section class="stack">
          <h2>Lineage</h2>
          <Lineage base={base} />
        </section>
      </div>
      <section class="stack">
        <h2>Based on it</h2>
        <Dependants base={base} />
      </section>
    </Screen>
  );
}

export function BaseScreen({ params }: { params: Record<string, string> }) {
  const base = findMachine(params.name!);
  const name = params.name!;
  if (!machinesRead.value) return <Screen title={name} windowTitle={name}><Loading /></Screen>;
  if (base?.kind !== "base") return <Screen title={name} windowTitle={name} up={{ href: "/bases", label: "Bases" }}><Empty icon="search" title={`There is no base called ${name}`}>It may have been removed or unprepared.</Empty></Screen>;
  return <BasePage key={base.id} base={base} />;
}
