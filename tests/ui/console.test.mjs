// The screen of a machine in the browser: what the guest prints is seen, what is typed arrives, and the keys come back.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { newContext, newPage } from "./browser.mjs";
import { Keyboard, Mouse } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { guest, guestBooted, makeBase, setupLink, underpin, until, virsh } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1", "--screen");
  await underpin("clone", "office-1", "desk-1", "desk-2");
});

const PASSWORD = "a quiet lunch break";
let page, mouse;

/** How many pixels of the screen are lit. */
const litPixels = (on = page) =>
  on.locator(".console-screen canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let lit = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] > 96) lit++;
    return lit;
  });

/** Moves the screen of a machine that is off from its unix socket to a port of the loopback. */
async function giveVncPort(machine) {
  const xml = await virsh("dumpxml", machine, "--inactive");
  const port = "<graphics type='vnc' port='-1' autoport='yes'><listen type='address' address='127.0.0.1'/></graphics>";
  await writeFile("/run/screen.xml", xml.replace(/<graphics type='vnc'[^]*?<\/graphics>/, port));
  await virsh("define", "/run/screen.xml");
}

step("a machine that is off is started from its console's address, and the screen appears", async () => {
  page = await newPage(await newContext());
  mouse = new Mouse(page);
  await page.goto(await setupLink());
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", PASSWORD);
  await mouse.press("Set up");
  await page.getByRole("heading", { name: "Bases" }).waitFor();
  await page.goto("/machines/desk-1/console");
  await page.getByText("desk-1 is off").waitFor();
  await mouse.press("Start");
  await page.locator(".console-screen canvas").waitFor();
  await guestBooted("desk-1");
  await until("the screen is not blank", async () => (await litPixels()) > 500);
});

step("what the guest prints is seen", async () => {
  const before = await litPixels();
  await guest("desk-1", "for line in 1 2 3 4 5 6; do echo '##################################' >/dev/tty1; done");
  await until("more of the screen is lit", async () => (await litPixels()) > before + 2000);
});

step("what is typed arrives in the guest, and the keys come back", async () => {
  await page.locator(".console-screen canvas").click();
  await page.getByText("All keys go to desk-1").waitFor();
  await page.keyboard.type("mkdir /run/typed", { delay: 20 });
  await page.keyboard.press("Enter");
  await until("the guest has got it", () => guest("desk-1", "test -d /run/typed").then(() => true, () => false));
  for (const key of ["Control", "Alt", "Shift"]) await page.keyboard.down(key);
  for (const key of ["Shift", "Alt", "Control"]) await page.keyboard.up(key);
  await until("the focus is on a button again", () => new Keyboard(page).isOn("button", "Keyboard to the screen"));
});

// by Escape it is left too, but that key is the browser's own, which has no such thing without a window
step("the screen fills everything, and comes back", async () => {
  await mouse.press("Full screen");
  await until("the console is on the full screen", () => page.evaluate(() => document.fullscreenElement?.matches(".console")));
  await mouse.press("Leave full screen");
  await until("it is on the page again", () => page.evaluate(() => document.fullscreenElement === null));
  await page.getByRole("button", { name: "Full screen", exact: true }).waitFor();
});

step("a user sees the screen of the own machine, and nobody else's", async () => {
  const link = (await underpin("account", "add", "uma", "desk-1", "--role", "user")).split("\n").at(-1);
  const own = await newPage(await newContext());
  const hand = new Mouse(own);
  await own.goto(link);
  await hand.fill("New password", PASSWORD);
  await hand.press("Set password");
  await hand.press("Open screen");
  await own.locator(".console-screen canvas").waitFor();
  await until("its screen is seen", async () => (await litPixels(own)) > 500);
  await own.goto("/machines/desk-2/console");
  await own.getByText("There is no such machine").waitFor();
  const { request } = own.context();
  const { csrf } = await (await request.get("/api/v1/session")).json();
  for (const name of ["desk-2", "office-1"]) {
    assert.equal((await request.post(`/api/v1/machines/${name}/console`, { headers: { "X-CSRF-Token": csrf } })).status(), 404, `${name}: a ticket`);
    assert.equal((await request.get(`/api/v1/machines/${name}/console.vv`)).status(), 404, `${name}: a file for virt-viewer`);
  }
  assertCalm(own);
});

step("what virt-viewer opens no file for is said, with what does", async () => {
  await mouse.press("Open in virt-viewer");
  await page.getByText("no file leads virt-viewer to the screen of 'desk-1'", { exact: false }).waitFor();
  await page.getByText("--attach desk-1", { exact: false }).waitFor();
  await mouse.press("Dismiss");
});

step("when the machine is powered off the page says so, and starts it again", async () => {
  await underpin("poweroff", "desk-1", "--yes");
  await page.getByText("desk-1 is off").waitFor();
  await giveVncPort("desk-1");
  await mouse.press("Start");
  await page.locator(".console-screen canvas").waitFor();
  assertCalm(page);
});

step("where the screen has a port, the file for virt-viewer is saved", async () => {
  const saved = page.waitForEvent("download");
  await mouse.press("Open in virt-viewer");
  const file = await saved;
  assert.equal(file.suggestedFilename(), "desk-1.vv");
  assert.match(await readFile(await file.path(), "utf8"), /^\[virt-viewer\]\ntype=vnc\nhost=127\.0\.0\.1\nport=59\d\d\n/);
  assertCalm(page);
});
