// The screens: one table of addresses, with the least role that sees each and its place in the navigation.
import type { ComponentType } from "preact";
import type { AccountRole } from "./types.ts";
import type { IconName } from "./ui/icon.tsx";
import { AccountsScreen } from "./account/accounts.tsx";
import { AuditScreen } from "./account/audit.tsx";
import { LoggedInScreen, LoginScreen } from "./account/login.tsx";
import { SettingsScreen } from "./account/settings.tsx";
import { SetupScreen } from "./account/setup.tsx";
import { ConsoleScreen } from "./console/screen.tsx";
import { MachineForAll, MachinesForAll } from "./machine/screens.tsx";
import { BaseScreen } from "./screens/base.tsx";
import { BasesScreen } from "./screens/bases.tsx";
import { JobScreen } from "./screens/job.tsx";
import { JobsScreen } from "./screens/jobs.tsx";
import { StorageScreen } from "./storage/screen.tsx";

export interface Route {
  path: string;
  role: AccountRole;
  /** Is given the named parts of the path. */
  screen: ComponentType<{ params: Record<string, string> }>;
  /** key: the letter that goes there after "g". */
  nav?: { label: string; icon: IconName; key?: string };
}

export const routes: Route[] = [
  { path: "/bases", role: "operator", screen: BasesScreen, nav: { label: "Bases", icon: "bases", key: "b" } },
  { path: "/bases/:name", role: "operator", screen: BaseScreen },
  { path: "/machines", role: "user", screen: MachinesForAll, nav: { label: "Machines", icon: "machines", key: "m" } },
  { path: "/machines/:name", role: "user", screen: MachineForAll },
  { path: "/machines/:name/console", role: "user", screen: ConsoleScreen },
  { path: "/jobs", role: "operator", screen: JobsScreen, nav: { label: "Jobs", icon: "jobs", key: "j" } },
  { path: "/jobs/:id", role: "user", screen: JobScreen },
  { path: "/storage", role: "operator", screen: StorageScreen, nav: { label: "Storage", icon: "storage", key: "s" } },
  { path: "/accounts", role: "administrator", screen: AccountsScreen, nav: { label: "Accounts", icon: "accounts", key: "a" } },
  { path: "/audit", role: "administrator", screen: AuditScreen, nav: { label: "Audit", icon: "audit", key: "u" } },
  { path: "/settings", role: "user", screen: SettingsScreen },
  { path: "/login", role: "user", screen: LoggedInScreen },
  { path: "/setup", role: "user", screen: SetupScreen },
];

/** The screens for those who are not logged in; the first is shown at every other address. */
export const openRoutes: Omit<Route, "role">[] = [
  { path: "/login", screen: LoginScreen },
  { path: "/setup", screen: SetupScreen },
];

/** Where "/" leads. */
export const home: Record<AccountRole, string> = { administrator: "/bases", operator: "/bases", user: "/machines" };
