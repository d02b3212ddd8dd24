// The screen of a machine in the browser: what the guest prints is seen, what is typed arrives, and the keys come back.
import assert from "node:assert/strict";
import { newContext, newPage } from "./browser.mjs";
import { Keyboard, Mouse } from "./hands.mjs";
import { assertCalm, step, useWorld } from "./theme.mjs";
import { guest, guestBooted, makeBase, setupLink, underpin, until } from "./world.mjs";

useWorld(async () => {
  await makeBase("office-1", "--screen");
  await underpin("clone", "office-1", "desk-1");
});

let page, mouse;

/** How many pixels of the screen are lit. */
const litPixels = () =>
  page.locator(".console-screen canvas").evaluate((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let lit = 0;
    for (let at = 0; at < data.length; at += 4) if (data[at] + data[at + 1] + data[at + 2] > 96) lit++;
    return lit;
  });

step("a machine that is off is started from its console's address, and the screen appears", async () => {
  page = await newPage(await newContext());
  mouse = new Mouse(page);
  await page.goto(await setupLink());
  await mouse.fill("Name of your account", "anna");
  await mouse.fill("New password", "a quiet lunch break");
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

step("the file for virt-viewer is handed out", async () => {
  const answer = await page.context().request.get("/api/v1/machines/desk-1/console.vv");
  assert.equal(answer.status(), 200);
  assert.match(await answer.text(), /^\[virt-viewer\]/m);
});

step("when the machine is powered off the page says so, and starts it again", async () => {
  await underpin("poweroff", "desk-1", "--yes");
  await page.getByText("desk-1 is off").waitFor();
  await mouse.press("Start");
  await page.locator(".console-screen canvas").waitFor();
  assertCalm(page);
});
