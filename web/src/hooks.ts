// What components need besides signals.
import { useEffect, useState } from "preact/hooks";
import { asProblem, type Problem } from "./api.ts";
import { readVersion } from "./store.ts";

export interface Async<T> {
  value: T | undefined;
  problem: Problem | undefined;
  /** A newer value is on its way; the old one is still here. */
  isBusy: boolean;
  /** Runs it once more. */
  again: () => void;
}

interface Result<T> {
  value?: T;
  problem?: Problem;
  /** The inputs that it belongs to. */
  inputs?: unknown[];
}

const areSame = (some: unknown[] | undefined, others: unknown[]) => some?.length === others.length && others.every((input, index) => input === some[index]);

/** Runs something slow now, whenever an input changes, and when the daemon is back; answers that come too late are dropped. */
export function useAsync<T>(run: () => Promise<T>, own: unknown[]): Async<T> {
  const [round, setRound] = useState(0);
  const [result, setResult] = useState<Result<T>>({});
  const inputs = [...own, readVersion.value, round];
  useEffect(() => {
    let isCurrent = true;
    run().then(
      (value) => isCurrent && setResult({ value, inputs }),
      (error) => isCurrent && setResult({ problem: asProblem(error), inputs }),
    );
    return () => {
      isCurrent = false;
    };
  }, inputs);
  return { value: result.value, problem: result.problem, isBusy: !areSame(result.inputs, inputs), again: () => setRound(round + 1) };
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
