// The daemon's event stream: one for all tabs of a browser, because browsers open six connections to a host only.
//
// The tab that holds a lock reads the stream and passes everything on by a BroadcastChannel; when it is closed the next
// one gets the lock. A stream that breaks is resumed by the browser, which sends the number of the last event; where the
// daemon no longer holds what was missed (reset), or a new stream had to be opened, everything is to be read anew.

export interface EventListener {
  /** One event, such as "machine" with its JSON. */
  event(type: string, data: unknown): void;
  /** The stream runs; mustRead: what was known may be stale. */
  connected(mustRead: boolean): void;
  lost(): void;
}

const TYPES = ["machine", "machine-removed", "job", "item", "layers", "host"];
const RETRY_MS = 2000;

type Message =
  | { kind: "event"; type: string; data: unknown }
  | { kind: "connected"; mustRead: boolean }
  | { kind: "lost" }
  | { kind: "ask" }
  | { kind: "session" };

let channel: BroadcastChannel | null = null;

function hear(listener: EventListener, message: Message): void {
  if (message.kind === "event") listener.event(message.type, message.data);
  else if (message.kind === "connected") listener.connected(message.mustRead);
  else if (message.kind === "lost") listener.lost();
  else if (message.kind === "session") location.assign("/");
}

/** Reads the stream for ever, telling this tab and the others. */
function lead(listener: EventListener): void {
  let isConnected = false;
  const tell = (message: Message) => {
    channel?.postMessage(message);
    hear(listener, message);
  };
  const connected = (mustRead: boolean) => {
    isConnected = true;
    tell({ kind: "connected", mustRead });
  };
  let source: EventSource;
  const open = () => {
    source = new EventSource("/api/v1/events");
    let isResumed = false;
    source.addEventListener("hello", () => {
      connected(!isResumed);
      isResumed = true;
    });
    source.addEventListener("reset", () => {
      connected(true);
      isResumed = true;
    });
    for (const type of TYPES)
      source.addEventListener(type, (event) => tell({ kind: "event", type, data: JSON.parse(event.data) }));
    source.onerror = lost;
  };
  const reopen = () => {
    if (source.readyState === EventSource.CLOSED) open();
  };
  const lost = () => {
    isConnected = false;
    tell({ kind: "lost" });
    if (source.readyState === EventSource.CLOSED) setTimeout(reopen, RETRY_MS);
  };
  // When the network goes or comes, a stream may hang for minutes before it breaks: it is opened anew.
  for (const type of ["offline", "online"])
    addEventListener(type, () => {
      source.close();
      lost();
    });
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
