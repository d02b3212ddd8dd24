// What narrows a list of machines: a part of the name, and the state that they are in.
import { computed } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { countStates, type StateFilter } from "../bases/tree.ts";
import { setQuery } from "../router.ts";
import { machineList } from "../store.ts";
import { FilterChips } from "../ui/filter.tsx";
import { Icon } from "../ui/icon.tsx";
import "./filter.css";

export const stateCounts = computed(() => countStates(machineList.value));

const STATES: [StateFilter, string][] = [["all", "All"], ["running", "Running"], ["off", "Off"], ["pending", "Pending"], ["held", "On hold"], ["behind", "Behind"], ["undo", "With undo"]];

/** The state that an address names. */
export const readState = (text: string | null): StateFilter => STATES.find(([value]) => value === text)?.[0] ?? "all";

/** Kept in the address: q and state. */
export function MachineFilter({ text, state, children }: { text: string; state: StateFilter; children?: ComponentChildren }) {
  const counts = stateCounts.value;
  const choices = STATES.filter(([value]) => value === "all" || value === state || counts[value] > 0).map(([value, label]) => ({ value, label, count: counts[value] }));
  return (
    <div class="row filter-row">
      <div class="search">
        <Icon name="search" />
        <input class="input" type="search" data-filter placeholder="Filter by name" aria-label="Filter by name" value={text}
          onInput={(event) => setQuery("q", event.currentTarget.value)}
          onKeyDown={(event) => event.key === "ArrowDown" && document.querySelector<HTMLElement>("[role=treegrid]")?.focus()} />
      </div>
      {children}
      <FilterChips label="State" choices={choices} value={state} onChange={(value) => setQuery("state", value === "all" ? "" : value)} />
    </div>
  );
}
