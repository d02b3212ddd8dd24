// Dialogs about one account: add, change, and the link that somebody sets a password with.
import { useState } from "preact/hooks";
import { asProblem } from "../api.ts";
import type { Account, AccountRole, Invitation } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { CopyText } from "../ui/copy.tsx";
import { Dialog, openDialog } from "../ui/dialog.tsx";
import { CheckField, RadioField, TextField, type Choice } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";
import { AssignField } from "./assign.tsx";
import { addAccount, changeAccount, type AccountChange } from "./people.ts";
import { checkAccountName, fieldOf, ROLES, wholeText } from "./words.ts";

const ROLE_CHOICES = (Object.keys(ROLES) as AccountRole[]).map((value): Choice<AccountRole> => ({ value, ...ROLES[value] }));
const FIELDS = { name: /name|account/i };

// --- the link -----------------------------------------------------------------------------------------------------

function LinkDialog({ name, invitation, onClose }: { name: string; invitation: Invitation; onClose: () => void }) {
  return (
    <Dialog title={`A link for ${name}`} size="narrow" onClose={onClose} footer={<Button kind="primary" onClick={onClose}>Done</Button>}>
      <p>Give it to {name} in person or by a message that nobody else reads. It opens the page where the password is set.</p>
      <CopyText label="Link" text={location.origin + invitation.setup_path} />
      <Notice>It works once, and for three days. It is shown only now: it cannot be looked up later, but a new one can be made at any time.</Notice>
    </Dialog>
  );
}

export function openLink(name: string, invitation: Invitation): void {
  openDialog((close) => <LinkDialog name={name} invitation={invitation} onClose={close} />);
}

// --- adding -------------------------------------------------------------------------------------------------------

interface DialogProps {
  onClose: () => void;
  onDone: () => void;
}

function AddDialog({ onClose, onDone }: DialogProps) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<AccountRole>("user");
  const [machines, setMachines] = useState<string[]>([]);
  const [error, setError] = useState<{ name?: string; whole?: string }>({});
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    const wrong = checkAccountName(name);
    setError({ name: wrong });
    if (wrong || isBusy) return;
    setBusy(true);
    try {
      const made = await addAccount({ name, role, machines: role === "user" ? machines : [] });
      onClose();
      onDone();
      openLink(name, made);
    } catch (thrown) {
      const problem = asProblem(thrown);
      setError({ [fieldOf(problem, FIELDS) ?? "whole"]: wholeText(problem) });
    }
    setBusy(false);
  };
  const footer = <><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={isBusy}>Add and make a link</Button></>;
  return (
    <Dialog title="Add an account" subtitle="You get a link with which its owner sets the password." onClose={onClose} onSubmit={() => void submit()} footer={footer}>
      {error.whole && <Notice tone="bad" alert>{error.whole}</Notice>}
      <TextField label="Name" help="Small letters and digits; what its owner types to log in." value={name} onInput={setName} error={error.name} maxLength={64} autofocus />
      <RadioField label="Role" value={role} choices={ROLE_CHOICES} onChange={setRole} />
      {role === "user" && <AssignField chosen={machines} change={setMachines} />}
    </Dialog>
  );
}

export function openAddAccount(onDone: () => void): void {
  openDialog((close) => <AddDialog onClose={close} onDone={onDone} />);
}

// --- changing -----------------------------------------------------------------------------------------------------

/** What of an account is to become different. */
function differences(account: Account, role: AccountRole, disabled: boolean, machines: string[]): AccountChange {
  const before = account.machines.map((machine) => machine.name);
  const sameMachines = before.length === machines.length && before.every((name) => machines.includes(name));
  return {
    ...(role !== account.role && { role }),
    ...(disabled !== account.disabled && { disabled }),
    ...(!sameMachines && { machines }),
  };
}

function ChangeDialog({ account, onClose, onDone }: DialogProps & { account: Account }) {
  const [role, setRole] = useState(account.role);
  const [disabled, setDisabled] = useState(account.disabled);
  const [machines, setMachines] = useState(account.machines.map((machine) => machine.name));
  const [error, setError] = useState("");
  const [isBusy, setBusy] = useState(false);
  const change = differences(account, role, disabled, machines);
  const why = Object.keys(change).length ? undefined : "Nothing is different";
  const submit = async () => {
    if (why || isBusy) return;
    setBusy(true);
    try {
      await changeAccount(account.name, change);
      onClose();
      onDone();
    } catch (thrown) {
      setError(wholeText(asProblem(thrown)));
    }
    setBusy(false);
  };
  const footer = <><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={isBusy} why={why}>Change</Button></>;
  return (
    <Dialog title={`Account ${account.name}`} onClose={onClose} onSubmit={() => void submit()} footer={footer}>
      {error && <Notice tone="bad" alert>{error}</Notice>}
      <RadioField label="Role" value={role} choices={ROLE_CHOICES} onChange={setRole} />
      {role === "user" && <AssignField chosen={machines} change={setMachines} />}
      <CheckField label="Disabled" help="Cannot log in, and is logged out now. Machines and assignments stay." checked={disabled} onChange={setDisabled} />
    </Dialog>
  );
}

export function openChangeAccount(account: Account, onDone: () => void): void {
  openDialog((close) => <ChangeDialog account={account} onClose={close} onDone={onDone} />);
}
