// What the columns of the tree of bases show.
import { count, formatBytes } from "../format.ts";
import type { Machine } from "../types.ts";
import { Chip, PowerMark, RoleSummary } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import type { GridColumn } from "../ui/treegrid.tsx";
import { basePath, machinePage } from "./paths.ts";
import { spaceOf } from "./space.ts";
import { isAlive, type TreeRow } from "./tree.ts";

export function RowName({ row }: { row: TreeRow }) {
  if (row.node) {
    const { generation, generations, machine } = row.node;
    const title = `Base (golden image), generation ${generation} of ${generations}`;
    return (
      <>
        <span class="base-mark" title={title}><Icon name="bases" /></span>
        <a class="clip strong" tabIndex={-1} href={basePath(machine)}>{row.text}</a>
        {generations > 1 && <Chip tone={generation === generations ? "accent" : "neutral"} title={title}>gen {generation}{generation === generations && " · newest"}</Chip>}
        {machine.state === "retired" && <Chip title="Removed, but something still needs it: no new clones.">retired</Chip>}
      </>
    );
  }
  if (!row.machine) return <b class="clip soft">{row.text}</b>;
  return <a class="clip" tabIndex={-1} href={machinePage(row.machine)}>{row.text}</a>;
}

/** How many of a base's clones are in a state worth a word. */
function groupStates(clones: Machine[]): [string, number, "warning" | "neutral" | "bad"][] {
  const number = (test: (machine: Machine) => boolean) => clones.filter(test).length;
  return [
    ["pending", number((machine) => machine.pending), "warning"],
    ["on hold", number((machine) => machine.held), "neutral"],
    ["behind", number((machine) => machine.behind), "bad"],
  ];
}

export function MachineStates({ machine }: { machine: Machine }) {
  return (
    <>
      {machine.state === "creating" && <Chip>being made</Chip>}
      {machine.state === "removing" && <Chip tone="warning">being removed</Chip>}
      {machine.pending && <Chip tone="warning" title="Its new system is ready; it moves when it stops.">pending</Chip>}
      {machine.held && <Chip title={machine.hold_reason ? `On hold: ${machine.hold_reason}` : "On hold: no rebase touches it."}>on hold{machine.hold_reason && `: ${machine.hold_reason}`}</Chip>}
      {machine.behind && <Chip tone="bad" title={`Behind: ${machine.behind_reason ?? ""}`}>behind{machine.behind_reason && `: ${machine.behind_reason}`}</Chip>}
    </>
  );
}

function PowerCell({ row }: { row: TreeRow }) {
  if (row.level === 2) return <PowerMark power={row.machine!.power} />;
  const clones = row.node?.clones ?? row.children ?? [];
  const running = clones.filter(isAlive).length;
  return <span class="soft">{running > 0 ? `${running.toLocaleString()} running` : ""}</span>;
}

function StateCell({ row }: { row: TreeRow }) {
  if (row.level === 2) return <span class="states"><MachineStates machine={row.machine!} /></span>;
  const clones = row.node?.clones ?? row.children ?? [];
  return (
    <span class="states">
      <span class="soft">{row.node ? count(clones.length, "clone") : count(clones.length, "machine")}</span>
      {groupStates(clones).map(([word, number, tone]) => number > 0 && <Chip key={word} tone={tone}>{number.toLocaleString()} {word}</Chip>)}
    </span>
  );
}

function SpaceCell({ machine }: { machine: Machine | null }) {
  const space = machine && spaceOf(machine);
  if (!space) return null;
  const title = space.volumes.map((volume) => `${volume.target} (${volume.role}) ${formatBytes(volume.allocated_bytes)}`).join(", ");
  return <span title={title}>{formatBytes(space.total_bytes)}</span>;
}

export function columnsOf(): GridColumn<TreeRow>[] {
  return [
    { id: "power", head: "Power", cell: (row) => <PowerCell row={row} /> },
    { id: "state", head: "State", cell: (row) => <StateCell row={row} /> },
    { id: "roles", head: "Volumes", cell: (row) => row.machine && <RoleSummary roles={row.machine.roles} /> },
    { id: "capacity", head: "Capacity", number: true, cell: (row) => row.machine && formatBytes(row.machine.capacity_bytes) },
    { id: "space", head: "Space used", number: true, cell: (row) => <SpaceCell machine={row.machine} /> },
    { id: "undo", head: "Undo", number: true, cell: (row) => row.machine && row.machine.undo_entries > 0 && row.machine.undo_entries },
  ];
}
