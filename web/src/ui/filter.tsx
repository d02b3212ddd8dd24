// A row of chips of which one is chosen: narrows a list.
import "./filter.css";

interface FilterChoice<T extends string> {
  value: T;
  label: string;
  count?: number;
}

interface FilterProps<T extends string> {
  label: string;
  choices: FilterChoice<T>[];
  value: T;
  onChange: (value: T) => void;
}

export function FilterChips<T extends string>({ label, choices, value, onChange }: FilterProps<T>) {
  return (
    <div class="filter-chips" role="group" aria-label={label}>
      {choices.map((choice) => (
        <button key={choice.value} type="button" aria-pressed={choice.value === value} onClick={() => onChange(choice.value)}>
          {choice.label}
          {choice.count !== undefined && <span>{choice.count.toLocaleString()}</span>}
        </button>
      ))}
    </div>
  );
}
