// A field for a password, with a button that shows what was typed.
import { useState } from "preact/hooks";
import { Field } from "./field.tsx";
import "./password.css";

interface PasswordProps {
  label: string;
  help?: string;
  error?: string | undefined;
  value: string;
  onInput: (value: string) => void;
  /** For password managers: whether one is asked for or made. */
  autocomplete: "current-password" | "new-password";
  autofocus?: boolean;
}

export function PasswordField({ label, help, error, value, onInput, autocomplete, autofocus = false }: PasswordProps) {
  const [isShown, setShown] = useState(false);
  return (
    <Field label={label} help={help} error={error}>
      {(wiring) => (
        <span class="password">
          <input {...wiring} class="input" type={(isShown ? "text" : "password") as "text"} name={autocomplete} value={value} autocomplete={autocomplete} autofocus={autofocus}
            spellcheck={false} autocapitalize="off" maxLength={1024} required onInput={(event) => onInput(event.currentTarget.value)} />
          <button type="button" aria-pressed={isShown} onClick={() => setShown(!isShown)}>
            {isShown ? "Hide" : "Show"}<span class="hidden-text"> {label.toLowerCase()}</span>
          </button>
        </span>
      )}
    </Field>
  );
}
