// The systems that a machine had before, newest first: what undo can bring back, and until when.
import { formatBytes } from "../format.ts";
import { openPlan } from "../plan/dialog.tsx";
import { hasRole } from "../store.ts";
import type { MachineFull, UndoEntry } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip } from "../ui/chip.tsx";
import { Time } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { age, describeCause, entryEnds } from "./words.ts";

function When({ entry, isNext }: { entry: UndoEntry; isNext: boolean }) {
  return (
    <>
      <Time at={entry.replaced_at} /> <span class="soft">{describeCause(entry)}</span>
      {isNext && <> <Chip tone="accent" title="Undo brings this one back.">next</Chip></>}
      {entry.hibernated && <> <Chip tone="warning" title="The guest was hibernated: undo refuses it without force, for its memory of the data volumes is old.">hibernated</Chip></>}
    </>
  );
}

/** Its room now, for the way back. */
export function ForgetUndo({ machine }: { machine: MachineFull }) {
  if (!hasRole("administrator") || machine.undo.length === 0) return null;
  return <Button small onClick={() => openPlan({ verb: "forget", machines: [machine.name] }, { title: `Delete what undo holds of ${machine.name}` })}>Forget…</Button>;
}

export function UndoList({ machine, retentionSeconds }: { machine: MachineFull; retentionSeconds: number | undefined }) {
  const columns: Column<UndoEntry>[] = [
    { head: "Replaced", heading: true, cell: (entry) => <When entry={entry} isNext={entry === machine.undo[0]} /> },
    { head: "System of", cell: (entry) => entry.base_name ?? <span class="faint">no base</span> },
    { head: "Was in use for", cell: (entry) => entry.created_at && entry.replaced_at && age(entry.created_at, Date.parse(entry.replaced_at)) },
    { head: "Holds", number: true, cell: (entry) => formatBytes(entry.held_bytes) },
    { head: "Goes", cell: (entry) => <Time at={entryEnds(entry, retentionSeconds)} /> },
  ];
  return (
    <Table label="What undo can bring back" columns={columns} rows={machine.undo} rowKey={(entry) => String(entry.generation)}
      empty={<p class="soft">There is nothing to undo. A restore or a rebase puts the system that it replaces here; one that was never written to is not kept.</p>} />
  );
}
