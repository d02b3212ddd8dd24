// What is pressed.
import type { ComponentChildren } from "preact";
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
  /** Why it cannot be pressed now: it stays reachable, and says so. */
  why?: string | undefined;
  disabled?: boolean;
  type?: "button" | "submit";
  form?: string;
  onClick?: (event: MouseEvent) => void;
  [attribute: `aria-${string}`]: string | boolean | undefined;
}

export function Button({ children, label, kind = "plain", icon, small, busy, why, disabled, type = "button", onClick, ...rest }: ButtonProps) {
  const isOff = Boolean(busy || why);
  const names = ["button", kind, small && "small", !children && "square"].filter(Boolean).join(" ");
  return (
    <button {...rest} type={isOff ? "button" : type} class={names} disabled={disabled} title={why ?? label} aria-label={children ? undefined : label}
      aria-disabled={isOff || undefined} aria-busy={busy || undefined} onClick={(event) => !isOff && onClick?.(event)}>
      {busy ? <span class="spinner" aria-hidden="true" /> : icon && <Icon name={icon} />}
      {children && <span>{children}</span>}
    </button>
  );
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
