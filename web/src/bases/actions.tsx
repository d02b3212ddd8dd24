// What can be done with a base: the entries of its menu and the buttons of its page.
import { count } from "../format.ts";
import { openPlan } from "../plan/dialog.tsx";
import { openRebase } from "../rebase/dialog.tsx";
import { navigate } from "../router.ts";
import { hasRole, machineList } from "../store.ts";
import type { Machine } from "../types.ts";
import type { IconName } from "../ui/icon.tsx";
import type { MenuItems } from "../ui/menu.tsx";
import { openClone } from "./clone.tsx";
import { basePath } from "./paths.ts";
import { openUpdate } from "./update.tsx";

export interface BaseAction {
  id: string;
  label: string;
  icon: IconName;
  danger?: boolean;
  why: (base: Machine) => string | undefined;
  run: (base: Machine) => void;
}

export const clonesOf = (base: Machine) => machineList.value.filter((machine) => machine.base_id === base.id && machine.kind !== "base");
const dependsOn = (base: Machine) => machineList.value.filter((machine) => machine.base_id === base.id);
const notRetired = (base: Machine) => (base.state === "retired" ? "It is retired: no new clones" : undefined);
const hasClones = (base: Machine) => (clonesOf(base).length ? undefined : "It has no clones");
const isFree = (base: Machine) => (dependsOn(base).length ? `${count(dependsOn(base).length, "machine is", "machines are")} based on it` : undefined);

export const BASE_ACTIONS: BaseAction[] = [
  { id: "clone", label: "Clone…", icon: "clone", why: notRetired, run: openClone },
  { id: "rebase-all", label: "Rebase all clones…", icon: "rebase", why: hasClones, run: (base) => openRebase({ all_of: base.name }) },
  { id: "update", label: "Prepare an update…", icon: "seal", why: notRetired, run: openUpdate },
  { id: "unprepare", label: "Unprepare…", icon: "undo", why: isFree, run: (base) => openPlan({ verb: "unprepare", machines: [base.name] }) },
  { id: "remove", label: "Remove…", icon: "remove", danger: true, why: isFree, run: (base) => openPlan({ verb: "remove", machines: [base.name] }) },
];

export function baseMenu(base: Machine): MenuItems {
  const details = { label: "Details", icon: "info" as const, run: () => navigate(basePath(base)) };
  if (!hasRole("administrator")) return [details];
  const items = BASE_ACTIONS.map((action) => ({ label: action.label, icon: action.icon, danger: action.danger ?? false, why: action.why(base), run: () => action.run(base) }));
  return [...items.slice(0, 3), null, details, null, ...items.slice(3)];
}
