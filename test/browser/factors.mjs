// The pages of second factors, as people come to them in a login.

import { assert, check, done, focused, forget, open, quiet } from "./lib.mjs";
import { authorize, app, CLIENT, code, enter, enterCode, IDP, look, sent, signIn, user } from "./world.mjs";

const text = (page, selector) => page.textContent(selector);

await check("setting up, because a policy wants it", async () => {
  await user("new@acme.test", { required: "yes" });
  const page = await open();
  await page.goto(await authorize());
  await signIn(page, "new@acme.test");
  await page.waitForSelector("#mfa-enrol");
  await look(page, "enrol-choose");
  await page.click("#mfa-kind-email");
  await page.waitForSelector("#mfa-code");
  await look(page, "enrol-email");
  await page.click("#mfa-back");
  await page.click("#mfa-kind-sms");
  await page.waitForSelector("#mfa-code");
  await look(page, "enrol-sms");
  await page.click("#mfa-back");
  await page.click("#mfa-kind-totp");
  await page.waitForSelector("#mfa-qr");
  await look(page, "enrol-totp");
  const secret = (await text(page, "#mfa-secret")).replaceAll(" ", "");
  await enterCode(page, "000000");
  await page.waitForSelector("#mfa-error");
  assert.equal(await focused(page), "mfa-code");
  await look(page, "enrol-wrong");
  await enterCode(page, await code(secret));
  await page.waitForSelector("#codes-page");
  assert.equal(await page.locator("#backup-codes li").count(), 10);
  await look(page, "codes");
  await page.click("#codes-continue");
  await page.waitForSelector("#consent-page");
  await page.click("#consent-approve");
  await page.waitForURL(`${CLIENT}/callback*`);
  await page.context().close();
});

await check("proving one: app, mail, message, backup code", async () => {
  const email = "old@acme.test";
  await user(email);
  const page = await open();
  await enter(page, email);
  const secret = await app(page);
  const backup = await text(page, "#backup-codes li");
  for (const [kind, to] of [["email", email], ["sms", "+491701234567"]]) {
    await page.goto(`${IDP}/account/security/add`);
    await page.click(`#mfa-kind-${kind}`);
    await page.waitForSelector("#mfa-code");
    await enterCode(page, await sent(to));
    await page.waitForSelector("#security-done");
  }
  await page.context().clearCookies();
  forget(page);
  await page.goto(`${IDP}/account/security`);
  await signIn(page, email);
  await page.waitForSelector("#mfa-page");
  await page.click("#mfa-chooser summary");
  await look(page, "factor-app");
  await page.click("button:has-text('Email to')");
  await page.waitForSelector("#mfa-resend");
  await look(page, "factor-email");
  await page.click("#mfa-chooser summary");
  await page.click("button:has-text('Text message')");
  await page.waitForSelector("#mfa-resend");
  await look(page, "factor-sms");
  await page.click("#mfa-chooser summary");
  await page.click("button:has-text('Backup code')");
  await page.waitForSelector("#mfa-page:not(:has(#mfa-resend))");
  await look(page, "factor-backup");
  for (let left = 2; left > 0; left--) {
    await enterCode(page, "nothing-of-ours");
    await page.waitForFunction((n) => document.querySelector("#mfa-error")?.textContent.includes(n === 1 ? "one try" : "2 tries"), left);
  }
  await look(page, "factor-wrong");
  await enterCode(page, "nothing-of-ours");
  await page.waitForSelector("#mfa-page:not(:has(#mfa-code))");
  await look(page, "factor-again");
  await page.click("#mfa-submit");
  await page.waitForSelector("#mfa-code");
  await enterCode(page, backup);
  await page.waitForSelector("#security-page");
  assert.equal(await text(page, "#backup-codes-left"), "Left: 9");
  assert.ok(secret);
  await page.context().close();
});

// The code sends itself, once, unless it is kept back.
await check("a complete code sends itself; Escape keeps it", async () => {
  const email = "typist@acme.test";
  await user(email);
  const page = await open();
  await enter(page, email);
  const secret = await app(page);
  const again = async () => {
    await page.context().clearCookies();
    await page.goto(`${IDP}/account/security`);
    await signIn(page, email);
    await page.waitForSelector("#mfa-page");
  };
  await again();
  assert.ok(await page.isVisible("#mfa-code-hint"));
  await page.locator("#mfa-code").pressSequentially(await code(secret));
  await page.waitForSelector("#security-page");

  await again();
  const right = await code(secret);
  await page.locator("#mfa-code").pressSequentially(right);
  await page.press("#mfa-code", "Escape");
  await page.waitForTimeout(1500);
  assert.ok(await page.isVisible("#mfa-page"), "it was sent in spite of Escape");
  await page.check("#mfa-trust");
  await page.press("#mfa-code", "Enter");
  await page.waitForSelector("#security-page");

  // A code that was refused is typed again in peace.
  await again();
  await page.locator("#mfa-code").pressSequentially("000000");
  await page.waitForSelector("#mfa-error");
  await page.locator("#mfa-code").pressSequentially("111111");
  await page.waitForTimeout(1500);
  assert.match(await text(page, "#mfa-error"), /2 tries/);
  quiet(page, IDP);
  await page.context().close();
});

await check("without JavaScript: password, app and consent", async () => {
  const email = "plain@acme.test";
  await user(email);
  const page = await open({ javaScriptEnabled: false });
  await enter(page, email);
  const secret = await app(page);
  await page.click("#codes-continue");
  await page.waitForSelector("#security-page");
  await page.context().clearCookies();
  forget(page);
  await page.goto(await authorize());
  await signIn(page, email);
  await page.waitForSelector("#mfa-page");
  assert.ok(await page.isHidden("#mfa-code-hint"));
  await enterCode(page, await code(secret));
  await page.waitForSelector("#consent-page");
  await page.click("#consent-approve");
  await page.waitForURL(`${CLIENT}/callback*`);
  assert.match(await text(page, "#got"), /^GET \/callback code=/);
  quiet(page, IDP, CLIENT);
  await page.context().close();
});

await done();
