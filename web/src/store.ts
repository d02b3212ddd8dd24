// What the page knows: signals fed by the lists at the start and by events from then on.
import { batch, computed, signal } from "@preact/signals";
import { Problem, abandonRequests, apiSession, asProblem, get, getAll } from "./api.ts";
import { listenToEvents } from "./events.ts";
import type { AccountRole, Job, JobItem, Machine, MachineFull, Page, Role, Session, Status } from "./types.ts";

/** null: not read yet. */
export const session = signal<Session | null>(null);
/** By id. The map is changed in place; machinesVersion tells that it was. */
export const machines = new Map<string, Machine>();
export const machinesVersion = signal(0);
export const machinesRead = signal(false);
/** The newest jobs and those of the stream, by id; replaced as a whole. */
export const jobs = signal<ReadonlyMap<string, Job>>(new Map());
export const status = signal<Status | null>(null);
/** Raised with every change of layers or kept volumes: what depends on it is read anew. */
export const layersVersion = signal(0);
/** Raised when everything was read anew, because events were missed, and after a new login: useAsync() reads again. */
export const readVersion = signal(0);
/** The daemon does not answer, or its event stream is lost. */
export const away = signal(false);
/** Raised whenever the daemon no longer knows us although somebody is at work: the screens stay. 0: it does. */
export const sessionEnded = signal(0);
/** Why the first lists could not be read. */
export const readProblem = signal<Problem | null>(null);

const RANKS: AccountRole[] = ["user", "operator", "administrator"];

/** Whether the one who is logged in has this role or a higher one. */
export function hasRole(least: AccountRole): boolean {
  const role = session.value?.account?.role;
  return role !== undefined && RANKS.indexOf(role) >= RANKS.indexOf(least);
}

/** Machines as an array, when one of them has changed. */
export const machineList = computed(() => {
  machinesVersion.value;
  return [...machines.values()];
});

export function findMachine(name: string): Machine | undefined {
  return machineList.value.find((machine) => machine.name === name || machine.id === name);
}

// --- machines ---------------------------------------------------------------------------------

/** Lists leave volumes out and events do not: both become the same short form. */
export function asListed(machine: Machine & Partial<MachineFull>): Machine {
  const { volumes, ...rest } = machine;
  if (!volumes) return rest;
  const roles: Record<Role, number> = { system: 0, temporary: 0, data: 0 };
  let capacity = 0;
  for (const volume of volumes) {
    roles[volume.role]++;
    capacity += volume.capacity_bytes;
  }
  return { ...rest, roles, capacity_bytes: capacity };
}

async function readMachines(): Promise<void> {
  const all = await getAll<Machine & Partial<MachineFull>>("/machines?view=list&limit=10000");
  machines.clear();
  for (const machine of all) machines.set(machine.id, asListed(machine));
  batch(() => {
    machinesRead.value = true;
    machinesVersion.value++;
  });
}

// --- jobs -------------------------------------------------------------------------------------

/** Items that have changed, by job. */
type ItemListener = (changes: Map<string, JobItem[]>) => void;
const itemListeners = new Set<ItemListener>();

/** Hears every change of an item of a job, many at a time; returns how to stop. */
export function onJobItems(listener: ItemListener): () => void {
  itemListeners.add(listener);
  return () => itemListeners.delete(listener);
}

const JOBS_READ = 100;

async function readJobs(): Promise<void> {
  const page = await get<Page<Job>>(`/jobs?limit=${JOBS_READ}`);
  jobs.value = new Map(page.items.map((job) => [job.id, job]));
}

export function noteJob(job: Job): void {
  jobs.value = new Map(jobs.value).set(job.id, job);
}

/** How many have ended: what they change is read anew then, and not at every step. */
export const endedJobs = computed(() => [...jobs.value.values()].filter((job) => job.finished_at).length);

export const isOpen = (job: Job) => job.state === "queued" || job.state === "running" || job.state === "pending";

// --- status -----------------------------------------------------------------------------------

let statusTimer = 0;
const STATUS_PAUSE_MS = 1500;

