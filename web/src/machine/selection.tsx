// What can be done to all machines that are selected.
import { allowedActions, suited } from "../actions.tsx";
import { count } from "../format.ts";
import type { Machine } from "../types.ts";
import { Button } from "../ui/button.tsx";
import "./selection.css";

export function SelectionBar({ chosen, clear }: { chosen: Machine[]; clear: () => void }) {
  if (chosen.length === 0) return null;
  const actions = allowedActions().filter((action) => !action.single && suited(action, chosen).length > 0);
  return (
    <div class="selection-bar" role="region" aria-label="Selection">
      <b aria-live="polite">{count(chosen.length, "machine")} selected</b>
      <div class="row grow">
        {actions.map((action) => {
          const those = suited(action, chosen);
          return (
            <Button key={action.id} small icon={action.icon} onClick={() => action.run(those)}>
              {action.label}{those.length < chosen.length && <small> ({those.length.toLocaleString()})</small>}
            </Button>
          );
        })}
      </div>
      <Button small kind="quiet" icon="close" onClick={clear}>Clear</Button>
    </div>
  );
}
