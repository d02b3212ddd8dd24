// Import of disk files that belong to no domain: they move into the store, and a machine is made around them.
import { useState } from "preact/hooks";
import { openPlan } from "../plan/dialog.tsx";
import { parseSize } from "../machine/words.ts";
import type { Request, RequestDisk, Role } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { SelectField, TextField } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";
import { useTakenNames } from "./clone.tsx";
import { nameProblem } from "./names.ts";
import { ROLES } from "./roles.ts";
import "./import.css";

interface FileDisk {
  path: string;
  format: string;
  role: Role;
}

// A guest can write what looks like another format into a raw disk: raw is never found out, but said.
const FORMATS = [{ value: "", label: "as the file itself says" }, { value: "raw", label: "raw" }, ...["qcow2", "vmdk", "vhdx", "vdi"].map((value) => ({ value, label: value }))];

function pathProblem(path: string, all: string[]): string {
  if (!path) return "Say where the file lies on the host.";
  if (!path.startsWith("/")) return "Give the whole path, beginning with /.";
  return all.filter((other) => other === path).length > 1 ? "This file is named twice." : "";
}

const requestDisk = ({ path, format, role }: FileDisk): RequestDisk => ({ path, role, ...(format && { format }) });

interface DiskProps {
  disk: FileDisk;
  number: number;
  error: string;
  onChange: (part: Partial<FileDisk>) => void;
  onRemove?: (() => void) | undefined;
}

function DiskFields({ disk, number, error, onChange, onRemove }: DiskProps) {
  return (
    <fieldset class="field import-disk">
      <legend class="hidden-text">Disk {number}</legend>
      <TextField label={`File of disk ${number}`} placeholder="/var/lib/libvirt/images/lab.qcow2" value={disk.path} onInput={(path) => onChange({ path: path.trim() })} error={error} maxLength={4095} />
      <SelectField label={`Role of disk ${number}`} value={disk.role} choices={ROLES} onChange={(role) => onChange({ role })} />
      <div class="row import-format">
        <SelectField label={`Format of disk ${number}`} value={disk.format} choices={FORMATS} onChange={(format) => onChange({ format })} />
        {onRemove && <Button kind="quiet" icon="remove" onClick={onRemove}>Leave disk {number} out</Button>}
      </div>
    </fieldset>
  );
}

function FilesDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [disks, setDisks] = useState<FileDisk[]>([{ path: "", format: "", role: "system" }]);
  const [memory, setMemory] = useState("2 GiB");
  const [cpus, setCpus] = useState("2");
  const [isTried, setTried] = useState(false);
  const isTaken = useTakenNames();
  const paths = disks.map((disk) => disk.path);
  const memoryMib = (parseSize(memory) ?? 0) / 1024 ** 2;
  const errors = {
    name: name ? nameProblem(name, isTaken) : "Say how the machine is called.",
    paths: paths.map((path) => pathProblem(path, paths)),
    memory: memoryMib > 0 ? "" : "Type a size, such as 4 GiB.",
    cpus: Number.isInteger(Number(cpus)) && Number(cpus) >= 1 && Number(cpus) <= 1024 ? "" : "1 to 1,024 processors.",
  };
  const shown = (error: string) => (isTried ? error : "");
  const change = (index: number, part: Partial<FileDisk>) => setDisks(disks.map((disk, at) => (at === index ? { ...disk, ...part } : disk)));
  const submit = () => {
    setTried(true);
    if (errors.name || errors.memory || errors.cpus || errors.paths.some(Boolean)) return;
    const request: Request = { verb: "import", machines: [name], disks: disks.map(requestDisk), memory_mib: memoryMib, cpus: Number(cpus) };
    openPlan(request, { title: `Import ${name}`, onDone: onClose }); // above this dialog: what is refused is mended here
  };
  return (
    <Dialog title="Import disk files" subtitle="They move into the store, and a machine is made around them." onClose={onClose} onSubmit={submit}
      footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit">Show the plan</Button></>}>
      <TextField label="Name" value={name} onInput={(text) => setName(text.trim())} error={shown(errors.name)} maxLength={128} autofocus />
      {disks.map((disk, index) => (
        <DiskFields key={index} disk={disk} number={index + 1} error={shown(errors.paths[index]!)} onChange={(part) => change(index, part)}
          onRemove={disks.length > 1 ? () => setDisks(disks.filter((_, at) => at !== index)) : undefined} />
      ))}
      <div><Button small icon="plus" onClick={() => setDisks([...disks, { path: "", format: "", role: "data" }])}>Another disk</Button></div>
      {disks.every(({ role }) => role !== "data") && <Notice tone="warning">No disk has the role data: a restore or rebase replaces everything in it.</Notice>}
      <div class="columns">
        <TextField label="Memory" value={memory} onInput={setMemory} error={shown(errors.memory)} />
        <TextField label="Processors" type="number" min={1} max={1024} value={cpus} onInput={setCpus} error={shown(errors.cpus)} />
      </div>
    </Dialog>
  );
}

export function openImportFiles(): void {
  openDialog((close) => <FilesDialog onClose={close} />);
}
