// The two ways to use the page: a mouse, and a keyboard. Texts are typed in both; everything else goes one way only, and
// the browser itself counts what it was given, so that a test can prove it.
import assert from "node:assert/strict";
import { until } from "./world.mjs";

const COUNTER = () => {
  globalThis.used = { presses: 0, keys: [] };
  addEventListener("pointerdown", (event) => event.isTrusted && globalThis.used.presses++, true);
  addEventListener("keydown", (event) => {
    if (event.isTrusted && !event.target.matches?.("input, textarea, canvas")) globalThis.used.keys.push(event.key);
  }, true);
};

/** Counts presses of the mouse, and of keys outside of text fields, on every page of a context. */
export const countHands = (context) => context.addInitScript(COUNTER);

const used = (page) => page.evaluate(() => globalThis.used);
export const assertMouseAlone = async (page) => assert.deepEqual((await used(page)).keys, [], "no key was pressed but to write a text");
export const assertKeyboardAlone = async (page) => assert.equal((await used(page)).presses, 0, "the mouse was not pressed");

// --- what both see ----------------------------------------------------------------------------------

export const row = (page, name) => page.getByRole("treegrid").getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
export const topDialog = (page) => page.getByRole("dialog").last();

/** The newest job's page, when it is in a state. */
export async function jobState(page, ...states) {
  const summary = page.locator(".job-summary");
  await until(`the job's page says ${states.join(" or ")}`, async () => states.includes(await summary.locator(".chip").first().innerText()));
}

// --- the mouse --------------------------------------------------------------------------------------

export class Mouse {
  constructor(page) {
    this.page = page;
  }

  /** Presses a button, link, tab or entry by its name; in the topmost dialog where one is open. */
  async press(name, { role = "button", inside } = {}) {
    const dialogs = await this.page.getByRole("dialog").count();
    const place = inside ?? (dialogs && role !== "menuitem" ? topDialog(this.page) : this.page);
    await place.getByRole(role, { name, exact: typeof name === "string" }).first().click();
  }

  async choose(machine, entry) {
    await row(this.page, machine).getByRole("button", { name: `Menu of ${machine}` }).click();
    await this.press(entry, { role: "menuitem" });
  }

  async fill(label, text) {
    const dialogs = await this.page.getByRole("dialog").count();
    await (dialogs ? topDialog(this.page) : this.page).getByLabel(label, { exact: true }).fill(text);
  }
}

// --- the keyboard -----------------------------------------------------------------------------------

const TABS = 80;

export class Keyboard {
  constructor(page) {
    this.page = page;
  }

  press(...keys) {
    return keys.reduce((before, key) => before.then(() => this.page.keyboard.press(key)), Promise.resolve());
  }

  type(text) {
    return this.page.keyboard.type(text);
  }

  /** Whether the focus is on an element of a role and name. */
  async isOn(role, name) {
    const elements = await this.page.getByRole(role, { name, exact: typeof name === "string" }).elementHandles();
    for (const element of elements) if (await element.evaluate((node) => node === document.activeElement)) return true;
    return false;
  }

  /** Goes on by Tab until the focus is on an element, as somebody would who sees where it is. */
  async tabTo(role, name, key = "Tab") {
    await this.page.getByRole(role, { name, exact: typeof name === "string" }).first().waitFor();
    for (let tabs = 0; tabs < TABS; tabs++) {
      if (await this.isOn(role, name)) return this.assertSeen(role, name);
      await this.press(key);
    }
    throw new Error(`${TABS} times ${key}, and the focus was never on the ${role} '${name}'`);
  }

  /** Where the focus is must be seen. */
  async assertSeen(role, name) {
    const isSeen = await this.page.evaluate(() => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
      const active = document.activeElement;
      const marked = active.getAttribute("aria-activedescendant");
      return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none" || marked !== null || active.matches("[role=menuitem], input, select");
    });
    assert.ok(isSeen, `the focus on the ${role} '${name}' is seen`);
  }

  async activate(role, name) {
    await this.tabTo(role, name);
    await until(`the ${role} '${name}' can be used`, () => this.page.evaluate(() => document.activeElement.ariaDisabled !== "true"));
    await this.press("Enter");
  }

  /** Into a text field, replacing what is there. */
  async fill(label, text, role = "textbox") {
    await this.tabTo(role, label);
    await this.press("Control+a");
    await this.type(text);
  }

  /** To a row of the tree, by its first letters. */
  async toRow(name) {
    // a dialog that is about to close gives the focus back when it does
    await this.page.getByRole("dialog").waitFor({ state: "detached" });
    await this.tabTo("treegrid", "Bases and clones");
    await this.type(name);
    const grid = this.page.getByRole("treegrid");
    await until(`the row ${name} is the active one`, async () => {
      const id = await grid.getAttribute("aria-activedescendant");
      return id !== null && (await this.page.evaluate((row) => document.getElementById(row)?.textContent ?? "", id)).includes(name);
    });
  }

  async choose(machine, entry) {
    await this.toRow(machine);
    await this.press("Shift+F10");
    await this.page.getByRole("menu").waitFor();
    for (let steps = 0; steps < 30 && !(await this.isOn("menuitem", entry)); steps++) await this.press("ArrowDown");
    await this.press("Enter");
  }
}