export async function readStatus(): Promise<void> {
  if (hasRole("operator")) status.value = await get<Status>("/status");
}

/** Soon, and once for many changes. */
function wantStatus(): void {
  if (statusTimer) return;
  statusTimer = window.setTimeout(() => {
    statusTimer = 0;
    readStatus().catch(() => {});
  }, STATUS_PAUSE_MS);
}

// --- events -----------------------------------------------------------------------------------

// A rebase of thousands of clones sends thousands of events: they are taken together, once a frame or so.
const waiting: [string, unknown][] = [];
let flushTimer = 0;
const FLUSH_MS = 60;
// While lists are read events wait, so that a list never overwrites what is newer.
let isReading = false;

function takeEvent(type: string, data: unknown, changed: Set<string>, newJobs: Map<string, Job>, newItems: Map<string, JobItem[]>): void {
  changed.add(type);
  if (type === "machine") {
    const machine = asListed(data as Machine);
    machines.set(machine.id, machine);
  } else if (type === "machine-removed") machines.delete((data as { id: string }).id);
  else if (type === "job") newJobs.set((data as Job).id, data as Job);
  else if (type === "item") {
    const { job, item } = data as { job: string; item: JobItem };
    if (!newItems.get(job)?.push(item)) newItems.set(job, [item]);
  }
}

function flushEvents(): void {
  flushTimer = 0;
  if (isReading) return;
  const changed = new Set<string>();
  const newJobs = new Map<string, Job>();
  const newItems = new Map<string, JobItem[]>();
  batch(() => {
    for (const [type, data] of waiting.splice(0)) takeEvent(type, data, changed, newJobs, newItems);
    if (changed.has("machine") || changed.has("machine-removed")) machinesVersion.value++;
    if (newJobs.size) jobs.value = new Map([...jobs.value, ...newJobs]);
    if (changed.has("layers")) layersVersion.value++;
  });
  if (newItems.size) for (const listener of itemListeners) listener(newItems);
  wantStatus();
}

function onEvent(type: string, data: unknown): void {
  waiting.push([type, data]);
  if (!flushTimer) flushTimer = window.setTimeout(flushEvents, FLUSH_MS);
}

/** Reads everything anew. */
export async function readAll(): Promise<void> {
  isReading = true;
  try {
    waiting.length = 0;
    await Promise.all([readMachines(), readJobs(), readStatus()]);
    layersVersion.value++;
    readVersion.value++;
    readProblem.value = null;
  } catch (error) {
    readProblem.value = asProblem(error);
  } finally {
    isReading = false;
    flushEvents();
  }
}

// --- start ------------------------------------------------------------------------------------

/** Puts in force what the daemon says about who we are (after a login too). */
export function setSession(next: Session): void {
  const hasEnded = session.value?.account && !next.account;
  if (hasEnded) sessionEnded.value++;
  else {
    apiSession(next.csrf, () => sessionEnded.value++);
    if (sessionEnded.value) readVersion.value++;
    session.value = next;
    sessionEnded.value = 0;
  }
}

export async function readSession(): Promise<void> {
  setSession(await get<Session>("/session"));
}

/** After a lost stream: the daemon may be back without knowing us any more. */
async function lost(silent: boolean): Promise<void> {
  if (silent) {
    away.value = true;
    abandonRequests();
  } else await readSession().catch(() => (away.value = true));
}

/** Reads who we are, and begins to listen where there is somebody. */
export async function startStore(): Promise<void> {
  try {
    await readSession();
  } catch (error) {
    away.value = true;
    readProblem.value = asProblem(error);
    setTimeout(startStore, 2000);
    return;
  }
  away.value = false;
  if (!session.value?.account) return;
  listenToEvents({
    event: onEvent,
    connected(mustRead) {
      const wasAway = away.value;
      away.value = false;
      if (mustRead || !machinesRead.value || readProblem.value) void readAll();
      else if (wasAway) readVersion.value++;
    },
    lost: (silent) => void lost(silent),
  });
}
