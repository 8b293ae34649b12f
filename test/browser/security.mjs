// /account/security of a whole server.

import { accessible, assert, check, done, fits, focused, forget, open, quiet, shot } from "./lib.mjs";
import { app, code, enter, enterCode, hold, IDP, later, look, PASSWORD, signIn, user } from "./world.mjs";

const email = "ada@acme.test";
await user(email);
const page = await open({ timezoneId: "Asia/Kolkata" });
const authenticator = await hold(page);
let secret = "";

await check("the page of somebody with a password only", async () => {
  await page.goto(`${IDP}/account/security`);
  await page.waitForSelector("#login-page");
  assert.match(await page.textContent(".lead"), /Account security/);
  await look(page, "security-login");
  await signIn(page, email);
  await page.waitForSelector("#security-page");
  await look(page, "security-bare");
});

await check("adding: the chooser, the app, the codes", async () => {
  await page.click("#factor-add");
  await page.waitForSelector("#mfa-enrol");
  await look(page, "security-add");
  secret = await app(page);
  await look(page, "security-codes");
  await page.click("#codes-continue");
  await page.waitForSelector("#security-done");
  await page.click("#passkey-add");
  await page.click("#mfa-kind-webauthn");
  await page.fill("#mfa-name", "My laptop");
  await page.click("#mfa-submit");
  await page.waitForSelector("#security-done");
});

await check("the page of somebody with all of it", async () => {
  const other = await open({ userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" });
  await other.goto(`${IDP}/account/security`);
  await signIn(other, email);
  await other.waitForSelector("#mfa-page");
  await other.fill("#mfa-code", await code(secret));
  await other.check("#mfa-trust");
  await other.click("#mfa-submit");
  await other.waitForSelector("#security-page");
  forget(page);
  await page.goto(`${IDP}/account/security`);
  await page.locator("#factors summary").click();
  await look(page, "security");
  assert.match(await page.textContent("#devices"), /Firefox on Linux/);
  // Times are the reader's, and the machine's are in UTC.
  const time = page.locator("#sessions time").first();
  const [shown, machine] = [await time.textContent(), await time.getAttribute("datetime")];
  const there = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short", timeZone: "Asia/Kolkata" });
  assert.equal(shown, there.format(new Date(machine)));
  await other.context().close();
});

await check("renaming with the keyboard alone", async () => {
  await page.goto(`${IDP}/account/security`);
  const summary = page.locator("#factors summary");
  await summary.focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  assert.match(await focused(page), /-name$/);
  await page.keyboard.type("Old phone");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#security-done");
  assert.match(await page.textContent("#factors"), /Old phone/);
  quiet(page, IDP);
});

await check("later, a change asks who it is, and comes back to be made", async () => {
  await later(11);
  await authenticator.touches(false);
  const remove = page.locator("#factors [id$=-remove]");
  await page.locator("#factors summary").click();
  await remove.click();
  await page.waitForSelector("#login-page");
  assert.equal(await page.inputValue("#username"), email);
  await authenticator.touches(true);
  await page.click("#login-passkey");
  await page.waitForSelector("#security-done");
  assert.match(await page.textContent("#security-done"), /once more/);
  assert.ok(await remove.isVisible(), "the form stands open no more");
  await look(page, "security-confirmed");
  await remove.click();
  await page.waitForFunction(() => !document.querySelector("#factors .row"));
  quiet(page, IDP);
});

await check("the password", async () => {
  await page.click("#password-change");
  await page.waitForSelector("#password-page");
  await look(page, "password");
  await page.fill("#password", "not it");
  await page.fill("#new-password", "a quite different phrase");
  await page.click("#password-submit");
  await page.waitForSelector("#account-error");
  assert.equal(await focused(page), "password");
  await look(page, "password-wrong");
  await page.fill("#password", PASSWORD);
  await page.fill("#new-password", "a quite different phrase");
  await page.click("#password-submit");
  await page.waitForSelector("#security-done");
  quiet(page, IDP);
});

await check("in German, French and Spanish", async () => {
  const storageState = await page.context().storageState();
  for (const locale of ["de", "fr", "es"]) {
    const there = await open({ locale, storageState, viewport: { width: 320, height: 640 } });
    await there.goto(`${IDP}/account/security`);
    await there.waitForSelector("#security-page");
    assert.equal(await there.getAttribute("html", "lang"), locale);
    await shot(there, `security-${locale}-320`);
    await fits(there);
    await accessible(there);
    quiet(there, IDP);
    await there.context().close();
  }
});

await check("without JavaScript: all but passkeys", async () => {
  const plain = await open({ javaScriptEnabled: false });
  await user("plain@acme.test");
  await enter(plain, "plain@acme.test");
  assert.ok(await plain.isHidden("#passkey-add"));
  const key = await app(plain);
  await plain.click("#codes-continue");
  await plain.click("#backup-codes-new");
  assert.equal(await plain.locator("#backup-codes li").count(), 10);
  await plain.click("#codes-continue");
  await later(11);
  await plain.click("#devices-forget");
  await signIn(plain, "plain@acme.test");
  await enterCode(plain, await code(key));
  await plain.waitForSelector("#security-done");
  await plain.click("#devices-forget");
  await plain.waitForSelector("#security-done");
  await plain.locator("#factors summary").click();
  await plain.locator("[id$=-remove]").click();
  await plain.waitForSelector("#security-page:not(:has(#codes))");
  quiet(plain, IDP);
  await plain.context().close();
});

await done();
