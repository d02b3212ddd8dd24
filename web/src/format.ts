// Figures for people: sizes in binary units as the command line prints them, local times, durations.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** 1.2 GiB, 850 MiB, 0 B: at most three digits. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return `${value.toFixed(digits).replace(/\.0$/, "")} ${UNITS[unit]}`;
}

/** under 1 s, 45 s, 3 min, 1 h 20 min, 2 d 4 h. */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return "under 1 s";
  const whole = Math.round(seconds);
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${hours / 24} d`;
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });

/** The whole time, to the second. */
export function formatExact(at: string): string {
  return exact.format(new Date(at));
}

/** As short as it can be told: today 09:31, yesterday 17:02, 4 Mar 09:31, 4 Mar 2024. */
export function formatTime(at: string, now = new Date()): string {
  const date = new Date(at);
  const days = Math.round((startOfDay(now) - startOfDay(date)) / 86_400_000);
  if (days === 0) return `today ${clock.format(date)}`;
  if (days === 1) return `yesterday ${clock.format(date)}`;
  if (date.getFullYear() === now.getFullYear()) return `${day.format(date)} ${clock.format(date)}`;
  return dayOfYear.format(date);
}

function startOfDay(date: Date): number {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** "1 clone", "2 clones": a count with its noun. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString()} ${number === 1 ? noun : plural}`;
}

/** "pending" as the beginning of a line. */
export const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

/** Names in the order of people: lab-2 before lab-10. */
export const compareNames = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;

/** "a, b and 3 more". */
export function listNames(names: string[], shown = 3): string {
  if (names.length <= shown + 1) return names.join(", ");
  return `${names.slice(0, shown).join(", ")} and ${names.length - shown} more`;
}

/** "The name is taken.": the daemon's phrases begin small, for they follow a colon on the command line. */
export function sentence(phrase: string): string {
  const text = phrase.trim();
  if (!text) return "";
  return text[0]!.toUpperCase() + text.slice(1) + (/[.!?:…]$/.test(text) ? "" : ".");
}
