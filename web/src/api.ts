// Speaks with the daemon: JSON both ways, the CSRF token on everything that changes, and errors as one class.
import { sentence } from "./format.ts";
import type { Job, Page, Plan, Request } from "./types.ts";

/** What failed, and what to do about it. The code is the daemon's, or "unreachable". */
export class Problem extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint?: string,
    readonly status = 0,
    readonly retryAfterSeconds = 0,
  ) {
    super(message);
  }
}

let csrf: string | null = null;
let onSignedOut = () => {};

/** Sets the token of the session, and who is told when the daemon no longer knows us. */
export function apiSession(token: string | null, signedOut: () => void): void {
  csrf = token;
  onSignedOut = signedOut;
}

/** By then the browser has read what it saves. */
const SAVED_MS = 60_000;

let requests = new AbortController();

/** Ends all requests under way: what they were to reach is out of reach, and would not even say no. */
export function abandonRequests(): void {
  requests.abort();
  requests = new AbortController();
}

/** There 401 says that name, password or link is wrong. */
const LOGINS = /^\/(session|setup)(\/|$)/;

async function readProblem(response: Response): Promise<Problem> {
  const body = await response.json().catch(() => ({}));
  return new Problem(
    body.code ?? "backend",
    sentence(body.detail ?? `the daemon answered ${response.status} ${response.statusText}`),
    body.hint && sentence(body.hint),
    response.status,
    Number(response.headers.get("Retry-After") ?? 0),
  );
}

/** No answer, or half of one. */
function unreachable(): never {
  throw new Problem("unreachable", "The daemon does not answer.", "Try again when the connection is back.");
}

/** The path is below /api/v1. Throws a Problem. */
async function send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  const options: RequestInit = { method, headers, credentials: "same-origin", cache: "no-store", signal: requests.signal };
  if (body !== undefined) options.body = JSON.stringify(body);
  const response = await fetch(`/api/v1${path}`, options).catch(unreachable);
  if (!response.ok) {
    const problem = await readProblem(response);
    if (response.status === 401 && !LOGINS.test(path)) onSignedOut();
    throw problem;
  }
  return response;
}

/** One request, and the JSON that answers it. */
export async function api<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
  const response = await send(method, path, body, headers);
  return response.status === 204 ? (undefined as T) : response.json().catch(unreachable);
}

/** Has the browser save what is answered. */
export async function download(path: string, name: string): Promise<void> {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await (await send("GET", path)).blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), SAVED_MS);
}

export const get = <T>(path: string) => api<T>("GET", path);

/** All pages of a list. */
export async function getAll<T>(path: string): Promise<T[]> {
  const items: T[] = [];
  let after: string | null = "";
  while (after !== null) {
    const join = path.includes("?") ? "&" : "?";
    const page: Page<T> = await get(path + (after ? `${join}after=${encodeURIComponent(after)}` : ""));
    items.push(...page.items);
    after = page.next ?? null; // short lists come whole, without a word on what follows
  }
  return items;
}

export const machinePath = (name: string, rest = "") => `/machines/${encodeURIComponent(name)}${rest}`;

export const makePlan = (request: Request) => api<Plan>("POST", "/plans", request);

/** The key makes a request that is sent twice (a double click, a broken connection) one job. */
export const submitJob = (request: Request, key: string = randomKey()) =>
  api<Job>("POST", "/jobs", request, { "Idempotency-Key": key });

export const cancelJob = (id: string) => api<Job>("POST", `/jobs/${encodeURIComponent(id)}/cancel`);

export function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Any thrown thing as a Problem, for showing. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem("bug", error instanceof Error ? error.message : String(error), "Reload the page.");
}
