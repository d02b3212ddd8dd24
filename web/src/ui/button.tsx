// What is pressed.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icon.tsx";
import "./button.css";

export interface ButtonProps {
  children?: ComponentChildren;
  /** For screen readers and as the tooltip, where there is only an icon. */
  label?: string;
  kind?: "plain" | "primary" | "danger" | "quiet";
  icon?: IconName;
  small?: boolean;
  busy?: boolean;
  /** Why it cannot be pressed now: it stays reachable, and says so when it is pressed. */
  why?: string | undefined;
  disabled?: boolean;
  type?: "button" | "submit";
  form?: string;
  onClick?: (event: MouseEvent) => void;
  [attribute: `aria-${string}`]: string | boolean | undefined;
}

const GAP = 6;

export function Button({ children, label, kind = "plain", icon, small, busy, why, disabled, type = "button", onClick, ...rest }: ButtonProps) {
  const isOff = Boolean(busy || why);
  const [asked, setAsked] = useState<Element | null>(null);
  const press = (event: MouseEvent) => {
    if (why) setAsked(event.currentTarget as Element);
    else if (!isOff) onClick?.(event);
  };
  const names = ["button", kind, small && "small", !children && "square"].filter(Boolean).join(" ");
  return (
    <>
      <button {...rest} type={isOff ? "button" : type} class={names} disabled={disabled} title={why ?? label} aria-label={children ? undefined : label}
        aria-disabled={isOff || undefined} aria-busy={busy || undefined} onClick={press}>
        {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
        {children && <span>{children}</span>}
      </button>
      {why && asked && <Why text={why} button={asked} onClose={() => setAsked(null)} />}
    </>
  );
}

/** Why a button cannot be pressed, below it, or above where the window ends; gone at the next press elsewhere. */
function Why({ text, button, onClose }: { text: string; button: Element; onClose: () => void }) {
  const element = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    const popover = element.current!;
    const box = button.getBoundingClientRect();
    popover.showPopover();
    const fitsBelow = box.bottom + GAP + popover.offsetHeight < innerHeight;
    popover.style.top = `${fitsBelow ? box.bottom + GAP : box.top - GAP - popover.offsetHeight}px`;
    popover.style.left = `${Math.max(GAP, Math.min(box.left, innerWidth - popover.offsetWidth - GAP))}px`;
  }, []);
  return <span ref={element} popover="auto" role="alert" class="button-why" onToggle={(event: { newState: string }) => event.newState === "closed" && onClose()}>{text}</span>;
}

/** A link that looks like a button. */
export function LinkButton({ href, children, icon, kind = "plain" }: { href: string; children: ComponentChildren; icon?: IconName; kind?: string }) {
  return (
    <a class={`button ${kind}`} href={href}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </a>
  );
}
