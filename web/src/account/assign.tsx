// Which machines a user may see and run: search, pick, take away.
import { useState } from "preact/hooks";
import { compareNames, count } from "../format.ts";
import { machineList } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { PowerMark } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import { searchNames } from "./search.ts";
import "./assign.css";

const SHOWN = 50;

interface AssignProps {
  chosen: string[];
  change: (names: string[]) => void;
}

function Chosen({ chosen, change }: AssignProps) {
  if (chosen.length === 0) return <p class="help">None yet: without any, a user sees nothing.</p>;
  return (
    <ul class="picked" aria-label="Assigned">
      {[...chosen].sort(compareNames).map((name) => (
        <li key={name}>
          {name}
          <button type="button" aria-label={`Take ${name} away`} onClick={() => change(chosen.filter((other) => other !== name))}><Icon name="close" size={12} /></button>
        </li>
      ))}
    </ul>
  );
}

export function AssignField({ chosen, change }: AssignProps) {
  const [text, setText] = useState("");
  const machines = machineList.value.filter((machine) => machine.kind !== "base" && machine.state !== "retired");
  const found = searchNames(machines, text).filter((machine) => !chosen.includes(machine.name));
  const add = (names: string[]) => change([...chosen, ...names]);
  return (
    <fieldset class="field assign">
      <legend>Machines</legend>
      <Chosen chosen={chosen} change={change} />
      <div class="row">
        <input class="input grow" type="search" placeholder="Search machines: desk, lab-1*" aria-label="Search machines" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        {text && found.length > 1 && <Button small onClick={() => add(found.map((machine) => machine.name))}>Add all {found.length.toLocaleString()}</Button>}
      </div>
      <ul class="candidates" aria-label="Found">
        {found.slice(0, SHOWN).map((machine) => (
          <li key={machine.id}>
            <button type="button" onClick={() => add([machine.name])}>
              <Icon name="plus" size={14} /><span class="hidden-text">Assign</span>
              <span class="grow">{machine.name}</span>
              <span class="soft">{machine.base}</span>
              <PowerMark power={machine.power} />
            </button>
          </li>
        ))}
        {found.length > SHOWN && <li class="help">{count(found.length - SHOWN, "more", "more")}: type more of the name.</li>}
        {found.length === 0 && <li class="help">No other machine has such a name.</li>}
      </ul>
    </fieldset>
  );
}
