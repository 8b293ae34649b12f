// The application of docs/sign-in-with-react.md in Chromium, with a person who
// clicks.

import { chromium } from "playwright-core";
import { assert, check, done, settings } from "../clients/lib.mjs";

const { issuer, app, person } = settings;
const browser = await chromium.launch({
  executablePath: settings.chromium,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

// visit opens the application in a browser of its own, runs a story in it, and
// then wants the console empty, no exception thrown, and nobody asked but the two
// of us.
async function visit(story) {
  const context = await browser.newContext({ locale: "en-US" });
  context.setDefaultTimeout(20_000);
  const noise = [], strangers = new Set();
  context.on("console", (m) => {
    // What the API refuses is what one of the stories is about.
    if (!m.text().includes("status of 401")) noise.push(`${m.page()?.url()} ${m.type()}: ${m.text()}`);
  });
  context.on("weberror", (e) => noise.push(`exception: ${e.error()}`));
  context.on("request", (r) => {
    const url = new URL(r.url());
    if (url.protocol !== "data:" && ![app, issuer].includes(url.origin)) strangers.add(url.origin);
  });
  const page = await context.newPage();
  try {
    await page.goto(`${app}/`);
    await state(page, "signed out");
    await story(page, context);
    assert.deepEqual(noise, [], "the console is not empty");
    assert.deepEqual([...strangers], [], "requests to strangers");
  } catch (e) {
    throw new Error(`${e.stack}\nconsole: ${noise.join("\n")}\n${page.url()}\n${await page.locator("body").innerText().catch(String)}`);
  } finally {
    await context.close();
  }
}

const state = (page, text) => page.locator("#state", { hasText: text }).waitFor();

async function signIn(page) {
  await page.locator("#sign-in").click();
  await page.locator("#username:focus").waitFor();
  await page.locator("#username").fill(person.email);
  await page.locator("#password").fill(person.password);
  await page.locator("#login-submit").click();
  await state(page, `signed in: ${person.name}`);
}

// load presses the button and returns what the API has said.
async function load(page) {
  const answered = page.waitForResponse((r) => new URL(r.url()).pathname === "/orders" && r.status() === 200);
  await page.locator("#load").click();
  const answer = await answered;
  await page.locator("#orders", { hasText: "sub" }).waitFor();
  return { token: (await answer.request().allHeaders()).authorization, said: await answer.json() };
}

await check("login by clicks, the API called, nothing kept in the browser", () => visit(async (page) => {
  await signIn(page);
  assert.equal(page.url(), `${app}/`);
  const { token, said } = await load(page);
  assert.match(token, /^Bearer ey/);
  assert.ok(said.sub);
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  assert.ok(!kept.includes("ey") && !kept.includes("token"), kept);
}));

await check("a token that the API refuses is renewed, and the request repeated", () => visit(async (page) => {
  await signIn(page);
  const first = await load(page);
  await page.evaluate(() => fetch("/refuse-the-last-token", { method: "POST" }));
  const second = await load(page);
  assert.notEqual(second.token, first.token);
  assert.equal(second.said.sub, first.said.sub);
}));

await check("a page loaded anew is signed in still, without a click", () => visit(async (page) => {
  await signIn(page);
  await page.goto(`${app}/?page=2`);
  await state(page, `signed in: ${person.name}`);
  assert.equal(page.url(), `${app}/?page=2`);
  await load(page);
}));

await check("logout: here, at the server, and at the API", () => visit(async (page) => {
  await signIn(page);
  const { token } = await load(page);
  await page.locator("#sign-out").click();
  await state(page, "signed out");
  assert.equal(page.url(), `${app}/`);
  await page.goto(`${app}/`);
  await state(page, "signed out");
  const end = performance.now() + 5000;
  let status;
  do {
    status = await page.evaluate((authorization) => fetch("/orders", { headers: { authorization } }).then((r) => r.status), token);
  } while (status !== 401 && performance.now() < end);
  assert.equal(status, 401);
}));

await check("a cancelled login is told, and comes back to where it began", () => visit(async (page) => {
  await page.locator("#sign-in").click();
  await page.locator("#login-cancel").click();
  await page.locator("#state", { hasText: /signed out ./ }).waitFor();
  assert.ok(page.url().startsWith(`${app}/`) && !page.url().includes("error="), page.url());
}));

await browser.close();
done();
