// A part of a screen: its heading, a word on it, what can be done there, and its content.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./section.css";

interface SectionProps {
  title: string;
  note?: ComponentChildren;
  actions?: ComponentChildren;
  children: ComponentChildren;
}

export function Section({ title, note, actions, children }: SectionProps) {
  const id = useId();
  return (
    <section class="section" aria-labelledby={id}>
      <header class="row">
        <h2 id={id}>{title}</h2>
        {note && <p class="soft">{note}</p>}
        <span class="grow" />
        {actions}
      </header>
      {children}
    </section>
  );
}
