// The frame around all screens: navigation by role, banners, the host's state, dialogs, menus, news.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { SessionEnded, SessionEndedBanner } from "./account/login.tsx";
import { api } from "./api.ts";
import { sessionChanged } from "./events.ts";
import { formatBytes, sentence } from "./format.ts";
import { openGlossary } from "./glossary.tsx";
import { address, match, navigate } from "./router.ts";
import { home, openRoutes, routes } from "./routes.tsx";
import { openShortcuts } from "./shortcuts.tsx";
import { away, hasRole, isOpen, jobs, readProblem, session, status } from "./store.ts";
import { theme, type Theme } from "./theme.ts";
import { Dialogs } from "./ui/dialog.tsx";
import { Icon } from "./ui/icon.tsx";
import { Mark } from "./ui/mark.tsx";
import { type MenuItems, Menus, openMenu } from "./ui/menu.tsx";
import { Empty, Loading } from "./ui/page.tsx";
import { Toasts, toastProblem } from "./ui/toast.tsx";
import "./shell.css";

const railOpen = signal(false);

function Brand() {
  return (
    <a class="brand" href="/">
      <Mark />
      Underpin
    </a>
  );
}

function NavLinks() {
  const path = address.value.path;
  const openJobs = [...jobs.value.values()].filter(isOpen).length;
  return (
    <ul>
      {routes.map((route) => route.nav && hasRole(route.role) && (
        <li key={route.path}>
          <a href={route.path} aria-current={path === route.path || path.startsWith(`${route.path}/`) ? "page" : undefined}>
            <Icon name={route.nav.icon} />
            <span class="grow">{route.nav.label}</span>
            {route.path === "/jobs" && openJobs > 0 && <span class="badge" title={`${openJobs} open`}>{openJobs}</span>}
          </a>
        </li>
      ))}
    </ul>
  );
}

/** The host in four lines: is everything that Underpin stands on in order? */
function HostState() {
  const now = status.value;
  if (!now) return null;
  const { free_bytes: free, size_bytes: size } = now.store;
  const used = size ? 1 - free / size : 0;
  return (
    <div class="host">
      <p class={now.libvirt === "connected" ? "" : "trouble"}><span>Libvirt</span><b>{now.libvirt}</b></p>
      <p class={now.hook === "in force" ? "" : "trouble"} title={now.hook_problem}><span>Start hook</span><b>{now.hook}</b></p>
      <p><span>Free</span><b>{formatBytes(free)}</b></p>
      <div class={`meter ${used > 0.9 ? "trouble" : ""}`} role="meter" aria-label="Space used in the store" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(100 * used)}>
        <i style={{ width: `${100 * used}%` }} />
      </div>
    </div>
  );
}

async function signOut(): Promise<void> {
  try {
    await api("DELETE", "/session");
    sessionChanged();
  } catch (error) {
    toastProblem(error);
  }
}

function accountItems(): MenuItems {
  const choose = (value: Theme, label: string) => ({
    label,
    icon: theme.value === value ? ("check" as const) : undefined,
    run: () => (theme.value = value),
  });
  return [
    { label: "Settings", icon: "settings", run: () => navigate("/settings") },
    { label: "Words", icon: "help", run: openGlossary },
    { label: "Keys", icon: "keys", run: openShortcuts },
    null,
    choose("system", "Light or dark as the system"),
    choose("light", "Light"),
    choose("dark", "Dark"),
    null,
    { label: "Log out", icon: "leave", run: () => void signOut() },
  ];
}

function Account() {
  const account = session.value!.account!;
  return (
    <button type="button" class="account" aria-haspopup="menu" onClick={(event) => openMenu("Account", accountItems(), event.currentTarget)}>
      <span class="initial" aria-hidden="true">{account.name.slice(0, 1).toUpperCase()}</span>
      <span class="grow">{account.name}<small>{account.role}</small></span>
      <Icon name="more" />
    </button>
  );
}

function Rail() {
  return (
    <div class={`rail ${railOpen.value ? "open" : ""}`}>
      <header class="rail-top">
        <Brand />
        <button type="button" class="rail-toggle" aria-expanded={railOpen.value} aria-controls="navigation" onClick={() => (railOpen.value = !railOpen.value)}>
          <Icon name="menu" /><span class="hidden-text">Navigation</span>
        </button>
      </header>
      <nav id="navigation" aria-label="Main">
        <NavLinks />
        <div class="grow" />
        <HostState />
        <Account />
      </nav>
    </div>
  );
}

function Banners() {
  const question = status.value?.question;
  return (
    <div class="banners" role="status">
      <SessionEndedBanner />
      {away.value && <p class="banner bad"><Icon name="error" /><span><b>The daemon does not answer.</b> What is shown may be old. Machines keep running; this page goes on by itself when it is back.</span></p>}
      {question && <p class="banner bad"><Icon name="error" /><span><b>{sentence(question.message)}</b> {question.hint && sentence(question.hint)}</span></p>}
      {!question && status.value?.hook_problem && <p class="banner warning"><Icon name="warning" /><span><b>Nothing can be changed: libvirt's start hook is not in force.</b> {sentence(status.value.hook_problem)}</span></p>}
      {!away.value && readProblem.value && <p class="banner bad"><Icon name="error" /><span><b>{readProblem.value.message}</b> {readProblem.value.hint}</span></p>}
    </div>
  );
}

function NotFound() {
  return <Empty alone icon="search" title="There is nothing at this address" actions={<a href="/">To the start</a>} />;
}

function CurrentScreen() {
  const path = address.value.path;
  for (const route of routes) {
    const params = match(route.path, path);
    if (params && hasRole(route.role)) return <route.screen key={path} params={params} />;
  }
  return <NotFound />;
}

/** After a change of screen the focus goes to its heading, so that screen readers say where one is. */
function useFocusOnChange(): void {
  const last = useRef(address.value.path);
  const path = address.value.path;
  useEffect(() => {
    if (last.current === path) return;
    last.current = path;
    railOpen.value = false;
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
    document.querySelector("main")?.scrollTo(0, 0);
  }, [path]);
}

export function Shell() {
  const path = address.value.path;
  useFocusOnChange();
  const role = session.value?.account?.role;
  useEffect(() => {
    if (role && path === "/") navigate(home[role], true);
  }, [path, role]);
  return (
    <>
      <div class="shell">
        <a class="skip" href="#content">To the content</a>
        <Rail />
        <main id="content" tabIndex={-1}>
          <Banners />
          <div class="main-screen">{path === "/" ? <Loading /> : <CurrentScreen />}</div>
          <Menus />
        </main>
      </div>
      <Overlays />
    </>
  );
}

/** The screens without the shell: nobody is logged in. */
export function OpenScreen() {
  const path = address.value.path;
  const route = openRoutes.find((candidate) => match(candidate.path, path)) ?? openRoutes[0];
  return (
    <>
      {route && <route.screen params={{}} />}
      <Overlays />
    </>
  );
}

/** What lies above every screen. */
function Overlays() {
  return <><Dialogs /><SessionEnded /><Toasts /></>;
}
