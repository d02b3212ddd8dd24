// The API's representations, as src/http/openapi.json describes them.

export type AccountRole = "user" | "operator" | "administrator";
export type Role = "system" | "temporary" | "data";
export type Power = "unknown" | "off" | "running" | "paused" | "saved" | "stopping" | "stalled";
export type Kind = "machine" | "base" | "clone";
export type MachineState = "ready" | "pending" | "base" | "retired" | "removing" | "creating";
export type ItemState = "waiting" | "running" | "pending" | "done" | "failed" | "skipped" | "cancelled";
export type JobState = "queued" | "running" | "pending" | "done" | "failed" | "cancelled";
export type Decision = "now" | "pending" | "skip" | "refuse";
export type RunningPolicy = "reboot" | "stop" | "shutdown" | "force";
export type Fate =
  | "KEPT"
  | "REPLACED"
  | "RESET"
  | "DELETED"
  | "TO TRASH"
  | "SEALED"
  | "UNSEALED"
  | "CREATED"
  | "CHANGED";

export type Verb =
  | "import"
  | "prepare"
  | "unprepare"
  | "clone"
  | "start"
  | "shutdown"
  | "poweroff"
  | "reboot"
  | "restore"
  | "rebase"
  | "undo"
  | "hold"
  | "release"
  | "detach"
  | "remove"
  | "export"
  | "volume-add"
  | "volume-attach"
  | "volume-set-role"
  | "volume-resize"
  | "backup"
  | "repair"
  | "reclaim"
  | "flatten"
  | "purge"
  | "forget";

export interface Session {
  account: { name: string; role: AccountRole } | null;
  csrf: string | null;
  setup_needed: boolean;
  version: string;
}

export interface Failure {
  code: string;
  message: string;
  hint?: string;
}

export interface Volume {
  target: string;
  role: Role;
  format: string;
  capacity_bytes: number;
  layer: string | null;
  own: boolean;
}

/** A machine as the lists show it. */
export interface Machine {
  id: string;
  name: string;
  uuid: string;
  kind: Kind;
  power: Power;
  base: string | null;
  base_id: string | null;
  state: MachineState;
  pending: boolean;
  held: boolean;
  hold_reason?: string;
  behind: boolean;
  behind_reason?: string;
  generation: number;
  desired_generation: number;
  undo_entries: number;
  created_at: string;
  prepared_at?: string;
  capacity_bytes: number;
  roles: Record<Role, number>;
}

export interface UndoEntry {
  generation: number;
  cause: string;
  base?: string;
  base_name?: string;
  created_at: string | null;
  replaced_at: string | null;
  held_bytes: number;
  hibernated: boolean;
}

export interface MachineFull extends Machine {
  volumes: Volume[];
  undo: UndoEntry[];
  chain: Record<string, string[]>;
  checklist?: Record<string, boolean>;
  session: { generation?: number; started_at?: string | null } | null;
  clones?: string[];
  pending_to?: { generation: number; cause: string; base?: string; base_name?: string };
}

/** Proof that data was kept: the files of the data volumes, the same before and after. */
export interface Receipt {
  proven?: boolean;
  data_kept?: { target: string; inode: number; size_bytes: number; mtime_ns: number }[];
}

export interface HistoryEntry {
  job: string;
  verb: Verb;
  requested_by: string;
  finished_at: string | null;
  state: ItemState | JobState;
  message?: string;
  receipt?: Receipt;
}

export interface JobItem {
  machine_id: string | null;
  machine: string | null;
  state: ItemState;
  error?: Failure;
  message?: string;
  receipt?: Receipt;
}

export interface Job {
  id: string;
  verb: Verb;
  state: JobState;
  requested_by: string;
  created_at: string | null;
  started_at?: string;
  finished_at?: string;
  phase?: string;
  /** Of a pending job: "3 machines to be restarted by their users". */
  waits_for?: string;
  message?: string;
  done: number;
  total: number;
  committed: boolean;
  counts: Record<ItemState, number>;
  estimate_seconds?: number;
  error?: Failure;
  request: Request;
  items?: JobItem[];
}

export interface RequestDisk {
  path?: string;
  target?: string;
  format?: string;
  role?: Role;
  capacity_bytes?: number;
}

