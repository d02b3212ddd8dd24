// The addresses of machines, for both kinds of people: those who run the house, and those who use a machine of it.
import { MyMachinesScreen, MyMachineScreen } from "../mine/mine.tsx";
import { hasRole } from "../store.ts";
import { MachinesScreen } from "./list.tsx";
import { MachineScreen } from "./page.tsx";

export function MachinesForAll() {
  return hasRole("operator") ? <MachinesScreen /> : <MyMachinesScreen />;
}

export function MachineForAll({ params }: { params: Record<string, string> }) {
  return hasRole("operator") ? <MachineScreen params={params} /> : <MyMachineScreen params={params} />;
}
