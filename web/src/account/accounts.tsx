// Accounts: who may come in, as what, and to which machines.
import { useState } from "preact/hooks";
import { getAll } from "../api.ts";
import { listNames } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { navigate } from "../router.ts";
import { session } from "../store.ts";
import type { Account } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Chip } from "../ui/chip.tsx";
import { confirm } from "../ui/dialog.tsx";
import { MenuButton, type MenuItems } from "../ui/menu.tsx";
import { Loading, ProblemNotice, Screen, Time } from "../ui/page.tsx";
import { Table, type Column } from "../ui/table.tsx";
import { toast, toastProblem } from "../ui/toast.tsx";
import { openAddAccount, openChangeAccount, openLink } from "./edit.tsx";
import { changeAccount, removeAccount, resetAccount } from "./people.ts";
import { ROLES } from "./words.ts";

type Again = () => void;

/** Does something, tells what failed, and reads the list anew. */
async function attempt(work: () => Promise<unknown>, again: Again, done?: string): Promise<void> {
  try {
    await work();
    if (done) toast(done);
  } catch (error) {
    toastProblem(error);
  }
  again();
}

async function reset({ name, invited }: Account, again: Again): Promise<void> {
  const sure = invited || (await confirm({
    title: `Reset the password of ${name}?`,
    body: <p>{name} is logged out everywhere, and the password works no more. You get a link with which a new one is set.</p>,
    label: "Reset",
    danger: true,
  }));
  if (sure) await attempt(async () => openLink(name, await resetAccount(name)), again);
}

async function remove({ name }: Account, again: Again): Promise<void> {
  const sure = await confirm({
    title: `Remove the account ${name}?`,
    body: <p>{name} is logged out, and API tokens of this account end. Machines are not touched, and the audit trail stays.</p>,
    label: "Remove",
    danger: true,
  });
  if (sure) await attempt(() => removeAccount(name), again, `The account ${name} is removed.`);
}

function accountMenu(account: Account, again: Again): MenuItems {
  const isMe = account.name === session.value?.account?.name ? "It is your own account" : undefined;
  const toggle = () => void attempt(() => changeAccount(account.name, { disabled: !account.disabled }), again);
  return [
    { label: "Change…", icon: "settings", run: () => openChangeAccount(account, again) },
    { label: account.invited ? "New invitation link" : "Reset password…", icon: "reboot", run: () => void reset(account, again) },
    { label: "What it did", icon: "audit", run: () => navigate(`/audit?account=${encodeURIComponent(account.name)}`) },
    null,
    { label: account.disabled ? "Enable" : "Disable", icon: account.disabled ? "check" : "hold", why: isMe, run: toggle },
    { label: "Remove…", icon: "remove", danger: true, why: isMe, run: () => void remove(account, again) },
  ];
}

function describeMachines(account: Account) {
  if (account.role !== "user") return <span class="faint">all</span>;
  if (account.machines.length === 0) return <span class="faint">none</span>;
  return <span title={account.machines.map((machine) => machine.name).join(", ")}>{listNames(account.machines.map((machine) => machine.name))}</span>;
}

function State({ account }: { account: Account }) {
  if (account.disabled) return <Chip tone="bad">disabled</Chip>;
  return account.invited ? <Chip tone="warning" title="No password has been set yet.">invited</Chip> : <Chip tone="good">active</Chip>;
}

function accountColumns(again: Again): Column<Account>[] {
  return [
    { head: "Name", heading: true, cell: (account) => <span>{account.name}{account.name === session.value?.account?.name && <span class="soft"> (you)</span>}</span>, sort: (account) => account.name },
    { head: "Role", cell: (account) => ROLES[account.role].label, sort: (account) => account.role },
    { head: "State", cell: (account) => <State account={account} />, sort: (account) => `${account.disabled} ${account.invited}` },
    { head: "Machines", cell: describeMachines, sort: (account) => account.machines.length },
    { head: "Last login", cell: (account) => <Time at={account.last_login_at} />, sort: (account) => account.last_login_at ?? "" },
    { head: "Made", cell: (account) => <Time at={account.created_at} />, sort: (account) => account.created_at },
    { head: "Actions", number: true, cell: (account) => <MenuButton kind="quiet" small icon="more" label={`Menu of ${account.name}`} name={`Account ${account.name}`} items={() => accountMenu(account, again)} /> },
  ];
}

export function AccountsScreen() {
  const [turn, setTurn] = useState(0);
  const again = () => setTurn((before) => before + 1);
  const { value, problem } = useAsync(() => getAll<Account>("/accounts"), [turn]);
  const actions = <Button kind="primary" icon="plus" onClick={() => openAddAccount(again)}>Add an account…</Button>;
  return (
    <Screen title="Accounts" windowTitle="Accounts" subtitle="Who may come in, and what they may do." actions={actions}>
      {problem && <ProblemNotice problem={problem} />}
      {value ? <Table label="Accounts" columns={accountColumns(again)} rows={value} rowKey={(account) => account.name} /> : !problem && <Loading />}
    </Screen>
  );
}
