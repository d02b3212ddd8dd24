// The room of the store: what takes it, how the free part went, and what comes back by itself.
import { count, formatBytes, formatDuration } from "../format.ts";
import type { Release, Storage } from "../types.ts";
import { Time } from "../ui/page.tsx";
import { describeForecast, describeRelease, freeLine, roomShares } from "./facts.ts";

function RoomBar({ storage }: { storage: Storage }) {
  const shares = roomShares(storage);
  const percent = (bytes: number) => `${(100 * bytes) / storage.size_bytes}%`;
  return (
    <>
      <div class="room-bar" aria-hidden="true">
        {shares.map((share) => <i key={share.key} class={share.key} style={{ width: percent(share.bytes) }} />)}
        <b class="floor" style={{ right: percent(storage.floor_bytes) }} />
      </div>
      <dl class="room-legend">
        {shares.map((share) => (
          <div key={share.key}>
            <dt><i class={share.key} aria-hidden="true" />{share.label}</dt>
            <dd>{formatBytes(share.bytes)}</dd>
          </div>
        ))}
        <div><dt><i class="floor" aria-hidden="true" />Never used up</dt><dd>{formatBytes(storage.floor_bytes)}</dd></div>
      </dl>
    </>
  );
}

const WIDTH = 320;
const HEIGHT = 64;

function FreeChart({ storage }: { storage: Storage }) {
  const line = freeLine(storage.samples, WIDTH, HEIGHT);
  return (
    <figure class="free-chart">
      {line && (
        <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`Free room from ${formatBytes(storage.samples[0]!.free_bytes)} to ${formatBytes(storage.samples.at(-1)!.free_bytes)}`}>
          <polyline points={line.points} fill="none" stroke="currentColor" stroke-width="2" vector-effect="non-scaling-stroke" />
        </svg>
      )}
      {line && <p class="help row"><Time at={storage.samples[0]!.at} /><span class="grow" /><Time at={storage.samples.at(-1)!.at} /></p>}
      <figcaption>{describeForecast(storage.forecast)}</figcaption>
    </figure>
  );
}

const DAY_SECONDS = 86_400;

function describeRetention(seconds: number): string {
  return seconds % DAY_SECONDS ? formatDuration(seconds) : count(seconds / DAY_SECONDS, "day");
}

function UndoBudget({ undo }: { undo: Storage["undo"] }) {
  const share = undo.budget_bytes ? undo.bytes / undo.budget_bytes : 0;
  return (
    <div class="stack">
      <p><b>{formatBytes(undo.bytes)}</b> of {formatBytes(undo.budget_bytes)} for undo</p>
      <div class="budget" role="meter" aria-label="Undo budget used" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * share)}>
        <i class={share > 0.9 ? "full" : ""} style={{ width: `${Math.min(100, 100 * share)}%` }} />
      </div>
      <p class="help">Systems that were replaced stay for {describeRetention(undo.retention_seconds)}, together at most {undo.budget_percent} % of the store; the oldest go first.</p>
    </div>
  );
}

function Releases({ releases }: { releases: Release[] }) {
  if (releases.length === 0) return <p class="soft">Nothing is waiting to go.</p>;
  return (
    <ol class="releases">
      {releases.map((release) => <li key={release.at + release.what}><span class="grow">{describeRelease(release)}</span><span class="soft">goes <Time at={release.at} /></span></li>)}
    </ol>
  );
}

export function Room({ storage }: { storage: Storage }) {
  return (
    <section class="panel room" aria-label="Room">
      <p class="room-head"><b>{formatBytes(storage.free_bytes)}</b> free of {formatBytes(storage.size_bytes)}</p>
      <RoomBar storage={storage} />
      <div class="room-parts">
        <div class="stack"><h2>How long it lasts</h2><FreeChart storage={storage} /></div>
        <div class="stack"><h2>Undo</h2><UndoBudget undo={storage.undo} /></div>
        <div class="stack"><h2>What comes back by itself</h2><Releases releases={storage.releases} /></div>
      </div>
    </section>
  );
}
