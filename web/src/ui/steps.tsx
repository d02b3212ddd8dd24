// Where one is in a dialog of several steps.
import { Icon } from "./icon.tsx";
import "./steps.css";

export function Steps({ steps, current, onGo }: { steps: string[]; current: number; onGo?: (step: number) => void }) {
  return (
    <ol class="steps">
      {steps.map((step, index) => (
        <li key={step} class={index < current ? "past" : ""} aria-current={index === current ? "step" : undefined}>
          <button type="button" disabled={!onGo || index >= current} onClick={() => onGo?.(index)}>
            <span class="step-number" aria-hidden="true">{index < current ? <Icon name="check" size={12} /> : index + 1}</span>
            {step}
          </button>
        </li>
      ))}
    </ol>
  );
}
