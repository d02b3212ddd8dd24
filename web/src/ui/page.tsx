// The frame of a screen: heading with actions, notices, empty states, times, progress.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { formatExact, formatTime } from "../format.ts";
import type { Problem } from "../api.ts";
import { Icon, type IconName } from "./icon.tsx";
import "./page.css";

interface ScreenProps {
  title: ComponentChildren;
  /** Of the window; the heading's text where that is plain. */
  windowTitle: string;
  subtitle?: ComponentChildren;
  /** The way back up: address and word. */
  up?: { href: string; label: string };
  actions?: ComponentChildren;
  /** The content fills the window's height and scrolls by itself. */
  fills?: boolean;
  children: ComponentChildren;
}

export function Screen({ title, windowTitle, subtitle, up, actions, fills, children }: ScreenProps) {
  useEffect(() => {
    document.title = `${windowTitle} · Underpin`;
  }, [windowTitle]);
  return (
    <div class={`screen ${fills ? "fills" : ""}`}>
      <header class="screen-head">
        <div class="grow">
          {up && <a class="up" href={up.href}><Icon name="left" size={14} />{up.label}</a>}
          <h1 tabIndex={-1}>{title}</h1>
          {subtitle && <p class="soft">{subtitle}</p>}
        </div>
        {actions && <div class="row">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

export type NoticeTone = "info" | "good" | "warning" | "bad";
const NOTICE_ICONS: Record<NoticeTone, IconName> = { info: "info", good: "check", warning: "warning", bad: "error" };

/** A word to the reader inside the page; alert: said at once by screen readers, and brought into view where a dialog is scrolled. */
export function Notice({ tone = "info", alert, children }: { tone?: NoticeTone; alert?: boolean; children: ComponentChildren }) {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (alert && element.current!.closest("dialog")) element.current!.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <div ref={element} class={`notice ${tone}`} role={alert ? "alert" : undefined}>
      <Icon name={NOTICE_ICONS[tone]} />
      <div class="grow">{children}</div>
    </div>
  );
}

/** What failed and what to do about it. */
export function ProblemNotice({ problem }: { problem: Problem }) {
  return (
    <Notice tone="bad" alert>
      <strong>{problem.message}</strong>
      {problem.hint && <p>{problem.hint}</p>}
    </Notice>
  );
}

interface EmptyProps {
  icon: IconName;
  title: string;
  /** There is nothing else on the screen: the title is its heading. */
  alone?: boolean;
  children?: ComponentChildren;
  actions?: ComponentChildren;
}

/** Nothing there yet, and the first step. */
export function Empty({ icon, title, alone, children, actions }: EmptyProps) {
  return (
    <div class="empty">
      <Icon name={icon} size={32} />
      {alone ? <h1 tabIndex={-1}>{title}</h1> : <h2>{title}</h2>}
      {children && <div class="soft">{children}</div>}
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}

export function Loading({ label = "Reading…" }: { label?: string }) {
  return <p class="loading" role="status"><span class="spinner" aria-hidden="true" /> {label}</p>;
}

/** A point in time in local words; the exact one as the tooltip. */
export function Time({ at }: { at: string | null | undefined }) {
  return at ? <time dateTime={at} title={formatExact(at)}>{formatTime(at)}</time> : <span class="faint">–</span>;
}

export interface Share {
  value: number;
  tone: "good" | "warning" | "bad" | "accent" | "faint";
}

/** A bar of shares of a total, for example done, pending, failed. */
export function Progress({ label, total, shares, active }: { label: string; total: number; shares: Share[]; active?: boolean }) {
  const done = shares.reduce((sum, share) => sum + share.value, 0);
  return (
    <div class={`progress ${active ? "active" : ""}`} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={total || 1}
      aria-valuenow={total ? done : undefined}>
      {shares.map((share) => (
        <i key={share.tone} class={share.tone} style={{ width: `${total ? (100 * share.value) / total : 0}%` }} />
      ))}
    </div>
  );
}

/** Pairs of a word and what it says. */
export function Facts({ facts }: { facts: [string, ComponentChildren][] }) {
  return (
    <dl class="facts">
      {facts.map(([word, value]) => (
        <div key={word}>
          <dt>{word}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
