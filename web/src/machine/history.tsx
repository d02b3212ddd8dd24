// What was done to a machine, newest first, with the receipts that its data was kept.
import { formatExact, sentence } from "../format.ts";
import type { HistoryEntry } from "../types.ts";
import { FateWords, StateChip } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import { Time } from "../ui/page.tsx";
import { describeEvent, describeKeptFile, keptFiles } from "./words.ts";

function ReceiptNote({ entry }: { entry: HistoryEntry }) {
  const files = keptFiles(entry.receipt);
  if (files.length === 0) return null;
  if (!entry.receipt?.proven) return <p class="event-note bad"><Icon name="warning" /> A data volume is not as it was before. Look at it before you use it.</p>;
  return (
    <details class="event-note">
      <summary><FateWords text="data KEPT" />: inode, size, time unchanged</summary>
      <ul>{files.map((file) => <li key={file.target}><code>{describeKeptFile(file, formatExact)}</code></li>)}</ul>
    </details>
  );
}

function Event({ entry, withJobs }: { entry: HistoryEntry; withJobs: boolean }) {
  const text = describeEvent(entry);
  return (
    <li class="event">
      <div class="row">
        <b>{withJobs ? <a href={`/jobs/${encodeURIComponent(entry.job)}`}>{text}</a> : text}</b>
        {entry.state === "failed" && <StateChip state="failed" />}
        <span class="soft grow">by {entry.requested_by}</span>
        {entry.finished_at && <span class="soft"><Time at={entry.finished_at} /></span>}
      </div>
      {entry.message && <p class="event-note">{sentence(entry.message)}</p>}
      <ReceiptNote entry={entry} />
    </li>
  );
}

export function History({ entries, withJobs }: { entries: HistoryEntry[]; withJobs: boolean }) {
  if (entries.length === 0) return <p class="soft">Nothing has been done to it yet.</p>;
  return <ol class="events panel">{entries.map((entry) => <Event key={entry.job} entry={entry} withJobs={withJobs} />)}</ol>;
}
