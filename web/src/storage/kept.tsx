// Data of removed machines: in the trash until its time is over, or kept for good. Either can be attached again.
import { useId, useState } from "preact/hooks";
import { formatBytes } from "../format.ts";
import { openPlan } from "../plan/dialog.tsx";
import { findMachine, machineList } from "../store.ts";
import type { KeptVolume } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import { Time } from "../ui/page.tsx";
import { Section } from "../ui/section.tsx";
import { Table, type Column } from "../ui/table.tsx";

/** What is wrong with the machine that was typed; empty: nothing. */
function checkTarget(name: string): string {
  if (!name.trim()) return "Type the name of a machine.";
  const machine = findMachine(name.trim());
  if (!machine) return "There is no machine of that name.";
  if (machine.kind === "base") return "It is a base: it is read-only.";
  return machine.power === "off" ? "" : "It has to be off.";
}

function AttachDialog({ kept, onClose }: { kept: KeptVolume; onClose: () => void }) {
  const [name, setName] = useState(findMachine(kept.machine ?? "")?.name ?? "");
  const [error, setError] = useState("");
  const list = useId();
  const candidates = machineList.value.filter((machine) => machine.kind !== "base" && machine.power === "off");
  const submit = () => {
    const wrong = checkTarget(name);
    setError(wrong);
    if (wrong) return;
    onClose();
    openPlan({ verb: "volume-attach", machines: [name.trim()], volume: kept.id }, { title: `Attach kept data to ${name.trim()}` });
  };
  const footer = <><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit">Show the plan</Button></>;
  return (
    <Dialog title={`Attach the data of ${kept.machine ?? "a removed machine"}`} subtitle="It becomes a data volume of a machine that is off." size="narrow" onClose={onClose} onSubmit={submit} footer={footer}>
      <Field label="Machine" error={error}>
        {(wiring) => <input {...wiring} class="input" list={list} value={name} autocomplete="off" autofocus onInput={(event) => setName(event.currentTarget.value)} />}
      </Field>
      <datalist id={list}>{candidates.slice(0, 500).map((machine) => <option key={machine.id} value={machine.name} />)}</datalist>
    </Dialog>
  );
}

function Actions({ kept }: { kept: KeptVolume }) {
  const purge = () => openPlan({ verb: "purge", volume: kept.id }, { title: `Delete the data of ${kept.machine ?? "a removed machine"} for good` });
  return (
    <span class="row tight">
      <Button small onClick={() => openDialog((close) => <AttachDialog kept={kept} onClose={close} />)}>Attach…</Button>
      <Button small onClick={purge}>Delete…</Button>
    </span>
  );
}

const columns: Column<KeptVolume>[] = [
  { head: "Data of", heading: true, cell: (kept) => `${kept.machine ?? "unknown"} ${kept.target}`, sort: (kept) => kept.machine ?? "" },
  { head: "Capacity", number: true, cell: (kept) => formatBytes(kept.capacity_bytes), sort: (kept) => kept.capacity_bytes },
  { head: "Removed", cell: (kept) => <Time at={kept.removed_at} />, sort: (kept) => kept.removed_at ?? "" },
  { head: "Goes", cell: (kept) => (kept.expires_at ? <Time at={kept.expires_at} /> : <Chip tone="kept">kept for good</Chip>), sort: (kept) => kept.expires_at ?? "9999" },
  { head: "Actions", number: true, cell: (kept) => <Actions kept={kept} /> },
];

export function Kept({ kept }: { kept: KeptVolume[] }) {
  const why = kept.some((volume) => volume.expires_at) ? undefined : "The trash is empty";
  const empty = <Button small why={why} onClick={() => openPlan({ verb: "purge", trash: true }, { title: "Empty the trash" })}>Empty the trash…</Button>;
  return (
    <Section title="Data of removed machines" actions={kept.length > 0 && empty}>
      <Table label="Kept volumes" columns={columns} rows={kept} rowKey={(volume) => volume.id}
        empty={<p class="soft">None. When a machine is removed, its data waits here for a while, and can be attached to another machine.</p>} />
    </Section>
  );
}
