// The frame of the screens for those who are not in yet: the name of the house, and one card.
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { Mark } from "../ui/mark.tsx";
import "./front.css";

interface FrontProps {
  title: string;
  onSubmit?: () => void;
  children: ComponentChildren;
}

export function Front({ title, onSubmit, children }: FrontProps) {
  useEffect(() => {
    document.title = `${title} · Underpin`;
  }, [title]);
  const submit = (event: Event) => {
    event.preventDefault();
    onSubmit?.();
  };
  return (
    <main class="front">
      <p class="front-brand"><Mark size={32} /> Underpin</p>
      <form class="panel front-card" noValidate onSubmit={submit}>
        <h1 tabIndex={-1}>{title}</h1>
        {children}
      </form>
    </main>
  );
}
