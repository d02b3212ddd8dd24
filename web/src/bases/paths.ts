// Addresses of the pages of bases and machines.

export const basePath = (base: { name: string }) => `/bases/${encodeURIComponent(base.name)}`;
export const machinePage = (machine: { name: string }) => `/machines/${encodeURIComponent(machine.name)}`;
