// Where the room of the store goes, how long it lasts, and how layers sit on each other; pure.
import { compareNames, formatBytes, sentence } from "../format.ts";
import type { Forecast, FreeSample, Layer, Release, Role, Storage } from "../types.ts";

// --- room ---------------------------------------------------------------------------------------------------------

export interface RoomShare {
  key: "layers" | "undo" | "trash" | "kept" | "reclaimable" | "other" | "free";
  label: string;
  bytes: number;
}

/** All of the store, in shares that add up to its size; those that are empty are left out. */
export function roomShares(storage: Storage): RoomShare[] {
  const known: RoomShare[] = [
    { key: "layers", label: "Layers of bases", bytes: storage.layers_bytes },
    { key: "undo", label: "Held for undo", bytes: storage.undo.bytes },
    { key: "trash", label: "Trash", bytes: storage.trash.bytes },
    { key: "kept", label: "Kept data of removed machines", bytes: storage.kept.bytes },
    { key: "reclaimable", label: "Needed by nothing", bytes: storage.reclaimable_bytes },
  ];
  const named = known.reduce((sum, share) => sum + share.bytes, 0);
  const other = Math.max(0, storage.size_bytes - storage.free_bytes - named);
  const all: RoomShare[] = [...known, { key: "other", label: "Machines, and everything else there", bytes: other }, { key: "free", label: "Free", bytes: storage.free_bytes }];
  return all.filter((share) => share.bytes > 0);
}

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });

/** How long the free room lasts, in a sentence. */
export function describeForecast(forecast: Forecast | null): string {
  if (!forecast) return "There is a forecast after a day of observing.";
  const { bytes_per_day: pace, full_at: full, basis_days: days } = forecast;
  const basis = `Judging by the last ${days === 1 ? "day" : `${days} days`}`;
  if (pace < 0) return `${basis}, ${formatBytes(-pace)} a day become free.`;
  if (!full) return `${basis}, the free room lasts for years.`;
  return `${basis}, ${formatBytes(pace)} a day are used up: the free room lasts until about ${day.format(new Date(full))}.`;
}

/** "9 MiB held for undo". */
export const describeRelease = (release: Release) => `${formatBytes(release.bytes)} ${release.what === "undo" ? "held for undo" : "in the trash"}`;

interface Line {
  points: string;
  /** The highest value, which is the top. */
  top: number;
}

/** The free room over time as the points of a polyline in a box; undefined: too little to draw. */
export function freeLine(samples: FreeSample[], width: number, height: number): Line | undefined {
  const first = samples[0];
  const last = samples.at(-1);
  if (!first || !last || first === last) return undefined;
  const begin = Date.parse(first.at);
  const span = Date.parse(last.at) - begin;
  const top = Math.max(...samples.map((sample) => sample.free_bytes));
  if (span <= 0 || top <= 0) return undefined;
  const point = ({ at, free_bytes: free }: FreeSample) => `${((width * (Date.parse(at) - begin)) / span).toFixed(1)},${(height - (height * free) / top).toFixed(1)}`;
  return { points: samples.map(point).join(" "), top };
}

// --- layers -------------------------------------------------------------------------------------------------------

/** All layers that were sealed together: one generation of a base. */
export interface LayerSet {
  id: string;
  base: string;
  baseId: string | null;
  sealedAt: string | null;
  layers: Layer[];
  bytes: number;
  /** Made from clones of this one. */
  children: LayerSet[];
}

function gather(layers: Layer[]): Map<string, LayerSet> {
  const sets = new Map<string, LayerSet>();
  for (const layer of layers) {
    const set = sets.get(layer.set) ?? { id: layer.set, base: layer.machine ?? layer.set, baseId: layer.machine_id, sealedAt: layer.sealed_at, layers: [], bytes: 0, children: [] };
    set.layers.push(layer);
    set.bytes += layer.allocated_bytes;
    sets.set(layer.set, set);
  }
  return sets;
}

const ROLE_ORDER: Role[] = ["system", "temporary", "data"];

/** The generations as trees: roots are those that sit on nothing that is there. */
export function buildGraph(layers: Layer[]): LayerSet[] {
  const sets = gather(layers);
  const setOfLayer = new Map(layers.map((layer) => [layer.id, layer.set]));
  const roots: LayerSet[] = [];
  const byName = (a: LayerSet, b: LayerSet) => compareNames(a.base, b.base);
  for (const set of sets.values()) {
    set.layers.sort((a, b) => ROLE_ORDER.indexOf(a.role) - ROLE_ORDER.indexOf(b.role) || compareNames(a.target, b.target));
    const below = set.layers.find((layer) => layer.parent && setOfLayer.get(layer.parent) !== set.id)?.parent;
    const parent = sets.get(setOfLayer.get(below ?? "") ?? "");
    (parent?.children ?? roots).push(set);
  }
  for (const set of sets.values()) set.children.sort(byName);
  return roots.sort(byName);
}

/** The largest layer: what a full bar stands for. */
export const largest = (layers: Layer[]) => layers.reduce((most, layer) => Math.max(most, layer.allocated_bytes), 1);

// --- what keeps a layer -------------------------------------------------------------------------------------------

export interface ReasonGroup {
  /** "sits on it", "needs it for undo". */
  words: string;
  names: string[];
}

const REASONS: [RegExp, (said: string) => string][] = [
  [/^machine '(.*)' (.*)$/, (said) => said.charAt(0).toUpperCase() + said.slice(1)],
  [/^kept data of '(.*)' (.*)$/, (said) => `Kept data ${said}`],
  [/^layer '.*' of '(.*)' (.*)$/, (said) => `A layer that ${said}`],
  [/^it belongs to base '(.*)'()$/, () => "Belongs to base"],
];

function readReason(reason: string): { words: string; name?: string } {
  for (const [pattern, words] of REASONS) {
    const found = pattern.exec(reason);
    if (found) return { words: words(found[2]!), name: found[1]! };
  }
  return { words: sentence(reason) };
}

/** The daemon's sentences, one for each machine, as one for each kind; those of another form stay as they are. */
export function groupReasons(reasons: string[]): ReasonGroup[] {
  const groups = new Map<string, string[]>();
  for (const reason of reasons) {
    const { words, name } = readReason(reason);
    groups.set(words, [...(groups.get(words) ?? []), ...(name === undefined ? [] : [name])]);
  }
  return [...groups].map(([words, names]) => ({ words, names: names.sort(compareNames) }));
}
