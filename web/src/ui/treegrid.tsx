// A treegrid (WAI-ARIA) for tens of thousands of rows: only those in sight exist.
//
// The focus stays on the grid and aria-activedescendant names the row, so that a row may vanish from the document while
// it is out of sight. Rows have one height, --row. Elements are used again for other rows while one scrolls, and a row
// that has not changed is not rendered again.
import { signal } from "@preact/signals";
import { type ComponentChildren, Component, type RefObject } from "preact";
import { useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { visibleRange } from "./range.ts";
import "./treegrid.css";

export interface GridRow {
  id: string;
  level: number;
  text: string;
  expanded?: boolean;
  position: number;
  siblings: number;
}

export interface GridColumn<R> {
  id: string;
  head: ComponentChildren;
  number?: boolean;
  cell: (row: R) => ComponentChildren;
}

export interface TreeGridProps<R extends GridRow> {
  label: string;
  rows: R[];
  columns: GridColumn<R>[];
  /** The content of the first column, after the arrow. */
  name: (row: R) => ComponentChildren;
  nameHead: string;
  /** What floats at the row's end while the mouse is there. */
  tools?: (row: R) => ComponentChildren;
  rowClass?: (row: R) => string;
  /** "mixed": some of what is below it. */
  selection: (row: R) => boolean | "mixed";
  select: (rows: R[], on: boolean) => void;
  selectAll: (on: boolean) => void;
  toggle: (row: R, open: boolean) => void;
  open: (row: R) => void;
  menu: (row: R, at: Element | { x: number; y: number }) => void;
  /** Hears which rows are in sight, when that has been so for a moment. */
  onShow?: (rows: R[]) => void;
}

const OVERSCAN = 8;
const TYPE_AHEAD_MS = 700;
const SHOW_MS = 200;

/** The height of a row in pixels: --row, in rem. */
function rowHeight(): number {
  const style = getComputedStyle(document.documentElement);
  return parseFloat(style.getPropertyValue("--row")) * parseFloat(style.fontSize);
}

/** Where one is in each grid, kept while other screens are shown. */
const places = new Map<string, { active: string; top: number }>();

export function TreeGrid<R extends GridRow>(props: TreeGridProps<R>) {
  const { rows, columns, label } = props;
  const id = useId();
  const grid = useRef<HTMLDivElement>(null);
  const height = useMemo(rowHeight, []);
  const [view, setView] = useState({ top: places.get(label)?.top ?? 0, height: 800 });
  const [activeId, setActiveId] = useState(places.get(label)?.active ?? "");
  const anchor = useRef("");
  const typed = useMemo(() => signal({ text: "", at: 0 }), []);
  const found = rows.findIndex((row) => row.id === activeId);
  const active = found >= 0 ? found : 0;

  useLayoutEffect(() => {
    const element = grid.current!;
    element.scrollTop = view.top;
    const observer = new ResizeObserver(() => setView((before) => ({ ...before, height: element.clientHeight })));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const range = visibleRange(view.top, view.height, height, rows.length, OVERSCAN);
  useEffect(() => {
    places.set(label, { active: activeId, top: view.top });
    const timer = setTimeout(() => props.onShow?.(rows.slice(range.first, range.end)), SHOW_MS);
    return () => clearTimeout(timer);
  }, [range.first, range.end, rows, activeId]);

  const reveal = (index: number) => {
    const element = grid.current!;
    const head = element.querySelector<HTMLElement>(".grid-head")!.offsetHeight;
    const [top, bottom] = [index * height, (index + 1) * height + head];
    if (top < element.scrollTop) element.scrollTop = top;
    else if (bottom > element.scrollTop + element.clientHeight) element.scrollTop = bottom - element.clientHeight;
  };
  const go = (index: number) => {
    const to = Math.max(0, Math.min(rows.length - 1, index));
    if (!rows[to]) return;
    setActiveId(rows[to].id);
    reveal(to);
  };
  const selectTo = (index: number) => {
    const from = rows.findIndex((row) => row.id === anchor.current);
    const [first, last] = from < 0 ? [index, index] : [Math.min(from, index), Math.max(from, index)];
    props.select(rows.slice(first, last + 1), true);
  };
  const toggleSelected = (index: number, isRange: boolean) => {
    const row = rows[index]!;
    if (isRange) selectTo(index);
    else props.select([row], props.selection(row) !== true);
    anchor.current = row.id;
  };
  const right = (row: R) => (row.expanded === false ? props.toggle(row, true) : row.expanded && go(active + 1));
  const left = (row: R) => {
    if (row.expanded) props.toggle(row, false);
    else if (row.level > 1) go(rows.slice(0, active).map((other) => other.level < row.level).lastIndexOf(true));
  };
  const menuAtRow = (row: R) => props.menu(row, document.getElementById(`${id}-${row.id}`) ?? grid.current!);
  const typeAhead = (key: string, now: number) => {
    typed.value = { text: now - typed.value.at > TYPE_AHEAD_MS ? key : typed.value.text + key, at: now };
    const text = typed.value.text.toLowerCase();
    const start = text.length > 1 ? active : active + 1;
    const order = [...rows.slice(start), ...rows.slice(0, start)];
    const hit = order.find((row) => row.text.toLowerCase().startsWith(text));
    if (hit) go(rows.indexOf(hit));
  };
  const page = Math.max(1, Math.floor(view.height / height) - 2);
  const onKeyDown = (event: KeyboardEvent) => {
    const row = rows[active];
    if (!row || event.target !== grid.current) return;
    const keys: Record<string, () => void> = {
      ArrowDown: () => go(active + 1),
      ArrowUp: () => go(active - 1),
      PageDown: () => go(active + page),
      PageUp: () => go(active - page),
      Home: () => go(0),
      End: () => go(rows.length - 1),
      ArrowRight: () => right(row),
      ArrowLeft: () => left(row),
      Enter: () => props.open(row),
      " ": () => toggleSelected(active, event.shiftKey),
      Escape: () => props.selectAll(false),
      ContextMenu: () => menuAtRow(row),
      "*": () => rows.forEach((other) => other.expanded === false && props.toggle(other, true)),
    };
    if (event.key === "F10" && event.shiftKey) menuAtRow(row);
    else if (event.ctrlKey && event.key === "a") props.selectAll(true);
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (keys[event.key]) keys[event.key]!();
    else if (event.key.length === 1 && !"?/".includes(event.key)) typeAhead(event.key, event.timeStamp);
    else return;
    if (event.shiftKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) selectTo(active + (event.key === "ArrowDown" ? 1 : -1));
    event.preventDefault();
  };
  const handle = useRef<Handle<R>>(null!);
  handle.current = {
    ...props,
    press: (row) => setActiveId(row.id),
    tick: (row, isRange) => {
      setActiveId(row.id);
      toggleSelected(rows.findIndex((other) => other.id === row.id), isRange);
    },
  };
  const slots = Math.ceil(view.height / height) + 2 * OVERSCAN + 2;
  const all = rows.length > 0 && rows.every((row) => props.selection(row) === true);
  return (
    <div ref={grid} class="treegrid takes-keys" role="treegrid" tabIndex={0} aria-label={label} aria-multiselectable={true} aria-rowcount={rows.length + 1}
      aria-activedescendant={rows[active] && active >= range.first && active < range.end ? `${id}-${rows[active].id}` : undefined}
      onKeyDown={onKeyDown} onScroll={(event) => setView({ ...view, top: event.currentTarget.scrollTop })}
      onBlur={() => (typed.value = { text: "", at: 0 })} onFocus={() => anchor.current === "" && (anchor.current = rows[active]?.id ?? "")}>
      <div class="grid-head grid-row" role="row" aria-rowindex={1}>
        <span role="columnheader" class="cell-tick">
          <button type="button" tabIndex={-1} class="tick" aria-label={all ? "Select nothing" : "Select all"} title={all ? "Select nothing" : "Select all"} data-on={all} onClick={() => props.selectAll(!all)}>{all && <Icon name="check" size={12} />}</button>
        </span>
        <span role="columnheader" class="cell-name">{props.nameHead}</span>
        {columns.map((column) => <span key={column.id} role="columnheader" class={`cell-${column.id} ${column.number ? "number" : ""}`}>{column.head}</span>)}
        <span role="columnheader" class="cell-menu"><span class="hidden-text">Menu</span></span>
      </div>
      <div class="grid-body" role="presentation" style={{ height: `${rows.length * height}px` }}>
        {rows.slice(range.first, range.end).map((row, offset) => {
          const index = range.first + offset;
          return <Row key={index % slots} id={`${id}-${row.id}`} row={row} index={index} height={height} isActive={index === active} columns={columns} grid={handle} />;
        })}
      </div>
    </div>
  );
}

/** What rows call: always the newest, though the rows themselves are not rendered again. */
interface Handle<R extends GridRow> extends TreeGridProps<R> {
  press: (row: R) => void;
  tick: (row: R, isRange: boolean) => void;
}

interface RowProps<R extends GridRow> {
  id: string;
  row: R;
  index: number;
  height: number;
  isActive: boolean;
  columns: GridColumn<R>[];
  grid: RefObject<Handle<R>>;
}

function sameFields(a: object, b: object): boolean {
  const keys = Object.keys(a) as (keyof typeof a)[];
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

class Row<R extends GridRow> extends Component<RowProps<R>> {
  /** Another state is how signals ask for a new rendering. */
  override shouldComponentUpdate(next: RowProps<R>, nextState: object): boolean {
    if (nextState !== this.state) return true;
    const { row, ...rest } = this.props;
    const { row: nextRow, ...nextRest } = next;
    return !sameFields(rest, nextRest) || !sameFields(row, nextRow);
  }

  override render({ id, row, index, height, isActive, columns, grid }: RowProps<R>) {
    const { selection, rowClass, name, tools } = grid.current!;
    const state = selection(row);
    const onContextMenu = (event: MouseEvent) => {
      event.preventDefault();
      grid.current!.press(row);
      grid.current!.menu(row, { x: event.clientX, y: event.clientY });
    };
    return (
      <div id={id} role="row" class={`grid-row level-${row.level} ${isActive ? "active" : ""} ${rowClass?.(row) ?? ""}`} aria-level={row.level} aria-rowindex={index + 2}
        aria-posinset={row.position} aria-setsize={row.siblings} aria-expanded={row.expanded} aria-selected={state === true}
        style={{ top: `${index * height}px` }} onClick={() => grid.current!.press(row)} onDblClick={() => grid.current!.open(row)} onContextMenu={onContextMenu}>
        <span role="gridcell" class="cell-tick" onClick={(event) => grid.current!.tick(row, event.shiftKey)} onDblClick={(event) => event.stopPropagation()}>
          <i class="tick" data-on={state !== false} aria-hidden="true">{state === "mixed" ? <b /> : state && <Icon name="check" size={12} />}</i>
        </span>
        <span role="gridcell" class="cell-name">
          <Arrow row={row} onToggle={() => grid.current!.toggle(row, !row.expanded)} />
          {name(row)}
        </span>
        {columns.map((column) => <span key={column.id} role="gridcell" class={`cell-${column.id} ${column.number ? "number" : ""}`}>{column.cell(row)}</span>)}
        <span role="gridcell" class="cell-menu">
          {tools && <span class="tools">{tools(row)}</span>}
          <button type="button" tabIndex={-1} class="row-menu" aria-label={`Menu of ${row.text}`} onClick={(event) => grid.current!.menu(row, event.currentTarget)}><Icon name="more" /></button>
        </span>
      </div>
    );
  }
}

function Arrow({ row, onToggle }: { row: GridRow; onToggle: () => void }) {
  if (row.expanded === undefined) return <span class="arrow" />;
  return <span class="arrow" data-open={row.expanded} onClick={onToggle} onDblClick={(event) => event.stopPropagation()} aria-hidden="true"><Icon name="right" size={14} /></span>;
}
