// The store: its room, its layers, data of removed machines, and whether everything is in order.
import { get, getAll } from "../api.ts";
import { formatBytes } from "../format.ts";
import { useAsync } from "../hooks.ts";
import { submit } from "../run.tsx";
import { hasRole, layersVersion, status } from "../store.ts";
import type { KeptVolume, Layer, Storage } from "../types.ts";
import { Button } from "../ui/button.tsx";
import { confirm } from "../ui/dialog.tsx";
import { Loading, ProblemNotice, Screen } from "../ui/page.tsx";
import { Doctor } from "./doctor.tsx";
import { Kept } from "./kept.tsx";
import { Layers } from "./layers.tsx";
import { Room } from "./room.tsx";
import "./storage.css";

async function reclaim(storage: Storage): Promise<void> {
  const sure = await confirm({
    title: `Reclaim ${formatBytes(storage.reclaimable_bytes)}?`,
    body: <p>Images that nothing needs any more are deleted. Nothing that a machine, a layer, an undo entry or the trash still needs is touched.</p>,
    label: "Reclaim",
  });
  if (sure) await submit({ verb: "reclaim" });
}

/** What changes when room is taken or won. */
const roomVersion = () => `${layersVersion.value} ${status.value?.undo_entries} ${status.value?.kept_bytes} ${status.value?.reclaimable_bytes}`;

export function StorageScreen() {
  const version = roomVersion();
  const isAdmin = hasRole("administrator");
  const storage = useAsync(() => get<Storage>("/storage"), [version]);
  const layers = useAsync(() => getAll<Layer>("/layers?limit=1000"), [layersVersion.value]);
  const kept = useAsync(async () => (isAdmin ? getAll<KeptVolume>("/kept-volumes") : []), [version]);
  const problem = storage.problem ?? layers.problem ?? kept.problem;
  const why = storage.value?.reclaimable_bytes ? undefined : "There is nothing that nobody needs";
  const actions = isAdmin && storage.value && <Button icon="remove" why={why} onClick={() => void reclaim(storage.value!)}>Reclaim…</Button>;
  return (
    <Screen title="Storage" windowTitle="Storage" subtitle={status.value?.store.path && <code>{status.value.store.path}</code>} actions={actions}>
      {problem && <ProblemNotice problem={problem} />}
      {storage.value ? <Room storage={storage.value} /> : !problem && <Loading />}
      {layers.value && <Layers layers={layers.value} />}
      {isAdmin && kept.value && <Kept kept={kept.value} />}
      {isAdmin && <Doctor />}
    </Screen>
  );
}
