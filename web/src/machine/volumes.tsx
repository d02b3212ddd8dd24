// A machine's volumes: what they are for, what they take, and what they sit on, layer by layer.
import { formatBytes } from "../format.ts";
import { hasRole } from "../store.ts";
import type { Layer, MachineFull, Space, Volume } from "../types.ts";
import { FateChip, RoleName } from "../ui/chip.tsx";
import { MenuButton } from "../ui/menu.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { openResize, openSetRole } from "./volume_dialogs.tsx";
import { chainOf, fateOf } from "./words.ts";

interface ChainProps {
  machine: MachineFull;
  volume: Volume;
  layers: ReadonlyMap<string, Layer>;
  ownBytes: number | undefined;
}

/** The blocks of one volume from the top down: its own file, then the layers. */
function Chain({ machine, volume, layers, ownBytes }: ChainProps) {
  const links = chainOf(machine.chain[volume.target] ?? [], layers);
  return (
    <ol class="chain" aria-label={`What ${volume.target} is made of, from the top down`}>
      <li class={machine.kind === "base" ? "sealed" : volume.role}>
        <span class="grow">{machine.kind === "base" ? "its layer" : "its own file"}</span>
        <span class="soft">{ownBytes === undefined ? "" : formatBytes(ownBytes)}</span>
      </li>
      {links.map((link) => (
        <li key={link.id} class="sealed">
          <span class="grow">{hasRole("operator") ? <a href={`/storage?layer=${encodeURIComponent(link.id)}`}>{link.base}</a> : link.base}</span>
          <span class="soft">{link.bytes === undefined ? "" : formatBytes(link.bytes)}</span>
        </li>
      ))}
    </ol>
  );
}

function VolumeMenu({ machine, volume }: { machine: MachineFull; volume: Volume }) {
  const off = machine.kind === "base" ? "It is a base: it is read-only" : machine.power === "off" ? undefined : "It has to be off";
  const items = () => [
    { label: "Resize…", icon: "plus" as const, why: off, run: () => openResize(machine, volume) },
    { label: "Set its role…", icon: "settings" as const, why: off ?? (machine.kind === "clone" ? "A clone's roles are its base's" : undefined), run: () => openSetRole(machine, volume) },
  ];
  return <MenuButton kind="quiet" small icon="more" label={`Menu of ${volume.target}`} name={`Volume ${volume.target}`} items={items} />;
}

function fateCell(machine: MachineFull, volume: Volume) {
  const { fate, when } = fateOf(machine, volume.role);
  return <span><FateChip fate={fate} /> <span class="soft">{when}</span></span>;
}

export function Volumes({ machine, layers, space }: { machine: MachineFull; layers: ReadonlyMap<string, Layer>; space: Space | undefined }) {
  const used = (volume: Volume) => space?.volumes.find((entry) => entry.target === volume.target)?.allocated_bytes;
  const columns: Column<Volume>[] = [
    { head: "Volume", heading: true, cell: (volume) => <span>{volume.target}{volume.own && <span class="soft"> added here</span>}</span>, sort: (volume) => volume.target },
    { head: "Role", cell: (volume) => <RoleName role={volume.role} />, sort: (volume) => volume.role },
    { head: "Its content is", cell: (volume) => fateCell(machine, volume) },
    { head: "Size", number: true, cell: (volume) => formatBytes(volume.capacity_bytes), sort: (volume) => volume.capacity_bytes },
    { head: "Made of", cell: (volume) => <Chain machine={machine} volume={volume} layers={layers} ownBytes={used(volume)} /> },
  ];
  if (hasRole("administrator")) columns.push({ head: "Actions", cell: (volume) => <VolumeMenu machine={machine} volume={volume} /> });
  return <Table label={`Volumes of ${machine.name}`} columns={columns} rows={machine.volumes} rowKey={(volume) => volume.target} />;
}
