// A user's own page: their machines as cards, with what can be done and what the next restart brings.
import { get, machinePath } from "../api.ts";
import { isAlive, isHalted } from "../bases/tree.ts";
import { compareNames, sentence } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { navigate } from "../router.ts";
import { submit } from "../run.tsx";
import { endedJobs, findMachine, jobs, machineList, machinesRead } from "../store.ts";
import type { HistoryEntry, Machine, MachineFull, Page } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { confirm } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { Empty, Loading, Notice, Screen, Time } from "../ui/page.tsx";
import { Section } from "../ui/section.tsx";
import { openMyRestore } from "./restore.tsx";
import { describeDoing, describeMyEvent, describeNext, POWER_WORDS } from "./words.ts";
import "./mine.css";

async function shutDown(machine: Machine): Promise<void> {
  const isUpdated = machine.pending ? <p>Its update is put in then.</p> : null;
  const sure = await confirm({ title: `Shut ${machine.name} down?`, body: <><p>Save your work before: programs are asked to close.</p>{isUpdated}</>, label: "Shut down" });
  if (sure) await submit({ verb: "shutdown", machines: [machine.name] });
}

function Actions({ machine, isBusy }: { machine: Machine; isBusy: boolean }) {
  const busy = isBusy ? "Something is being done to it" : undefined;
  const path = `/machines/${encodeURIComponent(machine.name)}/console`;
  return (
    <div class="row">
      {isAlive(machine) && !isHalted(machine) ? (
        <>
          <Button kind="primary" icon="console" onClick={() => navigate(path)}>Open screen</Button>
          <Button icon="power" why={busy} onClick={() => void shutDown(machine)}>Shut down</Button>
        </>
      ) : (
        <Button kind="primary" icon="start" why={busy} onClick={() => void submit({ verb: "start", machines: [machine.name] })}>Start</Button>
      )}
      {machine.kind === "clone" && <Button icon="restore" why={busy} onClick={() => openMyRestore(machine)}>Restore…</Button>}
    </div>
  );
}

/** What waits and what went wrong, where there is something to say. */
function Notes({ machine }: { machine: Machine }) {
  // What is pending is told by the machine itself, not by the list.
  const { value } = useAsync(async () => (machine.pending ? get<MachineFull>(machinePath(machine.name)) : undefined), [machine.name, machine.pending, machine.desired_generation]);
  const next = describeNext({ ...machine, ...(value?.pending_to && { pending_to: value.pending_to }) });
  return (
    <>
      {next && <Notice tone="warning">{next}</Notice>}
      {machine.behind && <Notice>An update could not be put in{machine.behind_reason ? `: ${sentence(machine.behind_reason)}` : "."} Everything works as before.</Notice>}
    </>
  );
}

function Card({ machine, isLink }: { machine: Machine; isLink: boolean }) {
  const doing = describeDoing(machine, jobs.value.values());
  return (
    <article class={`panel my-card ${isAlive(machine) ? "on" : ""}`} aria-label={machine.name}>
      <header>
        <span class="my-screen" aria-hidden="true"><Icon name="machines" size={28} /></span>
        <div>
          <h2>{isLink ? <a href={`/machines/${encodeURIComponent(machine.name)}`}>{machine.name}</a> : "This machine"}</h2>
          <p class="soft" role="status">{doing || POWER_WORDS[machine.power]}</p>
        </div>
      </header>
      <Notes machine={machine} />
      <Actions machine={machine} isBusy={doing !== ""} />
    </article>
  );
}

export function MyMachinesScreen() {
  const mine = [...machineList.value].sort((a, b) => compareNames(a.name, b.name));
  if (!machinesRead.value) return <Screen title="My machines" windowTitle="My machines"><Loading /></Screen>;
  return (
    <Screen title="My machines" windowTitle="My machines">
      {mine.length ? <div class="my-cards">{mine.map((machine) => <Card key={machine.id} machine={machine} isLink={true} />)}</div>
        : <Empty icon="machines" title="No machine is assigned to you yet">An administrator can assign one to your account. It appears here by itself.</Empty>}
    </Screen>
  );
}

function MyHistory({ name, version }: { name: string; version: unknown }) {
  const { value } = useAsync(() => get<Page<HistoryEntry>>(machinePath(name, "/history?limit=20")), [name, version, endedJobs.value]);
  if (!value) return <Loading />;
  return (
    <ul class="panel my-history">
      {value.items.map((entry) => (
        <li key={entry.job}>
          <b>{describeMyEvent(entry)}</b>
          <span class="grow soft">{entry.receipt?.proven && "Your data was kept."}{entry.state === "failed" && entry.message && sentence(entry.message)}</span>
          {entry.finished_at && <span class="soft"><Time at={entry.finished_at} /></span>}
        </li>
      ))}
    </ul>
  );
}

export function MyMachineScreen({ params }: { params: Record<string, string> }) {
  const machine = findMachine(params["name"]!);
  const up = { href: "/machines", label: "My machines" };
  if (!machinesRead.value) return <Loading />;
  if (!machine) return <Empty alone icon="machines" title="There is no such machine" actions={<a href="/machines">My machines</a>}>Perhaps it is no longer assigned to you.</Empty>;
  return (
    <Screen title={machine.name} windowTitle={machine.name} up={up}>
      <div class="my-cards"><Card machine={machine} isLink={false} /></div>
      <Section title="What happened"><MyHistory name={machine.name} version={`${machine.generation} ${machine.pending}`} /></Section>
    </Screen>
  );
}
