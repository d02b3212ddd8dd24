// Fields of forms: the label above, help below, and what is wrong right beside it.
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import { Icon } from "./icon.tsx";
import "./field.css";

interface FieldProps {
  label: string;
  help?: ComponentChildren;
  /** What is wrong with the value; empty or undefined: nothing. */
  error?: string | undefined;
}

interface Wiring {
  id: string;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

/** A label, a control (given what ties it to the texts), help and error. */
export function Field({ label, help, error, children }: FieldProps & { children: (wiring: Wiring) => ComponentChildren }) {
  const id = useId();
  const described = [help && `${id}-help`, error && `${id}-error`].filter(Boolean).join(" ");
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, "aria-describedby": described || undefined, "aria-invalid": error ? true : undefined })}
      {help && <p class="help" id={`${id}-help`}>{help}</p>}
      {error && <p class="error" id={`${id}-error`}><Icon name="error" size={14} /> {error}</p>}
    </div>
  );
}

interface TextProps extends FieldProps {
  value: string;
  onInput: (value: string) => void;
  type?: "text" | "password" | "number" | "search";
  autocomplete?: string;
  placeholder?: string;
  min?: number;
  max?: number;
  maxLength?: number;
  autofocus?: boolean;
  required?: boolean;
}

export function TextField({ label, help, error, value, onInput, type = "text", autocomplete = "off", ...rest }: TextProps) {
  return (
    <Field label={label} help={help} error={error}>
      {(wiring) => (
        <input {...wiring} {...rest} type={type as "text"} class="input" value={value} autocomplete={autocomplete} spellcheck={false} autocapitalize="off"
          onInput={(event) => onInput(event.currentTarget.value)} />
      )}
    </Field>
  );
}

export interface Choice<T extends string> {
  value: T;
  label: string;
  help?: ComponentChildren;
}

interface ChoiceProps<T extends string> extends FieldProps {
  value: T;
  choices: Choice<T>[];
  onChange: (value: T) => void;
}

export function SelectField<T extends string>({ label, help, error, value, choices, onChange }: ChoiceProps<T>) {
  return (
    <Field label={label} help={help} error={error}>
      {(wiring) => (
        <select {...wiring} class="input" value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {choices.map((choice) => <option key={choice.value} value={choice.value}>{choice.label}</option>)}
        </select>
      )}
    </Field>
  );
}

/** One of few, each with a word of help: radio buttons. */
export function RadioField<T extends string>({ label, error, value, choices, onChange }: ChoiceProps<T>) {
  const name = useId();
  return (
    <fieldset class="field choices">
      <legend>{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} class="choice">
          <input type="radio" name={name} checked={choice.value === value} onChange={() => onChange(choice.value)} />
          <span>{choice.label}{choice.help && <small>{choice.help}</small>}</span>
        </label>
      ))}
      {error && <p class="error"><Icon name="error" size={14} /> {error}</p>}
    </fieldset>
  );
}

export function CheckField({ label, help, checked, onChange }: { label: ComponentChildren; help?: ComponentChildren; checked: boolean; onChange: (checked: boolean) => void }) {
  return (
    <label class="choice">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}{help && <small>{help}</small>}</span>
    </label>
  );
}
