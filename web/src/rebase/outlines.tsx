// Two outlines side by side, what differs marked by a sign and a colour.
import { formatBytes } from "../format.ts";
import type { Volume } from "../types.ts";
import { RoleName } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import type { OutlineRow } from "./outline.ts";
import "./outlines.css";

function Side({ volume }: { volume: Volume | null }) {
  if (!volume) return <td class="faint">none</td>;
  return <td><code>{volume.target}</code> <RoleName role={volume.role} /> <span class="faint">{formatBytes(volume.capacity_bytes)}</span></td>;
}

export function Outlines({ left, right, rows }: { left: string; right: string; rows: OutlineRow[] }) {
  return (
    <table class="outlines">
      <caption class="hidden-text">Outlines of {left} and {right}</caption>
      <thead><tr><td /><th scope="col">{left}</th><th scope="col">{right}</th></tr></thead>
      <tbody>
        {rows.map((row, index) => (
          <tr key={index} class={row.differs ? "differs" : ""}>
            <td>{row.differs ? <><Icon name="close" size={14} /><span class="hidden-text">differs</span></> : <><Icon name="check" size={14} /><span class="hidden-text">equal</span></>}</td>
            <Side volume={row.left} />
            <Side volume={row.right} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}
