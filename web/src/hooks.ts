// What components need besides signals.
import { useEffect, useState } from "preact/hooks";
import { asProblem, type Problem } from "./api.ts";
import { readVersion } from "./store.ts";

export interface Async<T> {
  value: T | undefined;
  problem: Problem | undefined;
  /** A newer value is on its way; the old one is still here. */
  isBusy: boolean;
}

/** Runs something slow now, whenever an input changes, and when the daemon is back; answers that come too late are dropped. */
export function useAsync<T>(run: () => Promise<T>, inputs: unknown[]): Async<T> {
  const [state, setState] = useState<Async<T>>({ value: undefined, problem: undefined, isBusy: true });
  useEffect(() => {
    let isCurrent = true;
    setState((before) => ({ ...before, isBusy: true }));
    run().then(
      (value) => isCurrent && setState({ value, problem: undefined, isBusy: false }),
      (error) => isCurrent && setState({ value: undefined, problem: asProblem(error), isBusy: false }),
    );
    return () => {
      isCurrent = false;
    };
  }, [...inputs, readVersion.value]);
  return state;
}

/** The value, once it has not changed for a moment: typing does not ask at every letter. */
export function useCalm<T>(value: T, pauseMs = 250): T {
  const [calm, setCalm] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setCalm(value), pauseMs);
    return () => clearTimeout(timer);
  }, [value]);
  return calm;
}
