// Sending a text into the machine: typed key by key, or laid on its clipboard.
import { useState } from "preact/hooks";
import { Button } from "../ui/button.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";
import type { ConsoleSession } from "./session.ts";

const TEXT_MAX = 4000;

function SendDialog({ session, machine, onClose }: { session: ConsoleSession; machine: string; onClose: () => void }) {
  const [text, setText] = useState("");
  const why = text ? undefined : "There is no text";
  const type = () => {
    if (!text) return;
    onClose();
    session.focus();
    void session.type(text);
  };
  const paste = () => {
    onClose();
    session.paste(text);
    session.focus();
  };
  const footer = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button why={why} onClick={paste}>To its clipboard</Button>
      <Button kind="primary" type="submit" why={why}>Type it</Button>
    </>
  );
  return (
    <Dialog title={`Send a text to ${machine}`} size="narrow" onClose={onClose} onSubmit={type} footer={footer}>
      <Field label="Text" help="Typing works in every guest that has a US keyboard. The clipboard needs an agent inside the guest.">
        {(wiring) => <textarea {...wiring} class="input" rows={5} maxLength={TEXT_MAX} spellcheck={false} autofocus value={text} onInput={(event) => setText(event.currentTarget.value)} />}
      </Field>
    </Dialog>
  );
}

export function openSend(session: ConsoleSession, machine: string): void {
  openDialog((close) => <SendDialog session={session} machine={machine} onClose={close} />);
}
