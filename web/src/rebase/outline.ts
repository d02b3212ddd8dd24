// Storage outlines side by side, aligned as the daemon aligns them (src/model/outline.c); pure.
import type { Volume } from "../types.ts";

export interface OutlineRow {
  left: Volume | null;
  right: Volume | null;
  differs: boolean;
}

const counted = (volumes: Volume[]) => volumes.filter((volume) => !volume.own);

/** lengths[i][j]: the longest common run of targets of left from i on and right from j on. */
function commonLengths(left: Volume[], right: Volume[]): number[][] {
  const lengths = Array.from({ length: left.length + 1 }, () => new Array<number>(right.length + 1).fill(0));
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      lengths[i]![j] = left[i]!.target === right[j]!.target ? lengths[i + 1]![j + 1]! + 1 : Math.max(lengths[i + 1]![j]!, lengths[i]![j + 1]!);
  return lengths;
}

/** Rows in order; a volume that only one side has stands alone in its row, so that one missing disk marks one row. */
export function alignOutlines(oldVolumes: Volume[], newVolumes: Volume[]): OutlineRow[] {
  const [left, right] = [counted(oldVolumes), counted(newVolumes)];
  const lengths = commonLengths(left, right);
  const rows: OutlineRow[] = [];
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    const [a, b] = [left[i] ?? null, right[j] ?? null];
    const isPair = a !== null && b !== null && a.target === b.target;
    const takesLeft = isPair || b === null || (a !== null && lengths[i + 1]![j]! >= lengths[i]![j + 1]!);
    const takesRight = isPair || !takesLeft;
    rows.push({ left: takesLeft ? a : null, right: takesRight ? b : null, differs: !isPair || a.role !== b.role });
    if (takesLeft) i++;
    if (takesRight) j++;
  }
  return rows;
}

export const fits = (rows: OutlineRow[]) => rows.every((row) => !row.differs);

/** Why an outline does not fit, in one phrase: "vdb is data instead of temporary; vdd is missing". */
export function describeDifference(rows: OutlineRow[]): string {
  return rows
    .filter((row) => row.differs)
    .map(({ left, right }) => {
      if (left && right) return `${right.target} is ${right.role} instead of ${left.role}`;
      return left ? `${left.target} (${left.role}) is missing` : `${right!.target} (${right!.role}) is one more`;
    })
    .join("; ");
}
