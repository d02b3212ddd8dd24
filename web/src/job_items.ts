// The items of a job: what is known of them from two sides, and the request once more for some; pure.
import type { ItemState, JobItem, Request } from "./types.ts";

const PROGRESS: Record<ItemState, number> = { waiting: 0, running: 1, pending: 2, done: 3, failed: 3, skipped: 3, cancelled: 3 };

/** Items as they were read, and changes heard since or before: of each machine what has come further. */
export function mergeItems(read: JobItem[], heard: ReadonlyMap<string, JobItem>): JobItem[] {
  const further = (item: JobItem) => {
    const other = heard.get(item.machine_id ?? "");
    return other && PROGRESS[other.state] >= PROGRESS[item.state] ? other : item;
  };
  const known = new Set(read.map((item) => item.machine_id));
  return [...read.map(further), ...[...heard.values()].filter((item) => !known.has(item.machine_id))];
}

/** The same request for these machines only: how a retry takes what failed and nothing else. */
export function requestFor(request: Request, machines: string[]): Request {
  const { all_of: _all, match: _match, limit: _limit, count: _count, name_pattern: _pattern, ...rest } = request;
  const base = request.verb === "clone" ? request.machines!.slice(0, 1) : [];
  return { ...rest, machines: [...base, ...machines] };
}
