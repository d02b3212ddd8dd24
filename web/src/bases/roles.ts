// What the roles of disks mean, for those who choose one.
import type { Role } from "../types.ts";

export const ROLES: { value: Role; label: string }[] = [
  { value: "system", label: "system: REPLACED by restore and rebase" },
  { value: "temporary", label: "temporary: RESET at every stop" },
  { value: "data", label: "data: always KEPT" },
];
