// Tools for the scripts that drive the pages. A script reads
//
//	import { check, done, open, ... } from "./lib.mjs";
//	await check("login: works", async () => { ... });
//	await done();
//
// and needs no more than one browser: contexts are cheap, browsers are not.

import { AxeBuilder } from "@axe-core/playwright";
import assert from "node:assert/strict";
import { join } from "node:path";
import { chromium } from "playwright-core";

export { assert };

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});

let failed = 0;

// check runs one test and reports it on a line. A failure does not stop the
// script: the next check starts from its own page.
export async function check(name, run) {
  const start = performance.now();
  let error = "";
  try {
    await run();
  } catch (e) {
    error = String(e?.stack ?? e);
    failed++;
  }
  process.stdout.write(JSON.stringify({ name, error, ms: Math.round(performance.now() - start) }) + "\n");
}

// done closes the browser and tells the harness how it went.
export async function done() {
  await browser.close();
  process.exitCode = failed > 0 ? 1 : 0;
}

// open gives a page in a context of its own. Besides Playwright's options,
// noise holds what the page should not have said or done; see quiet.
export async function open(options = {}) {
  const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  page.noise = [];
  page.origins = new Set();
  watch(page);
  return page;
}

function watch(page) {
  page.on("console", (m) => {
    // Chromium reports the status of the document itself, which is no fault
    // of the page: a refused password is a 401.
    if (/^Failed to load resource: the server responded with a status of \d+/.test(m.text()) && m.location().url === page.url()) {
      return;
    }
    page.noise.push(`${m.type()}: ${m.text()}`);
  });
  page.on("pageerror", (e) => page.noise.push(`exception: ${e}`));
  page.on("requestfailed", (r) => {
    // So ends what a page still loads when the next one comes, and a
    // navigation that is answered with 204.
    if (r.failure()?.errorText === "net::ERR_ABORTED") return;
    page.noise.push(`failed: ${r.url()} ${r.failure()?.errorText}`);
  });
  page.on("request", (r) => {
    const url = new URL(r.url());
    if (url.protocol !== "data:") page.origins.add(url.origin);
  });
}

// quiet fails when the page wrote to the console (Chromium writes there too,
// about forms and CSP), threw, or asked an origin other than those allowed.
export function quiet(page, ...allowed) {
  assert.deepEqual(page.noise, [], "the console is not empty");
  assert.deepEqual([...page.origins].filter((o) => !allowed.includes(o)), [], "requests to strangers");
}

// forget starts the watch anew, for a page object that is used again.
export function forget(page) {
  page.noise.length = 0;
  page.origins.clear();
}

// accessible fails on any violation that axe knows of in WCAG 2.0 to 2.2, A and
// AA, and in its collection of good practice.
export async function accessible(page) {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true) // one frame: no second page needed to collect results
    .withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"])
    .analyze();
  assert.deepEqual(
    violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`),
    [],
  );
}

// fits fails when the page scrolls sideways (WCAG 1.4.10).
export async function fits(page) {
  const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(inner <= outer, `${inner} px of content in ${outer} px of window`);
}

// targets fails when a control, with the label around it, is smaller than size
// pixels in either direction.
export async function targets(page, size) {
  const small = await page.evaluate((size) => {
    const controls = document.querySelectorAll("button, a[href], input:not([type=hidden])");
    return [...controls]
      .map((e) => [e.id || e.textContent, (e.closest("label") ?? e).getBoundingClientRect()])
      .filter(([, r]) => r.width > 0 && (r.width < size || r.height < size))
      .map(([name, r]) => `${name}: ${r.width} x ${r.height}`);
  }, size);
  assert.deepEqual(small, [], `controls smaller than ${size} px`);
}

// focusVisible fails when the focused element shows no outline.
export async function focusVisible(page) {
  const outline = await page.evaluate(() => {
    const s = getComputedStyle(document.activeElement);
    return s.outlineStyle === "none" ? 0 : parseFloat(s.outlineWidth);
  });
  assert.ok(outline >= 2, `outline of ${outline} px`);
}

// focused is the id (or tag) of the element that has the focus.
export function focused(page) {
  return page.evaluate(() => document.activeElement.id || document.activeElement.tagName);
}

// shot keeps a picture for people to look at.
export function shot(page, name) {
  return page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), fullPage: true });
}
