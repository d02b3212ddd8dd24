// After too many attempts: how long to wait, told in words and counted down.
import { useEffect, useState } from "preact/hooks";
import { Notice } from "../ui/page.tsx";
import { describeWait } from "./words.ts";

export interface Wait {
  /** Still to be waited; 0: go on. */
  seconds: number;
  begin: (seconds: number) => void;
}

export function useWait(): Wait {
  const [until, setUntil] = useState(0);
  const [now, setNow] = useState(0);
  useEffect(() => {
    if (!until) return;
    const timer = setInterval(() => {
      setNow(Date.now());
      if (Date.now() >= until) setUntil(0);
    }, 500);
    return () => clearInterval(timer);
  }, [until]);
  const begin = (seconds: number) => {
    setNow(Date.now());
    setUntil(Date.now() + 1000 * Math.max(1, seconds));
  };
  return { seconds: until ? Math.max(1, (until - now) / 1000) : 0, begin };
}

/** Screen readers hear it once, not at every second. */
export function WaitNotice({ wait }: { wait: Wait }) {
  if (!wait.seconds) return null;
  return (
    <Notice tone="warning">
      <p role="alert">Too many attempts have failed.</p>
      <p>The next one is possible in <span role="timer" aria-live="off">{describeWait(wait.seconds)}</span>.</p>
    </Notice>
  );
}
