// A machine's console: its screen, keyboard and mouse in the browser.
import { useEffect, useRef, useState } from "preact/hooks";
import { asProblem, download, machinePath, Problem } from "../api.ts";
import { isAlive } from "../bases/tree.ts";
import { submit } from "../run.tsx";
import { findMachine, hasRole, machinesRead } from "../store.ts";
import type { Machine } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { PowerMark } from "../ui/chip.tsx";
import { Empty, Loading, Notice, Screen } from "../ui/page.tsx";
import { toastProblem } from "../ui/toast.tsx";
import { openSend } from "./send.tsx";
import { ConsoleSession, type ConsoleState } from "./session.ts";
import "./console.css";

const pageOf = (machine: Machine) => `/machines/${encodeURIComponent(machine.name)}`;

/** Ctrl, Alt and Shift together, whichever came last. */
const isWayOut = (event: KeyboardEvent) => event.ctrlKey && event.altKey && event.shiftKey && ["Control", "Alt", "Shift", "Meta", "AltGraph"].includes(event.key);

/** Not every screen can be reached by virt-viewer; how one is made so that it can is an administrator's matter. */
async function openInViewer(machine: Machine): Promise<void> {
  await download(machinePath(machine.name, "/console.vv"), `${machine.name}.vv`).catch((error: unknown) => {
    const problem = asProblem(error);
    toastProblem(hasRole("operator") ? problem : new Problem(problem.code, problem.message));
  });
}

interface ToolsProps {
  session: ConsoleSession | null;
  machine: Machine;
  fits: boolean;
  isFull: boolean;
  onFit: () => void;
  onFull: () => void;
}

function Tools({ session, machine, fits, isFull, onFit, onFull }: ToolsProps) {
  const why = session?.state.value.kind === "connected" ? undefined : "There is no connection";
  return (
    <div class="row console-tools" role="group" aria-label="Console">
      <Button small why={why} onClick={() => session?.focus()}>Keyboard to the screen</Button>
      <Button small why={why} onClick={() => session?.ctrlAltDel()}>Ctrl Alt Del</Button>
      <Button small why={why} onClick={() => openSend(session!, machine.name)}>Send text…</Button>
      <Button small aria-pressed={fits} onClick={onFit}>Fit to window</Button>
      <Button small onClick={onFull}>{isFull ? "Leave full screen" : "Full screen"}</Button>
      <Button icon="import" onClick={() => void openInViewer(machine)}>Open in virt-viewer</Button>
    </div>
  );
}

/** What stands in place of the screen, or above it. */
function StateNotice({ state, machine, again }: { state: ConsoleState; machine: Machine; again: () => void }) {
  if (state.kind === "connected") return null;
  if (state.kind === "connecting") return <Loading label={`Connecting to ${machine.name}…`} />;
  if (state.kind === "lost") {
    return (
      <Empty icon="console" title="The connection to the screen is lost" actions={<Button kind="primary" onClick={again}>Connect again</Button>}>
        {state.isRetried ? "It is being made again. " : ""}The machine itself is not touched by that.
      </Empty>
    );
  }
  return (
    <Empty icon="console" title="The screen cannot be shown" actions={<Button onClick={again}>Try again</Button>}>
      {hasRole("operator") ? <><p>{state.problem.message}</p><p>{state.problem.hint}</p></> : "If that stays so, tell an administrator."}
    </Empty>
  );
}

/** Who gets the keys: said where it is needed, for inside the screen even Tab belongs to the guest (WCAG 2.1.2). */
function KeyboardHint({ isInside, machine }: { isInside: boolean; machine: Machine }) {
  return (
    <p class="console-hint soft" role="status">
      {isInside ? <>All keys go to {machine.name}. <kbd>Ctrl</kbd> <kbd>Alt</kbd> <kbd>Shift</kbd> together give them back.</> : <>Click into the screen to type there.</>}
    </p>
  );
}

/** Whether an element fills the screen, and how that is changed; who leaves by Escape is heard of too. */
function useFullScreen(frame: { current: HTMLElement | null }): [boolean, () => void] {
  const [isFull, setFull] = useState(false);
  useEffect(() => {
    const look = () => setFull(document.fullscreenElement !== null && document.fullscreenElement === frame.current);
    document.addEventListener("fullscreenchange", look);
    return () => document.removeEventListener("fullscreenchange", look);
  }, []);
  const toggle = () => void (isFull ? document.exitFullscreen() : frame.current!.requestFullscreen()).catch(toastProblem);
  return [isFull, toggle];
}

function LiveConsole({ machine }: { machine: Machine }) {
  const frame = useRef<HTMLDivElement>(null);
  const target = useRef<HTMLDivElement>(null);
  const [session, setSession] = useState<ConsoleSession | null>(null);
  const [fits, setFits] = useState(true);
  const [isInside, setInside] = useState(false);
  const [isFull, onFull] = useFullScreen(frame);
  useEffect(() => {
    const made = new ConsoleSession(machine.name, target.current!, fits);
    setSession(made);
    return () => made.close();
  }, [machine.name]);
  const onFit = () => {
    session?.fit(!fits);
    setFits(!fits);
  };
  const leave = (event: KeyboardEvent) => {
    if (!isWayOut(event)) return;
    session?.blur();
    frame.current!.querySelector<HTMLElement>(".console-tools button")?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  const state = session?.state.value ?? { kind: "connecting" };
  return (
    <div ref={frame} class="console">
      <Tools session={session} machine={machine} fits={fits} isFull={isFull} onFit={onFit} onFull={onFull} />
      <StateNotice state={state} machine={machine} again={() => session?.again()} />
      <div ref={target} class={`console-screen takes-keys ${fits ? "fits" : ""}`} hidden={state.kind !== "connected"} role="application" aria-label={`Screen of ${machine.name}`}
        onKeyDownCapture={leave} onFocusCapture={() => setInside(true)} onBlurCapture={() => setInside(false)} />
      {state.kind === "connected" && <KeyboardHint isInside={isInside} machine={machine} />}
    </div>
  );
}

function OffConsole({ machine }: { machine: Machine }) {
  return (
    <Empty icon="console" title={`${machine.name} is off`} actions={<Button kind="primary" icon="start" onClick={() => void submit({ verb: "start", machines: [machine.name] })}>Start</Button>}>
      Its screen appears here as soon as it runs.
    </Empty>
  );
}

export function ConsoleScreen({ params }: { params: Record<string, string> }) {
  const machine = findMachine(params["name"]!);
  if (!machinesRead.value) return <Loading />;
  if (!machine) return <Empty alone icon="machines" title="There is no such machine" actions={<a href="/machines">Machines</a>} />;
  return (
    <Screen title={<span class="row">{machine.name} <span class="title-mark"><PowerMark power={machine.power} /></span></span>} windowTitle={`${machine.name}: console`} fills
      up={{ href: pageOf(machine), label: machine.name }}>
      {machine.pending && <Notice tone="warning">When this machine restarts or shuts down, its system is replaced by the one that waits.{machine.roles.data > 0 && " Data is KEPT."}</Notice>}
      {isAlive(machine) ? <LiveConsole machine={machine} /> : <OffConsole machine={machine} />}
    </Screen>
  );
}
