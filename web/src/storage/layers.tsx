// Layers: as a graph of generations from left to right, or as a table; one can be chosen to see what keeps it.
import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { get } from "../api.ts";
import { compareNames, formatBytes } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { openPlan } from "../plan/dialog.tsx";
import { address, setQuery } from "../router.ts";
import { hasRole, layersVersion, machines } from "../store.ts";
import type { Layer, LayerFull } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip, RoleName } from "../ui/chip.tsx";
import { FilterChips } from "../ui/filter.tsx";
import { Empty, Facts, Loading, ProblemNotice, Time } from "../ui/page.tsx";
import { Section } from "../ui/section.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { buildGraph, groupReasons, largest, type LayerSet } from "./facts.ts";

const choose = (id: string) => setQuery("layer", id);
const isRetired = (baseId: string | null) => machines.get(baseId ?? "")?.state === "retired";

// --- the graph ----------------------------------------------------------------------------------------------------

function LayerBar({ layer, most, isChosen }: { layer: Layer; most: number; isChosen: boolean }) {
  return (
    <button type="button" class={`layer-bar ${layer.role}`} aria-pressed={isChosen} title={`${layer.target}, ${layer.role}: ${formatBytes(layer.allocated_bytes)}`} onClick={() => choose(isChosen ? "" : layer.id)}>
      <span class="layer-name"><span class="grow">{layer.target} <span class="soft">{layer.role}</span></span>{formatBytes(layer.allocated_bytes)}</span>
      <i style={{ width: `${Math.max(2, (100 * layer.allocated_bytes) / most)}%` }} />
    </button>
  );
}

interface NodeProps {
  set: LayerSet;
  most: number;
  chosen: string;
}

function GraphNode({ set, most, chosen }: NodeProps) {
  const isRoot = set.layers.every((layer) => !layer.parent);
  return (
    <li class="graph-item">
      <div class="graph-node panel">
        <p class="row"><b class="grow">{set.base}</b>{isRetired(set.baseId) && <Chip title="The base was removed; something still needs its layers.">retired</Chip>}</p>
        <p class="help">{isRoot ? "sealed" : "added"} <Time at={set.sealedAt} /></p>
        {set.layers.map((layer) => <LayerBar key={layer.id} layer={layer} most={most} isChosen={layer.id === chosen} />)}
      </div>
      {set.children.length > 0 && <ul>{set.children.map((child) => <GraphNode key={child.id} set={child} most={most} chosen={chosen} />)}</ul>}
    </li>
  );
}

function Graph({ layers, chosen }: { layers: Layer[]; chosen: string }) {
  const most = largest(layers);
  return (
    <div class="graph" role="region" aria-label="Layers by generation, oldest to the left" tabIndex={0}>
      <ul class="graph-roots">{buildGraph(layers).map((set) => <GraphNode key={set.id} set={set} most={most} chosen={chosen} />)}</ul>
    </div>
  );
}

// --- the table ----------------------------------------------------------------------------------------------------

function layerColumns(layers: Layer[]): Column<Layer>[] {
  const names = new Map(layers.map((layer) => [layer.id, layer.machine ?? layer.set]));
  return [
    { head: "Layer", heading: true, cell: (layer) => <button type="button" class="link" onClick={() => choose(layer.id)}>{layer.machine ?? layer.set} {layer.target}</button>, sort: (layer) => `${layer.machine} ${layer.target}` },
    { head: "Role", cell: (layer) => <RoleName role={layer.role} />, sort: (layer) => layer.role },
    { head: "Takes", number: true, cell: (layer) => formatBytes(layer.allocated_bytes), sort: (layer) => layer.allocated_bytes },
    { head: "Capacity", number: true, cell: (layer) => formatBytes(layer.capacity_bytes), sort: (layer) => layer.capacity_bytes },
    { head: "Sits on", cell: (layer) => (layer.parent ? (names.get(layer.parent) ?? layer.parent) : <span class="faint">nothing</span>) },
    { head: "Sealed", cell: (layer) => <Time at={layer.sealed_at} />, sort: (layer) => layer.sealed_at ?? "" },
  ];
}

// --- one layer ----------------------------------------------------------------------------------------------------

