// Dialogs: the browser's own <dialog>, which keeps the focus inside and closes by Escape. The focus goes back to where it
// was: the browser would do that, but the element is gone by then.
import { effect, signal } from "@preact/signals";
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { address } from "../router.ts";
import { Button } from "./button.tsx";
import "./dialog.css";

interface Entry {
  key: number;
  node: VNode;
}

const open = signal<Entry[]>([]);
let nextKey = 1;

/** Shows a dialog; it is given how to close itself. */
export function openDialog(render: (close: () => void) => VNode): void {
  const key = nextKey++;
  const close = () => (open.value = open.value.filter((entry) => entry.key !== key));
  open.value = [...open.value, { key, node: render(close) }];
}

// A dialog belongs to its screen: who goes elsewhere, by the back button or a link in it, leaves it behind.
let lastPath = address.value.path;
effect(() => {
  if (address.value.path === lastPath) return;
  lastPath = address.value.path;
  open.value = [];
});

/** Where dialogs appear: once, in the shell. */
export function Dialogs() {
  return <>{open.value.map((entry) => <div key={entry.key}>{entry.node}</div>)}</>;
}

export interface DialogProps {
  title: string;
  /** One line below the title. */
  subtitle?: ComponentChildren;
  onClose: () => void;
  /** Enter in a field does what the main button does. */
  onSubmit?: () => void;
  footer?: ComponentChildren;
  size?: "narrow" | "normal" | "wide";
  children: ComponentChildren;
}

export function Dialog({ title, subtitle, onClose, onSubmit, footer, size = "normal", children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current!;
    const opener = document.activeElement as HTMLElement | null;
    dialog.showModal();
    if (!dialog.querySelector("[autofocus]")) dialog.querySelector("h2")!.focus();
    return () => opener?.focus();
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <dialog ref={element} class={`dialog ${size}`} aria-labelledby={id} onCancel={(event) => event.target === element.current && onClose()}
      onClose={(event) => event.target === element.current && onClose()}>
      <form method="dialog" noValidate onSubmit={submit}>
        <header>
          <div class="grow">
            <h2 id={id} tabIndex={-1}>{title}</h2>
            {subtitle && <p class="soft">{subtitle}</p>}
          </div>
          <Button kind="quiet" icon="close" label="Close" onClick={onClose} />
        </header>
        <div class="dialog-body">{children}</div>
        {footer && <footer>{footer}</footer>}
      </form>
    </dialog>
  );
}

export interface Confirmation {
  title: string;
  body: ComponentChildren;
  /** What the button does, as a verb. */
  label: string;
  danger?: boolean;
}

function ConfirmDialog({ ask, onAnswer }: { ask: Confirmation; onAnswer: (yes: boolean) => void }) {
  const footer = (
    <>
      <Button onClick={() => onAnswer(false)}>Cancel</Button>
      <Button kind={ask.danger ? "danger" : "primary"} type="submit">{ask.label}</Button>
    </>
  );
  return (
    <Dialog title={ask.title} size="narrow" onClose={() => onAnswer(false)} onSubmit={() => onAnswer(true)} footer={footer}>
      {ask.body}
    </Dialog>
  );
}

/** Asks a question; false for Cancel and Escape. */
export function confirm(ask: Confirmation): Promise<boolean> {
  return new Promise((resolve) => {
    openDialog((close) => (
      <ConfirmDialog ask={ask} onAnswer={(yes) => {
        close();
        resolve(yes);
      }} />
    ));
  });
}
