// Passkeys on the pages of a whole server, with Chromium's virtual
// authenticator.

import { assert, check, done, forget, open, quiet } from "./lib.mjs";
import { authorize, app, CLIENT, code, enter, enterCode, hold, IDP, look, signIn, user } from "./world.mjs";

const notice = async (page) => {
  const shown = page.locator("[data-passkey-error]");
  await shown.waitFor({ state: "visible" });
  return shown.textContent();
};

const email = "ada@acme.test";
await user(email);
const page = await open();
const authenticator = await hold(page);
let id = "";

// elsewhere names another site in the options that the page holds.
const elsewhere = () => {
  const form = document.querySelector("form[data-passkey]");
  const options = JSON.parse(form.dataset.options);
  if (options.rp) options.rp.id = "evil.example";
  else options.rpId = "evil.example";
  form.dataset.options = JSON.stringify(options);
};

await check("registers: cancelled, for a wrong RP id, then rightly", async () => {
  await enter(page, email);
  await page.click("#passkey-add");
  await page.waitForSelector("#mfa-kind-webauthn");
  await page.click("#mfa-kind-webauthn");
  await page.waitForSelector("#mfa-submit:not([hidden])");
  await look(page, "enrol-passkey");
  await authenticator.verifies(false);
  await page.click("#mfa-submit");
  assert.match(await notice(page), /cancelled/);
  await look(page, "enrol-passkey-cancelled");
  await authenticator.verifies(true);
  await page.evaluate(elsewhere);
  await page.click("#mfa-submit");
  assert.match(await notice(page), /could not be used/);
  await page.reload(); // back to the first question
  await page.goto(`${IDP}/account/security/add?kind=webauthn`);
  await page.click("#mfa-kind-webauthn");
  await page.fill("#mfa-name", "My laptop");
  await page.click("#mfa-submit");
  await page.waitForSelector("#codes-page");
  await page.click("#codes-continue");
  await page.waitForSelector("#security-done");
  id = (await page.locator("#passkeys li").getAttribute("id")).replace("factor-", "");
  assert.match(await page.textContent(`#factor-${id}-title`), /My laptop/);
  quiet(page, IDP);
});

await check("registered already", async () => {
  await page.goto(`${IDP}/account/security/add?kind=webauthn`);
  await page.click("#mfa-kind-webauthn");
  await page.click("#mfa-submit");
  assert.match(await notice(page), /already holds/);
  quiet(page, IDP);
});

// out signs out without forgetting the device.
async function out() {
  await page.goto(`${IDP}/oauth2/logout`);
  await page.click("#logout-confirm");
  await page.waitForSelector("#logged-out");
  forget(page);
}

await check("signs in by autofill, without a click, and then agrees", async () => {
  await out();
  await page.goto(await authorize());
  await page.waitForSelector("#consent-page");
  await page.click("#consent-approve");
  await page.waitForURL(`${CLIENT}/callback*`);
  quiet(page, IDP, CLIENT);
});

await check("signs in by the button of the sign-in page", async () => {
  await out();
  await authenticator.touches(false);
  await page.goto(`${IDP}/account/security`);
  await page.waitForSelector("#login-passkey:not([hidden])");
  await look(page, "login-passkey");
  await authenticator.touches(true);
  await page.click("#login-passkey");
  await page.waitForSelector("#security-page");
  quiet(page, IDP);
});

await check("as a second factor: cancelled, for a wrong RP id, then by the button", async () => {
  await out();
  await authenticator.touches(false);
  await page.goto(`${IDP}/account/security`);
  await signIn(page, email);
  await page.waitForSelector("#mfa-page form[data-passkey]");
  await look(page, "factor-passkey");
  await authenticator.touches(true);
  await authenticator.verifies(false);
  await page.evaluate(() => {
    // Prove presence only: what is asked for is more.
    const form = document.querySelector("form[data-passkey]");
    form.dataset.options = JSON.stringify({ ...JSON.parse(form.dataset.options), userVerification: "required" });
  });
  await page.click("#mfa-submit");
  assert.match(await notice(page), /cancelled/);
  await authenticator.verifies(true);
  const options = await page.getAttribute("form[data-passkey]", "data-options");
  await page.evaluate(elsewhere);
  await page.click("#mfa-submit");
  assert.match(await notice(page), /could not be used/);
  await page.evaluate((options) => (document.querySelector("form[data-passkey]").dataset.options = options), options);
  await page.click("#mfa-submit");
  await page.waitForSelector("#security-page");
  quiet(page, IDP);
});

await check("an answer to another question is refused", async () => {
  await out();
  await authenticator.touches(false);
  await page.goto(`${IDP}/account/security`);
  await page.evaluate(() => {
    const form = document.querySelector("form[data-passkey]");
    form.dataset.options = JSON.stringify({ ...JSON.parse(form.dataset.options), challenge: "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" });
  });
  await authenticator.touches(true);
  const [refused] = await Promise.all([page.waitForResponse((r) => r.request().method() === "POST"), page.click("#login-passkey")]);
  assert.equal(refused.status(), 401);
  await page.waitForSelector("#security-page"); // the new page's own question, by autofill
});

await check("large answers pass the form, larger ones do not", async () => {
  const large = "large@acme.test";
  await user(large);
  for (const [bytes, passes] of [[5000, true], [9000, false]]) {
    const other = await open();
    await hold(other);
    await other.addInitScript((bytes) => {
      const plain = PublicKeyCredential.prototype.toJSON;
      PublicKeyCredential.prototype.toJSON = function () {
        const answer = plain.call(this);
        answer.clientExtensionResults = { padding: "x".repeat(bytes) };
        return answer;
      };
    }, bytes);
    await enter(other, passes ? large : email).catch(() => other.waitForSelector("#mfa-page, #security-page"));
    if (passes) {
      await other.goto(`${IDP}/account/security/add?kind=webauthn`);
      await other.click("#mfa-kind-webauthn");
      await other.click("#mfa-submit");
      await other.waitForSelector("#codes-page");
    } else {
      const [answer] = await Promise.all([other.waitForResponse((r) => r.request().method() === "POST"), other.evaluate(() => {
        const form = document.querySelector("form[data-passkey]");
        form.elements.passkey.value = "x".repeat(9000);
        form.noValidate = true;
        form.requestSubmit();
      })]);
      assert.equal(answer.status(), 400);
      await other.waitForSelector("#error-page");
    }
    await other.context().close();
  }
});

await check("beside an app: the chooser leads from one to the other", async () => {
  const both = "both@acme.test";
  await user(both);
  const other = await open();
  await hold(other);
  await enter(other, both);
  const secret = await app(other);
  await other.goto(`${IDP}/account/security/add?kind=webauthn`);
  await other.click("#mfa-kind-webauthn");
  await other.click("#mfa-submit");
  await other.waitForSelector("#security-done");
  await other.context().clearCookies();
  forget(other);
  const bare = await open(); // without an authenticator
  await bare.goto(`${IDP}/account/security`);
  await signIn(bare, both);
  await bare.waitForSelector("#mfa-code");
  await bare.click("#mfa-chooser summary");
  await bare.click("button.option:has-text('Passkey')");
  await bare.waitForSelector("#mfa-page form[data-passkey]");
  await bare.click("button.option:has-text('Authenticator app')");
  await enterCode(bare, await code(secret));
  await bare.waitForSelector("#security-page");
  quiet(bare, IDP);
  await other.context().close();
  await bare.context().close();
});

await done();
