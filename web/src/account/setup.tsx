// What a set-up link opens: the first administrator makes the account; whoever was invited or reset sets a password.
import { useMemo, useState } from "preact/hooks";
import { api, asProblem, type Problem } from "../api.ts";
import { sessionChanged } from "../events.ts";
import { session } from "../store.ts";
import { Button } from "../ui/button.tsx";
import { TextField } from "../ui/field.tsx";
import { Notice } from "../ui/page.tsx";
import { PasswordField } from "../ui/password.tsx";
import { Front } from "./front.tsx";
import { useWait, WaitNotice } from "./wait.tsx";
import { checkAccountName, checkNewPassword, fieldOf, PASSWORD_HELP, wholeText } from "./words.ts";

const FIELDS = { name: /name|account '/i, password: /password/i };

interface Errors {
  name?: string;
  password?: string;
  /** About neither. */
  whole?: string;
}

function placed(problem: Problem): Errors {
  const field = problem.status === 401 ? undefined : fieldOf(problem, FIELDS);
  return { [field ?? "whole"]: wholeText(problem) };
}

function SetupForm({ token, isFirst }: { token: string; isFirst: boolean }) {
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [errors, setErrors] = useState<Errors>({});
  const [isBusy, setBusy] = useState(false);
  const wait = useWait();
  const fail = (error: unknown) => {
    const problem = asProblem(error);
    if (problem.status === 429) wait.begin(problem.retryAfterSeconds);
    else if (problem.status === 401) setErrors({ whole: "This link is not valid any more: each works once, and for three days. Ask an administrator for a new one." });
    else setErrors(placed(problem));
  };
  const submit = async () => {
    const wrong = { name: isFirst ? checkAccountName(name) : "", password: checkNewPassword(password) };
    setErrors(wrong);
    if (wrong.name || wrong.password || isBusy || wait.seconds) return;
    setBusy(true);
    await api("POST", "/setup", { token, password, ...(isFirst && { name }) }).then(() => sessionChanged(), fail);
    setBusy(false);
  };
  return (
    <Front title={isFirst ? "Set up Underpin" : "Set your password"} onSubmit={() => void submit()}>
      <p class="soft">{isFirst ? "You become its first administrator." : "With it and your account's name you log in from now on."}</p>
      {session.value?.account && <Notice tone="warning">You are logged in as {session.value.account.name}. This link belongs to another account: you will be logged in as that.</Notice>}
      {errors.whole && <Notice tone="bad" alert>{errors.whole}</Notice>}
      <WaitNotice wait={wait} />
      {isFirst && <TextField label="Name of your account" autocomplete="username" value={name} onInput={setName} error={errors.name} maxLength={64} autofocus />}
      <PasswordField label="New password" help={PASSWORD_HELP} autocomplete="new-password" value={password} onInput={setPassword} error={errors.password} autofocus={!isFirst} />
      <Button kind="primary" type="submit" busy={isBusy} why={wait.seconds ? "Wait a little" : undefined}>{isFirst ? "Set up" : "Set password"}</Button>
    </Front>
  );
}

export function SetupScreen() {
  const token = useMemo(() => location.hash.slice(1), []);
  if (token) return <SetupForm token={token} isFirst={session.value?.setup_needed ?? false} />;
  return (
    <Front title="The link is not complete">
      <p>A set-up link ends with a long secret after the sign #. Copy all of it, or ask for a new one.</p>
    </Front>
  );
}
