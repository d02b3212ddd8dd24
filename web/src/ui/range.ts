// Which rows of a long list are in sight; pure.

export interface Range {
  first: number;
  /** One past the last. */
  end: number;
}

/** Rows of one height in a view of some pixels that is scrolled by top; a few more before and after. */
export function visibleRange(top: number, viewHeight: number, rowHeight: number, count: number, overscan: number): Range {
  const first = Math.max(0, Math.floor(top / rowHeight) - overscan);
  const end = Math.min(count, Math.ceil((top + viewHeight) / rowHeight) + overscan);
  return { first: Math.min(first, Math.max(0, end - 1)), end };
}
