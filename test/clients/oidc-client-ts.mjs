// oidc-client-ts: a single-page application in Chromium, on an origin of its
// own, with a person who clicks.

import { chromium } from "playwright-core";
import { assert, check, done, settings } from "./lib.mjs";

const { issuer, person, sameSite, crossSite } = settings;
const browser = await chromium.launch({
  executablePath: settings.chromium,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});

// visit opens the application in a browser of its own, runs a story in it, and
// then wants the console empty (Chromium writes CSP violations there, and CORS
// refusals), every request answered, and nobody asked but the two of us.
async function visit(origin, story) {
  const context = await browser.newContext({ locale: "en-US" });
  context.setDefaultTimeout(15_000);
  const noise = [], strangers = new Set();
  context.on("console", (m) => noise.push(`${m.page()?.url()} ${m.type()}: ${m.text()}`));
  context.on("weberror", (e) => noise.push(`exception: ${e.error()}`));
  context.on("requestfailed", (r) => {
    // So end what a page still loads when the next one comes, and frames removed.
    if (r.failure()?.errorText !== "net::ERR_ABORTED") noise.push(`failed: ${r.method()} ${r.url()} ${r.failure()?.errorText}`);
  });
  context.on("request", (r) => {
    const url = new URL(r.url());
    if (url.protocol !== "data:" && ![origin, issuer].includes(url.origin)) strangers.add(url.origin);
  });
  const page = await context.newPage();
  try {
    await page.goto(`${origin}/`);
    await state(page, "signed out");
    await story(page, context);
    assert.deepEqual(noise, [], "the console is not empty");
    assert.deepEqual([...strangers], [], "requests to strangers");
  } catch (e) {
    const pages = await Promise.all(context.pages().map(async (p) => `${p.url()}\n${await p.locator("body").innerText().catch(String)}`));
    throw new Error(`${e.stack}\nconsole: ${noise.join("\n")}\npages: ${pages.join("\n\n")}`);
  } finally {
    await context.close();
  }
}

// state waits for what the application says of itself.
async function state(page, text) {
  await page.locator("#state", { hasText: text }).waitFor();
}

// signIn is a person on the hosted pages, and agrees the first time.
async function signIn(page, consent = "consent-approve") {
  await page.locator("#username:focus").waitFor(); // who types before the page has its focus makes Chromium say so
  await page.locator("#username").fill(person.email);
  await page.locator("#password").fill(person.password);
  await page.locator("#login-submit").click();
  if (consent) await page.locator(`#${consent}`).click();
}

// user is whom the application knows.
const user = (page) => page.evaluate(async () => {
  const user = await manager.getUser();
  return user && { profile: user.profile, access: user.access_token, refresh: user.refresh_token, expires: user.expires_in, url: location.href };
});

// silent asks for a token without the person: by refresh token if there is one,
// else in a hidden frame with prompt=none.
const silent = (page) => page.evaluate(() => manager.signinSilent().then((u) => u.access_token, (e) => `error: ${e.error ?? e}`));

await check("login by clicks: pages, consent, callback, userinfo", () => visit(sameSite, async (page) => {
  await page.locator("#sign-in").click();
  await signIn(page);
  await state(page, "signed in: Alice Example");
  const who = await user(page);
  assert.equal(who.profile.sub, person.sub);
  assert.equal(who.profile.email, person.email); // of the ID token
  assert.ok(who.profile.roles.includes("owner"), `roles ${who.profile.roles}`);
  assert.equal(who.url, `${sameSite}/`);
  assert.ok(who.refresh && who.expires > 590);
}));

await check("tokens refreshed, revoked: across origins", () => visit(sameSite, async (page) => {
  await page.locator("#sign-in").click();
  await signIn(page, "");
  await state(page, "signed in");
  const first = await user(page);
  const second = await silent(page);
  assert.match(second, /^ey/);
  assert.notEqual(second, first.access);
  assert.notEqual((await user(page)).refresh, first.refresh);
  await page.evaluate(() => manager.revokeTokens(["access_token", "refresh_token"]));
}));

await check("prompt=none in a frame, within the site; after the logout it is login_required", () => visit(sameSite, async (page) => {
  await page.locator("#sign-in").click();
  await signIn(page, "");
  await state(page, "signed in");
  const first = await user(page);
  await page.evaluate(() => manager.storeUser(null));
  assert.match(await silent(page), /^ey/);
  const second = await user(page);
  assert.equal(second.profile.sid, first.profile.sid);
  assert.equal(second.profile.auth_time, first.profile.auth_time);
  await page.locator("#sign-out").click();
  await state(page, "signed out: see you");
  assert.equal(await silent(page), "error: login_required");
}));

await check("login and logout in a window", () => visit(sameSite, async (page, context) => {
  const opened = context.waitForEvent("page");
  await page.locator("#sign-in-window").click();
  const window = await opened;
  const closed = window.waitForEvent("close");
  await signIn(window, "");
  await closed;
  await state(page, "signed in: Alice Example");
  const closing = context.waitForEvent("page").then((w) => w.isClosed() || w.waitForEvent("close"));
  await page.locator("#sign-out-window").click();
  await closing;
  await state(page, "signed out");
  assert.equal(await silent(page), "error: login_required");
}));

await check("a cancelled login is access_denied", () => visit(sameSite, async (page) => {
  await page.locator("#sign-in").click();
  await page.locator("#login-cancel").click();
  await state(page, "failed: access_denied");
}));

await check("from another site: login, refresh, logout; no frame sees the session", () => visit(crossSite, async (page) => {
  await page.locator("#sign-in").click();
  await signIn(page);
  await state(page, "signed in: Alice Example");
  assert.match(await silent(page), /^ey/);
  await page.evaluate(() => manager.storeUser(null));
  // The session's cookie is SameSite=Lax: frames of other sites do not carry it.
  assert.equal(await silent(page), "error: login_required");
  await page.locator("#sign-in").click(); // a whole page does
  await state(page, "signed in: Alice Example");
  await page.locator("#sign-out").click();
  await state(page, "signed out: see you");
}));

await browser.close();
done();
