// Menus: a popover in the browser's top layer, so that nothing cuts it off, and it closes by Escape or a click elsewhere.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ButtonProps } from "./button.tsx";
import { Button } from "./button.tsx";
import { Icon, type IconName } from "./icon.tsx";
import "./menu.css";

export interface MenuItem {
  label: string;
  icon?: IconName | undefined;
  danger?: boolean;
  /** Why it cannot be chosen now; shown beside it. */
  why?: string | undefined;
  run: () => void;
}

/** null is a line between groups. */
export type MenuItems = (MenuItem | null)[];

interface Shown {
  label: string;
  items: MenuItems;
  x: number;
  y: number;
  opener: Element | null;
}

const shown = signal<Shown | null>(null);

/** Shows a menu at a point of the window, or below an element. */
export function openMenu(label: string, items: MenuItems, at: Element | { x: number; y: number }): void {
  const opener = document.activeElement;
  if (at instanceof Element) {
    const box = at.getBoundingClientRect();
    shown.value = { label, items, x: box.left, y: box.bottom + 4, opener };
  } else shown.value = { label, items, x: at.x, y: at.y, opener };
}

/** Keeps a popover inside the window. */
function place(menu: HTMLElement, { x, y }: Shown): void {
  const margin = 8;
  menu.style.left = `${Math.max(margin, Math.min(x, innerWidth - menu.offsetWidth - margin))}px`;
  menu.style.top = `${Math.max(margin, Math.min(y, innerHeight - menu.offsetHeight - margin))}px`;
}

function MenuPopover({ menu }: { menu: Shown }) {
  const element = useRef<HTMLDivElement>(null);
  const entries = () => [...element.current!.querySelectorAll<HTMLElement>("[role=menuitem]")];
  useEffect(() => {
    const popover = element.current!;
    popover.showPopover();
    place(popover, menu);
    entries()[0]?.focus();
  }, [menu]);
  const onToggle = (event: { newState: string }) => {
    if (event.newState === "closed" && shown.value === menu) shown.value = null;
  };
  const close = () => {
    element.current!.hidePopover();
    (menu.opener as HTMLElement | null)?.focus?.();
  };
  const choose = (item: MenuItem) => {
    if (item.why) return;
    close();
    item.run();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = entries();
    const now = all.indexOf(document.activeElement as HTMLElement);
    const to = (index: number) => all[(index + all.length) % all.length]?.focus();
    if (event.key === "ArrowDown") to(now + 1);
    else if (event.key === "ArrowUp") to(now - 1);
    else if (event.key === "Home") to(0);
    else if (event.key === "End") to(all.length - 1);
    else if (event.key === "Tab" || event.key === "Escape") close();
    else if (event.key.length === 1) typeAhead(all, now, event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div ref={element} popover="auto" role="menu" class="menu" aria-label={menu.label} onToggle={onToggle} onKeyDown={onKeyDown}
      onContextMenu={(event) => event.preventDefault()}>
      {menu.items.map((item) =>
        item === null ? <hr role="separator" /> : (
          <button type="button" role="menuitem" tabIndex={-1} class={item.danger ? "danger" : ""} aria-disabled={item.why ? true : undefined} onClick={() => choose(item)}>
            {item.icon ? <Icon name={item.icon} /> : <span class="no-icon" />}
            <span>{item.label}{item.why && <small>{item.why}</small>}</span>
          </button>
        ))}
    </div>
  );
}

function typeAhead(all: HTMLElement[], now: number, key: string): void {
  const order = [...all.slice(now + 1), ...all.slice(0, now + 1)];
  order.find((entry) => entry.textContent?.trim().toLowerCase().startsWith(key.toLowerCase()))?.focus();
}

/** Where menus appear: once, in the shell's main part, so that they belong to a landmark. */
export function Menus() {
  return shown.value && <MenuPopover menu={shown.value} />;
}

/** A button that opens a menu. */
export function MenuButton({ items, name, ...button }: Omit<ButtonProps, "onClick"> & { items: () => MenuItems; name: string }) {
  const open = (event: MouseEvent) => openMenu(name, items(), event.currentTarget as Element);
  return <Button {...button} aria-haspopup="menu" onClick={open} />;
}
