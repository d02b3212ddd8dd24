// Dialogs that change a machine's volumes: each asks what is needed and leads to the plan.
import { useState } from "preact/hooks";
import { getAll } from "../api.ts";
import { formatBytes } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { openPlan } from "../plan/dialog.tsx";
import type { KeptVolume, Machine, Request, Role, Volume } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { RadioField, TextField, type Choice } from "../ui/field.tsx";
import { Empty, Loading, ProblemNotice, Time } from "../ui/page.tsx";
import { parseSize } from "./words.ts";

interface AskProps {
  machine: Machine;
  onClose: () => void;
}

/** What follows each question: the plan of the request. */
function Footer({ onClose, why }: { onClose: () => void; why?: string | undefined }) {
  return <><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" why={why}>Show the plan</Button></>;
}

function goOn(onClose: () => void, request: Request, title: string): void {
  onClose();
  openPlan(request, { title });
}

// --- resize -------------------------------------------------------------------------------------------------------

function ResizeDialog({ machine, volume, onClose }: AskProps & { volume: Volume }) {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const title = `Resize ${volume.target} of ${machine.name}`;
  const submit = () => {
    const bytes = parseSize(text);
    if (bytes === undefined) setError("Type a size, such as 40 GiB.");
    else if (bytes <= volume.capacity_bytes) setError("It can only grow: shrinking would cut its file system off.");
    else goOn(onClose, { verb: "volume-resize", machines: [machine.name], volume: volume.target, capacity_bytes: bytes }, title);
  };
  return (
    <Dialog title={title} subtitle={`It has ${formatBytes(volume.capacity_bytes)} now.`} size="narrow" onClose={onClose} onSubmit={submit}
      footer={<Footer onClose={onClose} />}>
      <TextField label="New size" help="In GiB, or with MiB or TiB. The guest has to grow its partition and file system itself." value={text} onInput={setText} error={error} autofocus />
    </Dialog>
  );
}

export function openResize(machine: Machine, volume: Volume): void {
  openDialog((close) => <ResizeDialog machine={machine} volume={volume} onClose={close} />);
}

// --- roles --------------------------------------------------------------------------------------------------------

const ROLE_CHOICES: Choice<Role>[] = [
  { value: "system", label: "system", help: "The operating system: restore and rebase replace it." },
  { value: "temporary", label: "temporary", help: "Scratch space: fresh after every stop." },
  { value: "data", label: "data", help: "What belongs to the user: always kept." },
];

function SetRoleDialog({ machine, volume, onClose }: AskProps & { volume: Volume }) {
  const [role, setRole] = useState(volume.role);
  const why = role === volume.role ? "It has that role" : undefined;
  const title = `Role of ${volume.target} of ${machine.name}`;
  const submit = () => {
    if (!why) goOn(onClose, { verb: "volume-set-role", machines: [machine.name], volume: volume.target, role }, title);
  };
  return (
    <Dialog title={title} subtitle="Clones of a base that is prepared from this machine have the same roles." size="narrow" onClose={onClose} onSubmit={submit}
      footer={<Footer onClose={onClose} why={why} />}>
      <RadioField label="Role" value={role} choices={ROLE_CHOICES} onChange={setRole} />
    </Dialog>
  );
}

export function openSetRole(machine: Machine, volume: Volume): void {
  openDialog((close) => <SetRoleDialog machine={machine} volume={volume} onClose={close} />);
}

// --- more volumes -------------------------------------------------------------------------------------------------

function AddDialog({ machine, onClose }: AskProps) {
  const [role, setRole] = useState<Role>("data");
  const [text, setText] = useState("20 GiB");
  const [error, setError] = useState("");
  const title = `Add a volume to ${machine.name}`;
  const choices = machine.kind === "clone" ? ROLE_CHOICES.filter((choice) => choice.value !== "system") : ROLE_CHOICES;
  const submit = () => {
    const bytes = parseSize(text);
    if (bytes === undefined) setError("Type a size, such as 40 GiB.");
    else goOn(onClose, { verb: "volume-add", machines: [machine.name], disks: [{ role, capacity_bytes: bytes }] }, title);
  };
  return (
    <Dialog title={title} subtitle="It is empty, and takes room only as it is written." size="narrow" onClose={onClose} onSubmit={submit}
      footer={<Footer onClose={onClose} />}>
      <TextField label="Size" help="In GiB, or with MiB or TiB." value={text} onInput={setText} error={error} autofocus />
      <RadioField label="Role" value={role} choices={choices} onChange={setRole} />
    </Dialog>
  );
}

export function openAddVolume(machine: Machine): void {
  openDialog((close) => <AddDialog machine={machine} onClose={close} />);
}

function keptChoice(kept: KeptVolume): Choice<string> {
  return {
    value: kept.id,
    label: `${kept.target} of ${kept.machine ?? "an unknown machine"}, ${formatBytes(kept.capacity_bytes)}`,
    help: <>removed <Time at={kept.removed_at} />{kept.expires_at && <>, goes <Time at={kept.expires_at} /></>}</>,
  };
}

function AttachDialog({ machine, onClose }: AskProps) {
  const { value: kept, problem } = useAsync(() => getAll<KeptVolume>("/kept-volumes"), []);
  const [id, setId] = useState("");
  const chosen = id || kept?.[0]?.id;
  const title = `Attach kept data to ${machine.name}`;
  const submit = () => {
    if (chosen) goOn(onClose, { verb: "volume-attach", machines: [machine.name], volume: chosen }, title);
  };
  return (
    <Dialog title={title} subtitle="Data of machines that were removed becomes a data volume here." size="narrow" onClose={onClose} onSubmit={submit}
      footer={<Footer onClose={onClose} why={chosen ? undefined : "There is nothing to attach"} />}>
      {problem && <ProblemNotice problem={problem} />}
      {!kept && !problem && <Loading />}
      {kept && (kept.length ? <RadioField label="Which" value={chosen!} choices={kept.map(keptChoice)} onChange={setId} /> : <Empty icon="storage" title="No data is kept">Data volumes of removed machines appear here.</Empty>)}
    </Dialog>
  );
}

export function openAttachVolume(machine: Machine): void {
  openDialog((close) => <AttachDialog machine={machine} onClose={close} />);
}
