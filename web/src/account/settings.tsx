// What belongs to the one who is logged in: the password, API tokens, light or dark.
import { useState } from "preact/hooks";
import { api, asProblem, getAll } from "../api.ts";
import { useAsync } from "../hooks.ts";
import { session } from "../store.ts";
import { theme, type Theme } from "../theme.ts";
import type { Token } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { CopyText } from "../ui/copy.tsx";
import { confirm, Dialog, openDialog } from "../ui/dialog.tsx";
import { RadioField, SelectField, TextField } from "../ui/field.tsx";
import { Loading, Notice, ProblemNotice, Screen, Time } from "../ui/page.tsx";
import { PasswordField } from "../ui/password.tsx";
import { Section } from "../ui/section.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { toast, toastProblem } from "../ui/toast.tsx";
import { addToken, removeToken } from "./people.ts";
import { useWait, WaitNotice } from "./wait.tsx";
import { checkNewPassword, fieldOf, PASSWORD_HELP, ROLES, wholeText } from "./words.ts";
import "./settings.css";

// --- password -----------------------------------------------------------------------------------------------------

const FIELDS = { old: /old password/i, fresh: /password/i };

function PasswordForm() {
  const [old, setOld] = useState("");
  const [fresh, setFresh] = useState("");
  const [errors, setErrors] = useState<{ old?: string; fresh?: string }>({});
  const [isBusy, setBusy] = useState(false);
  const wait = useWait();
  const done = () => {
    setOld("");
    setFresh("");
    toast("Your password is changed. Where else you were logged in, you are no more.");
  };
  const fail = (error: unknown) => {
    const problem = asProblem(error);
    if (problem.status === 429) wait.begin(problem.retryAfterSeconds);
    else if (problem.code === "denied") setErrors({ old: "It is not your old password." });
    else setErrors({ [fieldOf(problem, FIELDS) ?? "fresh"]: wholeText(problem) });
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const wrong = { old: old ? "" : "Type your old password.", fresh: checkNewPassword(fresh) };
    setErrors(wrong);
    if (wrong.old || wrong.fresh || isBusy || wait.seconds) return;
    setBusy(true);
    await api("PUT", "/session/password", { old_password: old, new_password: fresh }).then(done, fail);
    setBusy(false);
  };
  return (
    <form class="panel settings-card" noValidate onSubmit={(event) => void submit(event)}>
      <input class="hidden-text" type="text" name="username" autocomplete="username" readOnly tabIndex={-1} aria-hidden="true" value={session.value?.account?.name} />
      <WaitNotice wait={wait} />
      <PasswordField label="Old password" autocomplete="current-password" value={old} onInput={setOld} error={errors.old} />
      <PasswordField label="New password" help={PASSWORD_HELP} autocomplete="new-password" value={fresh} onInput={setFresh} error={errors.fresh} />
      <div><Button kind="primary" type="submit" busy={isBusy} why={wait.seconds ? "Wait a little" : undefined}>Change password</Button></div>
    </form>
  );
}

// --- tokens -------------------------------------------------------------------------------------------------------

const LIFETIMES: [string, string][] = [["30", "30 days"], ["90", "90 days"], ["365", "A year"], ["0", "For ever"]];

function NewTokenDialog({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [name, setName] = useState("");
  const [days, setDays] = useState("90");
  const [error, setError] = useState("");
  const [secret, setSecret] = useState("");
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setError(name.trim() ? "" : "Say what it is for.");
    if (!name.trim() || isBusy || secret) return;
    setBusy(true);
    try {
      setSecret((await addToken(name.trim(), Number(days))).token);
      onDone();
    } catch (thrown) {
      setError(wholeText(asProblem(thrown)));
    }
    setBusy(false);
  };
  if (secret) {
    return (
      <Dialog title={`The token “${name.trim()}”`} size="narrow" onClose={onClose} footer={<Button kind="primary" onClick={onClose}>Done</Button>}>
        <CopyText label="Token" text={secret} />
        <Notice tone="warning">Copy it now: it is shown only once. Whoever has it can do what you may do.</Notice>
        <p class="soft">Send it as the header <code>Authorization: Bearer …</code></p>
      </Dialog>
    );
  }
  return (
    <Dialog title="New API token" subtitle="For scripts and programs that speak with Underpin in your name." size="narrow" onClose={onClose} onSubmit={() => void submit()}
      footer={<><Button onClick={onClose}>Cancel</Button><Button kind="primary" type="submit" busy={isBusy}>Make token</Button></>}>
      <TextField label="What it is for" value={name} onInput={setName} error={error} maxLength={64} autofocus />
      <SelectField label="Valid" value={days} choices={LIFETIMES.map(([value, label]) => ({ value, label }))} onChange={setDays} />
    </Dialog>
  );
}

async function revoke(token: Token, again: () => void): Promise<void> {
  const sure = await confirm({ title: `Remove the token “${token.name}”?`, body: <p>What uses it cannot reach Underpin any more, from now on.</p>, label: "Remove", danger: true });
  if (!sure) return;
  await removeToken(token.id).catch(toastProblem);
  again();
}

function tokenColumns(again: () => void, withAccount: boolean): Column<Token>[] {
  const columns: Column<Token>[] = [
    { head: "For", heading: true, cell: (token) => token.name, sort: (token) => token.name },
    { head: "Account", cell: (token) => token.account, sort: (token) => token.account },
    { head: "Made", cell: (token) => <Time at={token.created_at} />, sort: (token) => token.created_at },
    { head: "Used last", cell: (token) => (token.last_used_at ? <Time at={token.last_used_at} /> : "never"), sort: (token) => token.last_used_at ?? "" },
    { head: "Ends", cell: (token) => (token.expires_at ? <Time at={token.expires_at} /> : "never"), sort: (token) => token.expires_at ?? "9999" },
    { head: "Actions", number: true, cell: (token) => <Button small kind="quiet" icon="remove" label={`Remove ${token.name}`} onClick={() => void revoke(token, again)} /> },
  ];
  return withAccount ? columns : columns.filter((column) => column.head !== "Account");
}

function Tokens() {
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  const { value, problem } = useAsync(() => getAll<Token>("/tokens"), [turn]);
  const actions = <Button small icon="plus" onClick={() => openDialog((close) => <NewTokenDialog onClose={close} onDone={again} />)}>New token…</Button>;
  const isMine = value?.every((token) => token.account === session.value?.account?.name);
  return (
    <Section title="API tokens" actions={actions}>
      {problem && <ProblemNotice problem={problem} />}
      {value ? <Table label="Your API tokens" columns={tokenColumns(again, !isMine)} rows={value} rowKey={(token) => token.id} empty={<p class="soft">None. Scripts need one to use the API in your name.</p>} /> : !problem && <Loading />}
    </Section>
  );
}

// --- the screen ---------------------------------------------------------------------------------------------------

const THEMES: { value: Theme; label: string }[] = [
  { value: "system", label: "As the system says" },
  { value: "light", label: "Light" },
  { value: "dark", label: "Dark" },
];

export function SettingsScreen() {
  const account = session.value!.account!;
  return (
    <Screen title="Settings" windowTitle="Settings" subtitle={`You are ${account.name}, ${ROLES[account.role].label.toLowerCase()}.`}>
      <div class="settings">
        <Section title="Password"><PasswordForm /></Section>
        <Section title="Appearance">
          <div class="panel settings-card"><RadioField label="Light or dark" value={theme.value} choices={THEMES} onChange={(value) => (theme.value = value)} /></div>
        </Section>
      </div>
      <Tokens />
    </Screen>
  );
}
