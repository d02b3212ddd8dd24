// A job's request once more, for some of its machines; pure.
import type { Request } from "./types.ts";

/** The same request for these machines only: how a retry takes what failed and nothing else. */
export function requestFor(request: Request, machines: string[]): Request {
  const { all_of: _all, match: _match, limit: _limit, count: _count, name_pattern: _pattern, ...rest } = request;
  const base = request.verb === "clone" ? request.machines!.slice(0, 1) : [];
  return { ...rest, machines: [...base, ...machines] };
}
