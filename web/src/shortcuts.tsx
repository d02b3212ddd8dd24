// Keys that work everywhere, and the dialog that lists them. Single keys can be switched off (WCAG 2.1.4).
import { signal } from "@preact/signals";
import { navigate } from "./router.ts";
import { hasRole } from "./store.ts";
import { routes } from "./routes.tsx";
import { Dialog, openDialog } from "./ui/dialog.tsx";
import { CheckField } from "./ui/field.tsx";
import "./shortcuts.css";

const KEY = "underpin-single-keys";
const singleKeys = signal(localStorage.getItem(KEY) !== "off");

function setSingleKeys(on: boolean): void {
  singleKeys.value = on;
  localStorage.setItem(KEY, on ? "on" : "off");
}

const GRID_KEYS: [string, string][] = [
  ["↑ ↓", "Next and previous row"],
  ["→ ←", "Open and close a base; ← on a clone goes to its base"],
  ["Home End", "First and last row"],
  ["Space", "Select; with Shift the rows in between"],
  ["Ctrl A", "Select all that the filter shows"],
  ["Enter", "Open"],
  ["Shift F10", "Menu of the row"],
  ["letters", "Jump to the name that begins so"],
];

const CONSOLE_KEYS: [string, string][] = [["Ctrl Alt Shift", "Give the keys back to this page; all others go to the machine"]];

function targets(): [string, string, string][] {
  return routes.flatMap((route) => (route.nav?.key && hasRole(route.role) ? [[route.nav.key, route.path, route.nav.label] as [string, string, string]] : []));
}

function Keys({ title, keys }: { title: string; keys: [string, string][] }) {
  return (
    <section class="stack">
      <h3>{title}</h3>
      <dl class="keys">
        {keys.map(([key, text]) => (
          <div key={key}><dt>{key.split(" ").map((part) => <kbd>{part}</kbd>)}</dt><dd>{text}</dd></div>
        ))}
      </dl>
    </section>
  );
}

function ShortcutsDialog({ onClose }: { onClose: () => void }) {
  const everywhere: [string, string][] = [
    ["?", "This list"],
    ["/", "To the filter"],
    ...targets().map(([key, , label]): [string, string] => [`g ${key}`, label]),
  ];
  return (
    <Dialog title="Keys" onClose={onClose}>
      <Keys title="Everywhere" keys={everywhere} />
      <Keys title="In the tree of bases" keys={GRID_KEYS} />
      <Keys title="In a machine's console" keys={CONSOLE_KEYS} />
      <CheckField label="Single keys work everywhere" help="Off: only the keys inside the tree work." checked={singleKeys.value} onChange={setSingleKeys} />
    </Dialog>
  );
}

export function openShortcuts(): void {
  openDialog((close) => <ShortcutsDialog onClose={close} />);
}

/** No name has them: they work in the tree, where letters jump to names, too. */
const NAMELESS = ["?", "/"];
let waitsForTarget = false;

function onKey(event: KeyboardEvent): void {
  const element = event.target as HTMLElement;
  const isTyping = element.matches?.("input, select, textarea, [role=menu] *") || document.querySelector("dialog[open]");
  const isTaken = element.closest?.(".takes-keys") && !(element.closest("[role=treegrid]") && NAMELESS.includes(event.key));
  if (!singleKeys.value || isTyping || isTaken || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = waitsForTarget ? targets().find(([key]) => key === event.key) : undefined;
  waitsForTarget = event.key === "g";
  if (target) navigate(target[1]);
  else if (event.key === "?") openShortcuts();
  else if (event.key === "/") document.querySelector<HTMLElement>("[data-filter]")?.focus();
  else return;
  event.preventDefault();
}

/** Begins to listen; once a page. */
export function startShortcuts(): void {
  document.addEventListener("keydown", onKey);
}
