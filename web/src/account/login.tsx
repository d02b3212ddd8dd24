// Logging in: the screen for those who come, and the dialog for those whose session has ended while they were at work.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { api, asProblem } from "../api.ts";
import { sessionChanged } from "../events.ts";
import { address, navigate } from "../router.ts";
import { readSession, session, sessionEnded, setSession } from "../store.ts";
import type { Session } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { TextField } from "../ui/field.tsx";
import { Icon } from "../ui/icon.tsx";
import { Loading, Notice } from "../ui/page.tsx";
import { PasswordField } from "../ui/password.tsx";
import { Front } from "./front.tsx";
import { useWait, WaitNotice } from "./wait.tsx";
import { wholeText } from "./words.ts";

interface Login {
  name: string;
  setName: (name: string) => void;
  password: string;
  setPassword: (password: string) => void;
  nameError: string;
  passwordError: string;
  isBusy: boolean;
  wait: ReturnType<typeof useWait>;
  submit: () => Promise<void>;
}

/** The state of a form that logs in; done is told the new session. */
function useLogin(firstName: string, done: (session: Session) => void): Login {
  const [name, setName] = useState(firstName);
  const [password, setPassword] = useState("");
  const [errors, setErrors] = useState({ name: "", password: "" });
  const [isBusy, setBusy] = useState(false);
  const wait = useWait();
  const fail = (error: unknown) => {
    const problem = asProblem(error);
    if (problem.status === 429) wait.begin(problem.retryAfterSeconds);
    else if (problem.status === 401) setErrors({ name: "", password: "The name or the password is wrong. An administrator can give you a link to set a new password." });
    else setErrors({ name: "", password: wholeText(problem) });
  };
  const submit = async () => {
    const missing = { name: name.trim() ? "" : "Type the name of your account.", password: password ? "" : "Type your password." };
    setErrors(missing);
    if (missing.name || missing.password || isBusy || wait.seconds) return;
    setBusy(true);
    await api<Session>("POST", "/session", { name: name.trim(), password }).then(done, fail);
    setBusy(false);
  };
  return { name, setName, password, setPassword, nameError: errors.name, passwordError: errors.password, isBusy, wait, submit };
}

function LoginFields({ login }: { login: Login }) {
  return (
    <>
      <WaitNotice wait={login.wait} />
      <TextField label="Name" autocomplete="username" value={login.name} onInput={login.setName} error={login.nameError} maxLength={64} autofocus={!login.name} />
      <PasswordField label="Password" autocomplete="current-password" value={login.password} onInput={login.setPassword} error={login.passwordError} autofocus={Boolean(login.name)} />
    </>
  );
}

function LoginButton({ login }: { login: Login }) {
  return <Button kind="primary" type="submit" busy={login.isBusy} why={login.wait.seconds ? "Wait a little" : undefined}>Log in</Button>;
}

/** The first start: somebody has to follow the link that the daemon has printed. */
function NoAccountYet() {
  return (
    <Front title="Welcome">
      <p>Nobody can log in yet: this Underpin has no account. Follow the set-up link that was printed when it was started for the first time.</p>
      <Notice>
        <p>The link is lost? On the host, this makes a new one:</p>
        <p><code>underpin account setup-link</code></p>
      </Notice>
    </Front>
  );
}

export function LoginScreen() {
  const login = useLogin("", () => sessionChanged(address.value.path === "/login" ? "/" : location.pathname + location.search));
  if (session.value?.setup_needed) return <NoAccountYet />;
  return (
    <Front title="Log in" onSubmit={() => void login.submit()}>
      <LoginFields login={login} />
      <LoginButton login={login} />
    </Front>
  );
}

/** The login's address, for somebody who is in already. */
export function LoggedInScreen() {
  useEffect(() => navigate("/", true), []);
  return <Loading />;
}

// --- a session that has ended ------------------------------------------------------------------------------------

/** How often it had been told that the session has ended when the dialog was put away. */
const putAway = signal(0);

function EndedDialog({ name }: { name: string }) {
  const login = useLogin(name, (next) => {
    if (next.account?.name === name) setSession(next);
    else sessionChanged();
  });
  // Somebody may have logged in again in another tab.
  useEffect(() => {
    const look = () => document.visibilityState === "visible" && void readSession().catch(() => {});
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  const later = () => (putAway.value = sessionEnded.value);
  return (
    <Dialog title="Your session has ended" subtitle="Log in again, and go on where you are: nothing that you see is lost." size="narrow" onClose={later} onSubmit={() => void login.submit()}
      footer={<><Button onClick={later}>Later</Button><LoginButton login={login} /></>}>
      <LoginFields login={login} />
    </Dialog>
  );
}

/** Asks to log in again where the session has ended. */
export function SessionEnded() {
  const account = session.value?.account;
  const isAsked = sessionEnded.value > 0 && putAway.value !== sessionEnded.value;
  return account && isAsked ? <EndedDialog name={account.name} /> : null;
}

/** What stays in sight when that was put away. */
export function SessionEndedBanner() {
  if (!sessionEnded.value || putAway.value !== sessionEnded.value) return null;
  return (
    <p class="banner warning">
      <Icon name="warning" />
      <span class="grow"><b>Your session has ended.</b> What is shown may be old, and nothing can be changed.</span>
      <Button small onClick={() => (putAway.value = 0)}>Log in</Button>
    </p>
  );
}