/** What somebody asks for: the same for a plan and for a job. */
export interface Request {
  verb: Verb;
  machines?: string[];
  all_of?: string;
  onto?: string;
  match?: string;
  limit?: number;
  running?: RunningPolicy;
  grace_seconds?: number;
  even_held?: boolean;
  force?: boolean;
  new_hardware?: boolean;
  keep_data?: boolean;
  now?: boolean;
  trash?: boolean;
  shutdown_first?: boolean;
  flatten?: boolean;
  yes?: boolean;
  reason?: string;
  domain?: string;
  disks?: RequestDisk[];
  count?: number;
  name_pattern?: string;
  memory_mib?: number;
  cpus?: number;
  volume?: string;
  role?: Role;
  capacity_bytes?: number;
  path?: string;
  layer?: string;
  checklist?: Record<string, boolean>;
}

export interface PlanVolume {
  target: string;
  role: Role;
  fate: Fate;
  from_layer: string | null;
  to_layer: string | null;
  capacity_before: number;
  capacity_after: number;
  lost_bytes: number;
}

export interface PlanItem {
  machine_id: string | null;
  machine: string;
  decision: Decision;
  code?: string;
  reason?: string;
  hint?: string;
  power: Power;
  warnings: string[];
  freed_bytes: number;
  held_bytes: number;
  forgotten_entries: number;
  volumes: PlanVolume[];
}

export interface Plan {
  verb: Verb;
  summary: string;
  items: PlanItem[];
  warnings: string[];
  counts: Record<Decision, number>;
  needed_bytes: number;
  free_bytes: number;
  estimate_seconds?: number;
}

export interface Status {
  version: string;
  machines: number;
  bases: number;
  clones: number;
  pending: number;
  running: number;
  held: number;
  behind: number;
  undo_entries: number;
  undo_bytes: number;
  kept_bytes: number;
  reclaimable_bytes: number;
  libvirt: "connected" | "away";
  hook: "in force" | "not in force" | "not tried yet";
  hook_problem?: string;
  question?: Failure;
  store: {
    uuid: string;
    path: string | null;
    generation: number;
    size_bytes: number;
    free_bytes: number;
    protects_layers: boolean;
    exchanges: boolean;
  };
}

export interface Space {
  volumes: { target: string; role: Role; allocated_bytes: number }[];
  undo_bytes: number;
  total_bytes: number;
}

export interface Layer {
  id: string;
  set: string;
  target: string;
  role: Role;
  format: string;
  capacity_bytes: number;
  allocated_bytes: number;
  parent: string | null;
  machine: string | null;
  machine_id: string | null;
  sealed_at: string | null;
  digest: string | null;
}

export interface Domain {
  name: string;
  uuid: string;
  power: Power;
  disks: {
    target: string | null;
    path: string | null;
    format: string | null;
    device: string | null;
    proposed_role: Role | null;
  }[];
}

export interface Page<T> {
  items: T[];
  next: string | null;
}

export interface LayerFull extends Layer {
  reasons: string[];
}

/** Data of a removed machine; without expires_at it stays until somebody removes it. */
export interface KeptVolume {
  id: string;
  target: string;
  format: string;
  capacity_bytes: number;
  machine: string | null;
  machine_id: string | null;
  removed_at: string | null;
  expires_at: string | null;
  layer: string | null;
}

export interface Release {
  at: string;
  bytes: number;
  what: "undo" | "trash";
}

export interface FreeSample {
  at: string;
  free_bytes: number;
}

export interface Forecast {
  bytes_per_day: number;
  full_at: string | null;
  basis_days: number;
}

export interface Storage {
  size_bytes: number;
  free_bytes: number;
  floor_bytes: number;
  layers_bytes: number;
  undo: { bytes: number; budget_bytes: number; budget_percent: number; retention_seconds: number; entries: number };
  trash: { bytes: number; count: number };
  kept: { bytes: number; count: number };
  reclaimable_bytes: number;
  releases: Release[];
  samples: FreeSample[];
  forecast: Forecast | null;
}

export interface Finding {
  id: string;
  level: "info" | "warning" | "error";
  subject: string | null;
  text: string | null;
  remedy: string | null;
  repairable: boolean;
}

export interface Account {
  name: string;
  role: AccountRole;
  disabled: boolean;
  invited: boolean;
  created_at: string;
  last_login_at: string | null;
  machines: { id: string; name: string }[];
}

/** What makes a new password possible, once and for three days. */
export interface Invitation {
  setup_token: string;
  setup_path: string;
}

export interface Token {
  id: string;
  name: string;
  account: string;
  created_at: string;
  last_used_at: string | null;
  expires_at: string | null;
}

export interface AuditEntry {
  id: string;
  at: string;
  account: string | null;
  address: string | null;
  action: string;
  machine: string | null;
  result: string;
  detail: string | null;
  job: string | null;
}
