// One console: a ticket from the daemon, the connection that it opens, and what becomes of it. A connection that is lost
// is made again with a new ticket, a few times by itself, then when asked.
import { signal } from "@preact/signals";
import type RFB from "@novnc/novnc";
import { api, asProblem, machinePath, type Problem } from "../api.ts";
import { SHIFT, strokesOf } from "./keys.ts";

export type ConsoleState = { kind: "connecting" } | { kind: "connected" } | { kind: "lost"; isRetried: boolean } | { kind: "refused"; problem: Problem };

const RETRY_MS = [1000, 2000, 4000, 8000];
const STROKE_MS = 8;

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class ConsoleSession {
  readonly state = signal<ConsoleState>({ kind: "connecting" });
  private rfb: RFB | null = null;
  private tries = 0;
  private timer = 0;
  private isClosed = false;

  constructor(
    private readonly machine: string,
    private readonly target: HTMLElement,
    private fits: boolean,
  ) {
    void this.connect();
  }

  /** Makes the connection anew. */
  async connect(): Promise<void> {
    clearTimeout(this.timer);
    this.state.value = { kind: "connecting" };
    try {
      const { default: Client } = await import("@novnc/novnc"); // before the ticket, which is good for seconds only
      const ticket = await api<{ path: string }>("POST", machinePath(this.machine, "/console"));
      if (!this.isClosed) this.open(new Client(this.target, this.urlOf(ticket.path), { shared: true, wsProtocols: ["binary"] }));
    } catch (error) {
      const problem = asProblem(error);
      if (problem.code === "unreachable") this.lost();
      else this.state.value = { kind: "refused", problem };
    }
  }

  private urlOf(path: string): string {
    return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;
  }

  private open(rfb: RFB): void {
    this.rfb = rfb;
    rfb.scaleViewport = this.fits;
    rfb.showDotCursor = true;
    rfb.background = "transparent";
    rfb.addEventListener("connect", () => {
      this.tries = 0;
      this.state.value = { kind: "connected" };
    });
    rfb.addEventListener("disconnect", () => {
      this.rfb = null;
      if (!this.isClosed) this.lost();
    });
  }

  private lost(): void {
    const wait = RETRY_MS[this.tries++];
    this.state.value = { kind: "lost", isRetried: wait !== undefined };
    if (wait !== undefined) this.timer = window.setTimeout(() => void this.connect(), wait);
  }

  /** When somebody asks: the tries begin anew. */
  again(): void {
    this.tries = 0;
    void this.connect();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    this.rfb?.disconnect();
  }

  /** Whether the screen is scaled to the room there is. */
  fit(fits: boolean): void {
    this.fits = fits;
    if (this.rfb) this.rfb.scaleViewport = fits;
  }

  focus(): void {
    this.rfb?.focus();
  }

  /** Gives the keys back; those that are down are let go in the guest, which noVNC does when the window loses the focus. */
  blur(): void {
    window.dispatchEvent(new Event("blur"));
    this.rfb?.blur();
  }

  ctrlAltDel(): void {
    this.rfb?.sendCtrlAltDel();
  }

  /** Types a text, stroke by stroke: a guest that is busy drops what comes too fast. */
  async type(text: string): Promise<void> {
    for (const { keysym, code, shift } of strokesOf(text)) {
      if (shift) this.rfb?.sendKey(SHIFT.keysym, SHIFT.code, true);
      this.rfb?.sendKey(keysym, code);
      if (shift) this.rfb?.sendKey(SHIFT.keysym, SHIFT.code, false);
      await pause(STROKE_MS);
    }
  }

  /** Lays a text on the guest's clipboard, where the guest has an agent that listens. */
  paste(text: string): void {
    this.rfb?.clipboardPasteFrom(text);
  }
}
