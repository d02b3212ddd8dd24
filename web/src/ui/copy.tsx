// A text to be copied: shown whole, with a button that puts it on the clipboard.
import { useState } from "preact/hooks";
import { Button } from "./button.tsx";
import "./copy.css";

interface CopyProps {
  label: string;
  text: string;
}

export function CopyText({ label, text }: CopyProps) {
  const [isCopied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(text);
    setCopied(Boolean(navigator.clipboard));
  };
  return (
    <div class="copy">
      <input class="input mono" readOnly aria-label={label} value={text} onFocus={(event) => event.currentTarget.select()} />
      <Button icon={isCopied ? "check" : "clone"} onClick={() => void copy()}>{isCopied ? "Copied" : "Copy"}</Button>
      <span class="hidden-text" role="status">{isCopied && "Copied"}</span>
    </div>
  );
}
