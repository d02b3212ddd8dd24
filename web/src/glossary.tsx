// The words of the page, with those that people know from elsewhere beside them.
import { Dialog, openDialog } from "./ui/dialog.tsx";
import { FateWords } from "./ui/chip.tsx";
import { TextField } from "./ui/field.tsx";
import { useState } from "preact/hooks";
import "./glossary.css";

interface Word {
  word: string;
  meaning: string;
  elsewhere: string;
}

const WORDS: Word[] = [
  { word: "base", meaning: "A machine that was prepared: sealed, read-only, cannot be started. Clones are made from it.", elsewhere: "golden image, master image, template, snapshot" },
  { word: "clone", meaning: "A machine made from a base. It begins with the base's content and takes next to no space.", elsewhere: "linked clone, instant clone, desktop" },
  { word: "prepare", meaning: "Turn a machine into a base. Takes a moment, whatever its size.", elsewhere: "publish, seal, convert to template" },
  { word: "restore", meaning: "Give a clone a fresh system from its own base. system REPLACED, temporary RESET, data KEPT", elsewhere: "refresh, reset, recreate, reimage" },
  { word: "rebase", meaning: "Move clones onto another base. system REPLACED, temporary RESET, data KEPT", elsewhere: "recompose, push image, update, rebuild" },
  { word: "undo", meaning: "Put back the system that the last restore or rebase replaced. data KEPT as it is now.", elsewhere: "rollback, revert" },
  { word: "hold", meaning: "Pin a machine, so that no rebase touches it until it is released.", elsewhere: "pin, maintenance mode" },
  { word: "pending", meaning: "The new system is ready; the machine moves when it stops.", elsewhere: "staged, scheduled" },
  { word: "behind", meaning: "An update was put off, with the reason; the machine runs on its old system.", elsewhere: "out of date, failed update" },
  { word: "outline", meaning: "The ordered list of a machine's volumes with their roles. Two bases must have the same one for a rebase.", elsewhere: "disk layout" },
  { word: "system", meaning: "A volume that restore and rebase replace.", elsewhere: "OS disk" },
  { word: "temporary", meaning: "A volume that is fresh after every stop.", elsewhere: "disposable disk, scratch" },
  { word: "data", meaning: "A volume that is always KEPT.", elsewhere: "persistent disk, user disk, profile disk" },
  { word: "detach", meaning: "Make a clone independent of its base.", elsewhere: "full clone, flatten" },
];

function Glossary({ onClose }: { onClose: () => void }) {
  const [text, setText] = useState("");
  const wanted = text.trim().toLowerCase();
  const found = WORDS.filter((entry) => `${entry.word} ${entry.meaning} ${entry.elsewhere}`.toLowerCase().includes(wanted));
  return (
    <Dialog title="Words" onClose={onClose}>
      <TextField label="Find a word" type="search" placeholder="for example golden image" value={text} onInput={setText} autofocus />
      <dl class="glossary" aria-live="polite">
        {found.map((entry) => (
          <div key={entry.word}>
            <dt>{entry.word}</dt>
            <dd><FateWords text={entry.meaning} /><small>elsewhere: {entry.elsewhere}</small></dd>
          </div>
        ))}
        {found.length === 0 && <div><dt>–</dt><dd>No word is like this.</dd></div>}
      </dl>
    </Dialog>
  );
}

export function openGlossary(): void {
  openDialog((close) => <Glossary onClose={close} />);
}
