// Addresses inside the page: the browser's history as a signal, and links that do not load the page again.
import { signal } from "@preact/signals";

export const address = signal({ path: location.pathname, query: new URLSearchParams(location.search) });

function read(): void {
  address.value = { path: location.pathname, query: new URLSearchParams(location.search) };
}

/** Goes to an address of the page; replace: the one before is not kept in the history. */
export function navigate(to: string, replace = false): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  read();
}

/** Changes one parameter of the query in place; empty removes it. */
export function setQuery(name: string, value: string): void {
  const query = new URLSearchParams(address.value.query);
  if (value) query.set(name, value);
  else query.delete(name);
  const text = query.toString();
  navigate(address.value.path + (text ? `?${text}` : ""), true);
}

/** The named parts of a path, or null: match("/jobs/:id", "/jobs/7") is {id: "7"}. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.replace(/(.)\/$/, "$1").split("/");
  if (wanted.length !== given.length) return null;
  const found: Record<string, string> = {};
  for (const [index, part] of wanted.entries()) {
    const text = given[index]!;
    if (part.startsWith(":") && text) found[part.slice(1)] = decode(text);
    else if (part !== text) return null;
  }
  return found;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function onClick(event: MouseEvent): void {
  const link = (event.target as Element).closest?.("a[href]") as HTMLAnchorElement | null;
  const isPlain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
  if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || link.pathname.startsWith("/api/") || link.getAttribute("href")!.startsWith("#")) return;
  event.preventDefault();
  navigate(link.pathname + link.search + link.hash);
}

/** Begins to follow links and the browser's buttons; once a page. */
export function startRouter(): void {
  addEventListener("popstate", read);
  document.addEventListener("click", onClick);
}
