// The world that the page is tested in: the real daemon on loopback, and real guests. Only inside private-libvirt.
import { execFile as execFileWithCallback, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const execFile = promisify(execFileWithCallback);
const { UNDERPIND, UNDERPIN, UNDERPIN_HOOK, GUESTCTL, UNDERPIN_LAB } = process.env;
const IMAGES = "/var/lib/libvirt/images";
const WAIT_MS = 60_000;

export const ADDRESS = "https://127.0.0.1:8443";

/** Repeats a question until its answer is true; what: said when it never is. */
export async function until(what, question, limit = WAIT_MS) {
  const deadline = Date.now() + limit;
  for (;;) {
    if (await question()) return;
    if (Date.now() > deadline) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function run(program, ...args) {
  const { stdout } = await execFile(program, args, { maxBuffer: 64 << 20 });
  return stdout.trim();
}

/** The command line, as root on the host. */
export const underpin = (...args) => run(UNDERPIN, ...args);
export const underpinJson = async (...args) => JSON.parse(await underpin(...args, "--json"));
export const virsh = (...args) => run("virsh", "-q", ...args);

// --- the daemon -----------------------------------------------------------------------------------

const LOG = "/run/ui-underpind.log";
let daemon = null;

const answers = () => underpin("status").then(() => true, (error) => error.code === 1);

export async function startDaemon() {
  const log = createWriteStream(LOG, { flags: "a" });
  await new Promise((resolve) => log.once("open", resolve));
  daemon = spawn(UNDERPIND, [`--hook-program=${UNDERPIN_HOOK}`, "--set=web.listen=127.0.0.1:8443"], { stdio: ["ignore", log, log] });
  daemon.exited = new Promise((resolve) => daemon.once("exit", resolve));
  await until("underpind answers", answers);
  await until("underpind sees libvirt and its hook", async () => {
    const status = await underpinJson("status");
    return status.libvirt === "connected" && status.hook === "in force";
  });
}

export async function stopDaemon(signal = "SIGTERM") {
  if (!daemon) return;
  daemon.kill(signal);
  await daemon.exited;
  daemon = null;
}

/** The end of its log, for a test that failed. */
export const daemonLog = async () => (await readFile(LOG, "utf8")).split("\n").slice(-30).join("\n");

/** The one-time link that makes the first administrator, as the daemon has printed it. */
export const setupLink = async () => /https:\S+\/setup#\S+/.exec(await readFile(LOG, "utf8"))[0];

// --- guests ---------------------------------------------------------------------------------------

/** A libvirt domain on volumes of its own, not yet Underpin's. Options are make-domain's. */
export const makeDomain = (name, ...options) => run(join(UNDERPIN_LAB, "guest/make-domain"), ...options, name, IMAGES);

const DISKS = ["vda,role=system", "vdb,role=temporary", "vdc,role=data", "vdd,role=data"];

/** A prepared base, without the page's help. */
export async function makeBase(name, ...options) {
  await makeDomain(name, ...options);
  const disks = options.includes("--extra") ? DISKS : DISKS.slice(0, 3);
  await underpin("import", name, "--domain", name, ...disks.flatMap((disk) => ["--disk", disk]));
  await underpin("prepare", name, "--yes");
}

/** Runs a command inside, waiting until it has booted. */
export const guest = (machine, command) => run(GUESTCTL, "-t", "120", machine, "run", command);
export const guestBooted = (machine) => run(GUESTCTL, "-t", "120", machine, "wait");

/** Writes to all three volumes from inside. */
export const scribble = (machine, word) => guest(machine, `for place in /etc /mnt/temporary /mnt/data; do echo ${word} >$place/word; done; sync`);

/** What a clone holds, seen from inside: system version, the words written, a digest of its data. */
export async function contentOf(machine) {
  const text = await guest(machine, "cat /etc/system-version; for place in /etc /mnt/temporary /mnt/data; do cat $place/word 2>/dev/null || echo -; done; find /mnt/data -type f | sort | xargs cat | md5sum");
  const [version, system, temporary, data, digest] = text.split("\n");
  return { version, system, temporary, data, digest };
}

export const machine = (name) => underpinJson("show", name);
export const isSettled = async (name) => {
  const { pending, session } = await machine(name);
  return !pending && session === null;
};
export const isOff = async (name) => (await virsh("domstate", name)) === "shut off";

/** The directory of a machine in the store. */
export const directoryOf = async (name) => join((await underpinJson("status")).store.path, "machines", (await machine(name)).id);

/** An image that belongs to no domain; its path. */
export async function makeImage(name, format = "qcow2") {
  const path = join(IMAGES, name);
  await run("qemu-img", "create", "-q", "-f", format, path, "64M");
  return path;
}

/** Sets or takes a file's or directory's flags, as "+i": not even root changes it then. */
export const setFlags = (flags, path) => run("chattr", flags, path);

// --- what the tests leave -------------------------------------------------------------------------

/** Where screenshots go. */
export const OUTPUT = process.env.UI_OUTPUT ?? "/tmp/underpin-ui";
await mkdir(OUTPUT, { recursive: true });