const SHOWN = 20;

/** There may be thousands of machines on one layer. */
function Names({ names }: { names: string[] }) {
  const [isWhole, setWhole] = useState(false);
  const shown = isWhole ? names : names.slice(0, SHOWN);
  return (
    <>
      {shown.map((name, index) => <Fragment key={name}>{index > 0 && ", "}<a href={`/machines/${encodeURIComponent(name)}`}>{name}</a></Fragment>)}{" "}
      {names.length > shown.length && <Button small onClick={() => setWhole(true)}>{(names.length - shown.length).toLocaleString()} more</Button>}
    </>
  );
}

function Reasons({ reasons }: { reasons: string[] }) {
  if (reasons.length === 0) return <p class="soft">Nothing needs it any more: the next reclaim deletes it.</p>;
  return (
    <ul class="reasons">
      {groupReasons(reasons).map(({ words, names }) => (
        <li key={words}><b>{words}</b>{names.length > 1 && <span class="soft"> ({names.length.toLocaleString()})</span>}{names.length > 0 && <>: <Names names={names} /></>}</li>
      ))}
    </ul>
  );
}

function LayerDetails({ id }: { id: string }) {
  const { value: layer, problem } = useAsync(() => get<LayerFull>(`/layers/${encodeURIComponent(id)}`), [id, layersVersion.value]);
  if (problem) return <ProblemNotice problem={problem} />;
  if (!layer) return <Loading />;
  return (
    <aside class="panel layer-details" aria-label="The chosen layer">
      <div class="row">
        <h3 class="grow">{layer.machine ?? layer.set} {layer.target}</h3>
        <Button small kind="quiet" icon="close" label="Close" onClick={() => choose("")} />
      </div>
      <Facts facts={[
        ["Role", <RoleName role={layer.role} />],
        ["Takes", `${formatBytes(layer.allocated_bytes)} of ${formatBytes(layer.capacity_bytes)}`],
        ["Sealed", <Time at={layer.sealed_at} />],
        ["Sits on", layer.parent ? <button type="button" class="link" onClick={() => choose(layer.parent!)}>the layer below</button> : "nothing"],
        ["Digest", layer.digest ? <code title={layer.digest}>{layer.digest.slice(0, 19)}…</code> : "being computed"],
      ]} />
      <div class="stack"><h3>What keeps it</h3><Reasons reasons={layer.reasons} /></div>
      {layer.parent && hasRole("administrator") && (
        <div><Button small onClick={() => openPlan({ verb: "flatten", layer: layer.id }, { title: "Flatten this layer" })}>Flatten…</Button>
          <p class="help">Makes it whole by itself, so that it sits on nothing. What it looks like to guests stays the same.</p></div>
      )}
    </aside>
  );
}

const byBase = (a: Layer, b: Layer) => compareNames(`${a.machine} ${a.target}`, `${b.machine} ${b.target}`);

type View = "graph" | "table";

export function Layers({ layers }: { layers: Layer[] }) {
  const chosen = address.value.query.get("layer") ?? "";
  const view: View = address.value.query.get("view") === "table" ? "table" : "graph";
  const choices = [{ value: "graph" as const, label: "Graph" }, { value: "table" as const, label: "Table" }];
  const total = layers.reduce((sum, layer) => sum + layer.allocated_bytes, 0);
  const switcher = <FilterChips label="Show layers as" choices={choices} value={view} onChange={(value) => setQuery("view", value === "table" ? value : "")} />;
  if (layers.length === 0) return <Section title="Layers"><Empty icon="storage" title="No layers yet">A machine that is prepared as a base becomes layers: sealed images that clones sit on.</Empty></Section>;
  return (
    <Section title="Layers" note={`${formatBytes(total)} in all. Each is sealed: its content never changes.`} actions={switcher}>
      <div class={`layers ${chosen ? "with-details" : ""}`}>
        {view === "graph" ? <Graph layers={layers} chosen={chosen} /> : <Table label="All layers" columns={layerColumns(layers)} rows={[...layers].sort(byBase)} rowKey={(layer) => layer.id} />}
        {chosen && <LayerDetails id={chosen} />}
      </div>
    </Section>
  );
}
