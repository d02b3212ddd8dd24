// Import: a libvirt domain becomes a machine. The role of every disk is proposed, shown and confirmed, never guessed.
import { useState } from "preact/hooks";
import { getAll } from "../api.ts";
import { count } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { openPlan } from "../plan/dialog.tsx";
import type { Domain, Job, Role } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { PowerMark } from "../ui/chip.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { SelectField } from "../ui/field.tsx";
import "../ui/choose.css";
import { Empty, Loading, Notice, ProblemNotice } from "../ui/page.tsx";
import { openImportFiles } from "./import_files.tsx";
import { ROLES } from "./roles.ts";

type Disk = Domain["disks"][number];
const isVolume = (disk: Disk) => disk.proposed_role !== null && disk.target !== null;

interface ListProps {
  domains: Domain[];
  onChoose: (domain: Domain) => void;
}

function DomainList({ domains, onChoose }: ListProps) {
  if (domains.length === 0) return <Empty icon="import" title="Libvirt has no other domains">Every domain of this host is managed already. Make a machine with virt-manager or virt-install and come back, or import disk files.</Empty>;
  return (
    <ul class="choose">
      {domains.map((domain) => (
        <li key={domain.uuid} class="choose-entry">
          <span class="grow"><b>{domain.name}</b> <small>{count(domain.disks.filter(isVolume).length, "disk")}{domain.power !== "off" && ": shut it down to import it"}</small></span>
          <PowerMark power={domain.power} />
          <Button small why={domain.power === "off" ? undefined : "Shut it down first: only a machine that is off is imported"} onClick={() => onChoose(domain)}>Choose</Button>
        </li>
      ))}
    </ul>
  );
}

interface RolesProps {
  domain: Domain;
  roles: Record<string, Role>;
  onChange: (target: string, role: Role) => void;
}

function Roles({ domain, roles, onChange }: RolesProps) {
  const others = domain.disks.filter((disk) => !isVolume(disk));
  const hasData = Object.values(roles).includes("data");
  return (
    <>
      <p>What becomes of each disk later? The first disk that boots is proposed as system, all others as data. Change it where that is wrong: a wrong role loses data.</p>
      {domain.disks.filter(isVolume).map((disk) => (
        <SelectField key={disk.target} label={`${disk.target}${disk.format ? `, ${disk.format}` : ""}`} help={disk.path} value={roles[disk.target!]!} choices={ROLES} onChange={(role) => onChange(disk.target!, role)} />
      ))}
      {!hasData && <Notice tone="warning">No disk has the role data: a restore or rebase replaces everything in it.</Notice>}
      {others.length > 0 && <p class="faint">Not touched: {others.map((disk) => `${disk.target} (${disk.device})`).join(", ")}.</p>}
    </>
  );
}

function ImportDialog({ onClose, onDone }: { onClose: () => void; onDone?: ((job: Job) => void) | undefined }) {
  const domains = useAsync(() => getAll<Domain>("/domains?limit=10000"), []);
  const [domain, setDomain] = useState<Domain | null>(null);
  const [roles, setRoles] = useState<Record<string, Role>>({});
  const choose = (chosen: Domain) => {
    setDomain(chosen);
    setRoles(Object.fromEntries(chosen.disks.filter(isVolume).map((disk) => [disk.target!, disk.proposed_role!])));
  };
  const plan = () => {
    onClose();
    const disks = Object.entries(roles).map(([target, role]) => ({ target, role }));
    openPlan({ verb: "import", machines: [domain!.name], domain: domain!.name, disks }, { title: `Import ${domain!.name}`, ...(onDone && { onDone }) });
  };
  const files = () => {
    onClose();
    openImportFiles();
  };
  const footer = (
    <>
      <span class="grow">{!domain && <Button kind="quiet" onClick={files}>Disk files without a domain…</Button>}</span>
      <Button onClick={domain ? () => setDomain(null) : onClose}>{domain ? "Back" : "Cancel"}</Button>
      {domain && <Button kind="primary" type="submit">Confirm the roles</Button>}
    </>
  );
  return (
    <Dialog title={domain ? `Import ${domain.name}` : "Import a machine"} subtitle={domain ? "It keeps its name, its hardware and its content." : "A libvirt domain of this host. Its disks move into the store."} onClose={onClose} onSubmit={() => domain && plan()} footer={footer}>
      {domains.problem && <ProblemNotice problem={domains.problem} />}
      {domain ? <Roles domain={domain} roles={roles} onChange={(target, role) => setRoles({ ...roles, [target]: role })} />
        : domains.value ? <DomainList domains={domains.value} onChoose={choose} /> : !domains.problem && <Loading />}
    </Dialog>
  );
}

export function openImport(): void {
  openDialog((close) => <ImportDialog onClose={close} />);
}
