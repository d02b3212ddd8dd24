// The daemon's event stream: one for all tabs of a browser, because browsers open six connections to a host only.
//
// The tab that holds a lock reads the stream and passes everything on by a BroadcastChannel; when it is closed the next
// one gets the lock. A stream that breaks is resumed by the browser, which sends the number of the last event; where the
// daemon no longer holds what was missed (reset) everything is to be read anew. A route may also swallow all packets
// without a word; but the daemon is never silent for longer than a heartbeat, so silence means that it is out of reach.

export interface EventListener {
  /** One event, such as "machine" with its JSON. */
  event(type: string, data: unknown): void;
  /** The stream runs; mustRead: what was known may be stale. */
  connected(mustRead: boolean): void;
  /** silent: nothing comes, and nothing says so; requests under way would wait for ever. */
  lost(silent: boolean): void;
}

const TYPES = ["machine", "machine-removed", "job", "item", "layers", "host"];
const RETRY_MS = 2000;
/** The daemon's heartbeat comes every 10 seconds; a new stream greets at once. */
const SILENCE_MS = 25_000;
const GREETING_MS = 10_000;
const LOOK_MS = 1000;

type Message =
  | { kind: "event"; type: string; data: unknown }
  | { kind: "connected"; mustRead: boolean }
  | { kind: "lost"; silent: boolean }
  | { kind: "ask" }
  | { kind: "session" };

let channel: BroadcastChannel | null = null;

function hear(listener: EventListener, message: Message): void {
  if (message.kind === "event") listener.event(message.type, message.data);
  else if (message.kind === "connected") listener.connected(message.mustRead);
  else if (message.kind === "lost") listener.lost(message.silent);
  else if (message.kind === "session") location.assign("/");
}

/** Reads the stream for ever, telling this tab and the others. */
function lead(listener: EventListener): void {
  let isConnected = false;
  let heardAt = 0;
  let last = ""; // the number of the last event, to go on after it
  let source: EventSource;
  const tell = (message: Message) => {
    channel?.postMessage(message);
    hear(listener, message);
  };
  const heard = (event: MessageEvent) => {
    heardAt = performance.now();
    last = event.lastEventId;
  };
  const connected = (mustRead: boolean) => {
    isConnected = true;
    tell({ kind: "connected", mustRead });
  };
  const open = () => {
    heardAt = performance.now();
    let mustRead = last === "";
    source = new EventSource(`/api/v1/events${last && `?after=${last}`}`);
    source.addEventListener("hello", (event) => {
      heard(event);
      connected(mustRead);
      mustRead = false;
    });
    source.addEventListener("reset", (event) => {
      heard(event);
      connected(true);
    });
    source.addEventListener("heartbeat", heard);
    for (const type of TYPES)
      source.addEventListener(type, (event) => {
        heard(event);
        tell({ kind: "event", type, data: JSON.parse(event.data) });
      });
    source.onerror = () => lost(false);
  };
  const reopen = () => {
    if (source.readyState === EventSource.CLOSED) open();
  };
  const lost = (silent: boolean) => {
    isConnected = false;
    tell({ kind: "lost", silent });
    if (source.readyState === EventSource.CLOSED) setTimeout(reopen, RETRY_MS);
  };
  const giveUp = (silent: boolean) => {
    source.close();
    lost(silent);
  };
  setInterval(() => {
    const patience = isConnected ? SILENCE_MS : GREETING_MS;
    if (source.readyState !== EventSource.CLOSED && performance.now() - heardAt > patience) giveUp(true);
  }, LOOK_MS);
  // When the network goes or comes, a stream may hang for minutes before it breaks: it is opened anew.
  for (const type of ["offline", "online"]) addEventListener(type, () => giveUp(false));
  addEventListener("pagehide", () => source.close());
  channel?.addEventListener("message", ({ data }: MessageEvent<Message>) => {
    if (data.kind === "ask" && isConnected) channel?.postMessage({ kind: "connected", mustRead: false });
  });
  open();
}

/** Begins to listen; once a page. */
export function listenToEvents(listener: EventListener): void {
  if (!navigator.locks) {
    lead(listener);
    return;
  }
  channel = new BroadcastChannel("underpin");
  channel.addEventListener("message", ({ data }: MessageEvent<Message>) => hear(listener, data));
  channel.postMessage({ kind: "ask" });
  void navigator.locks.request("underpin-events", () => {
    lead(listener);
    return new Promise(() => {});
  });
}

/** Somebody has logged in or out: this tab and the others begin anew, this one at an address of its own. */
export function sessionChanged(to = "/"): void {
  new BroadcastChannel("underpin").postMessage({ kind: "session" });
  location.assign(to);
}
