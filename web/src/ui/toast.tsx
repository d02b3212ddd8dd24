// Short news in a corner: said politely to screen readers, gone by itself where it was good news.
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { asProblem } from "../api.ts";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";
import "./toast.css";

interface Toast {
  key: number;
  kind: "good" | "bad";
  body: ComponentChildren;
}

const toasts = signal<Toast[]>([]);
let nextKey = 1;
const GOOD_MS = 8000;

export function dismissToast(key: number): void {
  toasts.value = toasts.value.filter((toast) => toast.key !== key);
}

/** Good news; stays: until it is dismissed. Returns its key. */
export function toast(body: ComponentChildren, stays = false): number {
  const key = nextKey++;
  toasts.value = [...toasts.value, { key, kind: "good", body }];
  if (!stays) setTimeout(() => dismissToast(key), GOOD_MS);
  return key;
}

/** What failed, and what to do; stays until it is dismissed. */
export function toastProblem(error: unknown): void {
  const problem = asProblem(error);
  const body = <><strong>{problem.message}</strong>{problem.hint && <p>{problem.hint}</p>}</>;
  toasts.value = [...toasts.value, { key: nextKey++, kind: "bad", body }];
}

/** Where they appear: once, in the shell. */
export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite" aria-relevant="additions text">
      {toasts.value.map((entry) => (
        <div key={entry.key} class={`toast ${entry.kind}`}>
          <Icon name={entry.kind === "bad" ? "error" : "info"} />
          <div class="grow">{entry.body}</div>
          <Button kind="quiet" small icon="close" label="Dismiss" onClick={() => dismissToast(entry.key)} />
        </div>
      ))}
    </div>
  );
}
