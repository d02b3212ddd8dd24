// Line icons on a grid of 16, drawn with the colour of the text beside them.

const PATHS = {
  bases: "M3 3.5h10v3H3zM2 8.5h12M1 12.5h14",
  machines: "M2 3h12v8H2zM6 14h4M8 11v3",
  jobs: "M3 4l1.5 1.5L7 3M9 4.5h5M3 10l1.5 1.5L7 9M9 10.5h5",
  storage: "M2.5 4c0-1 2.5-1.7 5.5-1.7s5.5.7 5.5 1.7-2.5 1.7-5.5 1.7S2.5 5 2.5 4zM2.5 4v8c0 1 2.5 1.7 5.5 1.7s5.5-.7 5.5-1.7V4M2.5 8c0 1 2.5 1.7 5.5 1.7S13.5 9 13.5 8",
  accounts: "M5.5 7.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5zM1 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4M11 7.3a2.2 2.2 0 100-4.3M12 9.7c1.8.4 3 1.8 3 3.8",
  audit: "M3 2h7l3 3v9H3zM10 2v3h3M5.5 8h5M5.5 11h5",
  settings: "M2 4.5h6M12 4.5h2M10 2.5v4M2 11.5h2M8 11.5h6M6 9.5v4",
  menu: "M2 4h12M2 8h12M2 12h12",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  close: "M4 4l8 8M12 4l-8 8",
  search: "M7 12A5 5 0 107 2a5 5 0 000 10zM10.7 10.7L14 14",
  right: "M6 3.5L10.5 8 6 12.5",
  down: "M3.5 6L8 10.5 12.5 6",
  left: "M10 3.5L5.5 8 10 12.5",
  check: "M3 8.5l3.5 3.5L13 4.5",
  plus: "M8 3v10M3 8h10",
  start: "M5 3l8 5-8 5z",
  stop: "M4 4h8v8H4z",
  power: "M8 2v6M4.5 4.5a5 5 0 107 0",
  reboot: "M13 8a5 5 0 11-1.5-3.5M13 2v3h-3",
  console: "M2 3h12v10H2zM4.5 6l2 2-2 2M8.5 10h3",
  undo: "M6 3L2.5 6.5 6 10M2.5 6.5H10a3.5 3.5 0 010 7H7",
  restore: "M3 8a5 5 0 105-5H3.5M6 .500L3.5 3 6 5.5",
  rebase: "M2 13h12M4 10h8M8 1.5V7M5.5 4.5L8 7l2.5-2.5",
  clone: "M5 5V2.5h8.5V11H11M2.5 5H11v8.5H2.5z",
  hold: "M5.5 3v10M10.5 3v10",
  release: "M3.5 3v10M7 3l7 5-7 5z",
  detach: "M6 10L3.8 12.2M10 6l2.2-2.2M5 2v2M2 5h2M11 12v2M12 11h2M6.5 4.5L8 3a3.5 3.5 0 015 5l-1.5 1.5M9.5 11.5L8 13a3.5 3.5 0 01-5-5l1.5-1.5",
  remove: "M2.5 4h11M6 4V2.5h4V4M4 4l.7 9.5h6.6L12 4M6.7 6.5v4.5M9.3 6.5v4.5",
  seal: "M8 1.5l5.5 2v4.3c0 3-2.2 5.5-5.5 6.7-3.3-1.2-5.5-3.7-5.5-6.7V3.5zM5.5 8l2 2 3.5-4",
  import: "M8 2v8M4.5 6.5L8 10l3.5-3.5M2.5 13.5h11",
  export: "M8 10V2M4.5 5.5L8 2l3.5 3.5M2.5 13.5h11",
  warning: "M8 2L14.5 13.5h-13zM8 6.5v3.5M8 12h.01",
  error: "M8 14.5a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM8 4.5V9M8 11.5h.01",
  info: "M8 14.5a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM8 7.5v4M8 4.7h.01",
  clock: "M8 14.5a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM8 4.5V8l2.5 1.5",
  light: "M8 11a3 3 0 100-6 3 3 0 000 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9L13 13M13 3l-1.1 1.1M4.1 11.9L3 13",
  leave: "M9.5 2.5H3v11h6.5M7 8h7.5M11.5 5l3 3-3 3",
  help: "M8 14.5a6.5 6.5 0 100-13 6.5 6.5 0 000 13zM6 6.2C6 5 6.9 4.3 8 4.3s2 .8 2 1.8c0 1.5-2 1.5-2 3M8 11.7h.01",
  key: "M10.5 8.5a3.5 3.5 0 10-3.2-2.2L2 11.5V14h2.5v-1.5H6V11h1.5l1.2-2.7a3.5 3.5 0 001.8.200zM11 5h.01",
  keys: "M1.5 4h13v8h-13zM4 6.5h.01M6.5 6.5h.01M9 6.5h.01M11.5 6.5h.01M5 9.5h6",
  outline: "M2 3h12v3H2zM2 10h12v3H2z",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 16 16" fill="none" stroke="currentColor" stroke-width="1.5"
      stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
