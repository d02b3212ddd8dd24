// Tables with sortable columns, inside a frame that scrolls sideways on small screens; long ones come in portions.
import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import { compareNames } from "../format.ts";
import { Button } from "./button.tsx";
import { Icon } from "./icon.tsx";
import "./table.css";

export interface Column<T> {
  head: string;
  cell: (row: T) => ComponentChildren;
  /** What rows are sorted by; without it the column cannot be. */
  sort?: (row: T) => string | number;
  /** Figures: to the right. */
  number?: boolean;
  /** The row's heading for screen readers: its name. */
  heading?: boolean;
}

interface TableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string;
  /** Shown where there is no row. */
  empty?: ComponentChildren;
}

interface Order {
  column: number;
  descending: boolean;
}

const PORTION = 200;

function sorted<T>(rows: T[], columns: Column<T>[], order: Order | null): T[] {
  const value = order && columns[order.column]?.sort;
  if (!value) return rows;
  const compare = (a: T, b: T) => {
    const [left, right] = [value(a), value(b)];
    return typeof left === "number" && typeof right === "number" ? left - right : compareNames(String(left), String(right));
  };
  return [...rows].sort((a, b) => (order.descending ? compare(b, a) : compare(a, b)));
}

/** Ascending, descending, as it came. */
function nextOrder(order: Order | null, column: number): Order | null {
  if (order?.column !== column) return { column, descending: false };
  return order.descending ? null : { column, descending: true };
}

interface HeadProps<T> {
  column: Column<T>;
  direction: "ascending" | "descending" | undefined;
  onPress: () => void;
}

function Head<T>({ column, direction, onPress }: HeadProps<T>) {
  return (
    <th scope="col" class={column.number ? "number" : ""} aria-sort={direction}>
      {column.sort ? (
        <button type="button" class="sort" onClick={onPress}>
          {column.head}
          {direction && <Icon name="down" size={12} />}
        </button>
      ) : column.head}
    </th>
  );
}

function Cell<T>({ column, row }: { column: Column<T>; row: T }) {
  const kind = column.number ? "number" : "";
  return column.heading ? <th scope="row" class={kind}>{column.cell(row)}</th> : <td class={kind} data-head={column.head}><div>{column.cell(row)}</div></td>;
}

export function Table<T>({ label, columns, rows, rowKey, empty }: TableProps<T>) {
  const [order, setOrder] = useState<Order | null>(null);
  const [limit, setLimit] = useState(PORTION);
  if (rows.length === 0 && empty) return <>{empty}</>;
  const shown = sorted(rows, columns, order).slice(0, limit);
  const direction = (index: number) => (order?.column !== index ? undefined : order.descending ? "descending" : "ascending");
  return (
    <div class="table-frame" role="region" aria-label={label} tabIndex={0}>
      <table class="table">
        <thead>
          <tr>
            {columns.map((column, index) => (
              <Head key={column.head} column={column} direction={direction(index)} onPress={() => setOrder(nextOrder(order, index))} />
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => <tr key={rowKey(row)}>{columns.map((column) => <Cell key={column.head} column={column} row={row} />)}</tr>)}
        </tbody>
      </table>
      {rows.length > limit && (
        <p class="table-more">
          <span class="soft">{limit.toLocaleString()} of {rows.length.toLocaleString()} shown</span>
          <Button small onClick={() => setLimit(limit + PORTION)}>Show {Math.min(PORTION, rows.length - limit)} more</Button>
        </p>
      )}
    </div>
  );
}
