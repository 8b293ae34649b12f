// Passkeys and backup codes, as the pages' script handles them: with Chromium's
// virtual authenticator, without one, and without what browsers lack.

import { readFile } from "node:fs/promises";

import { assert, check, done, forget, open, quiet } from "./lib.mjs";

const { SITE } = process.env;
const SIGNED_IN = "signed in as alice@acme.test by [hwk user mfa]";
const REGISTERED = "registered, discoverable true, by [internal]";

// hold gives the page's browser an authenticator, and a way to change it.
async function hold(page, options = {}) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
      ...options,
    },
  });
  return {
    verifies: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    touches: (enabled) => cdp.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId, enabled }),
  };
}

async function visit(page, kind, query = "") {
  forget(page);
  await page.goto(`${SITE}/passkey/${kind}${query}`);
}

const result = async (page) => {
  await page.waitForFunction(() => document.querySelector("#result").textContent);
  return page.textContent("#result");
};

const notice = async (page) => {
  const shown = page.locator("[data-passkey-error]");
  await shown.waitFor({ state: "visible" });
  return shown.textContent();
};

// watched is a page that notes what its script asks the browser for, and how
// that failed.
async function watched() {
  const page = await open();
  await page.addInitScript(() => {
    window.asked = [];
    window.failed = [];
    const get = navigator.credentials.get.bind(navigator.credentials);
    navigator.credentials.get = (options) => {
      asked.push(options.mediation ?? "button");
      const answer = get(options);
      answer.catch((error) => failed.push(error.name));
      return answer;
    };
  });
  return page;
}

const asked = (page, ...want) => page.waitForFunction((want) => asked.join() === want, want.join());
const failed = (page, ...want) => page.waitForFunction((want) => failed.join() === want, want.join());

const page = await watched();
const authenticator = await hold(page);

await check("passkey: registers", async () => {
  await visit(page, "create");
  await page.click("#start");
  assert.equal(await result(page), REGISTERED);
  quiet(page, SITE);
});

await check("passkey: signs in", async () => {
  await visit(page, "get");
  await page.click("#start");
  assert.equal(await result(page), SIGNED_IN);
  quiet(page, SITE);
});

await check("passkey: signs in by autofill, without a click", async () => {
  await visit(page, "get", "?conditional=true");
  assert.equal(await result(page), SIGNED_IN);
  quiet(page, SITE);
});

await check("passkey: the button takes over from autofill", async () => {
  await authenticator.touches(false);
  await visit(page, "get", "?conditional=true");
  await asked(page, "conditional");
  await authenticator.touches(true);
  await page.click("#start");
  assert.equal(await result(page), SIGNED_IN);
  quiet(page, SITE);
});

await check("passkey: registered already", async () => {
  await visit(page, "create");
  await page.click("#start");
  assert.equal(await notice(page), "registered already");
  quiet(page, SITE);
});

await check("passkey: autofill begins again when the button was cancelled", async () => {
  await authenticator.touches(false);
  await visit(page, "get", "?conditional=true");
  await asked(page, "conditional");
  await authenticator.verifies(false);
  await authenticator.touches(true);
  await page.click("#start");
  assert.equal(await notice(page), "cancelled");
  await asked(page, "conditional", "button", "conditional");
  await authenticator.verifies(true);
  quiet(page, SITE);
});

await check("passkey: not verified, and then verified", async () => {
  await authenticator.verifies(false);
  await visit(page, "get");
  await page.click("#start");
  assert.equal(await notice(page), "cancelled");
  await authenticator.verifies(true);
  await page.click("#start");
  assert.equal(await result(page), SIGNED_IN);
  quiet(page, SITE);
});

for (const kind of ["create", "get"]) {
  await check(`passkey: wrong RP id, ${kind}`, async () => {
    await visit(page, kind, "?rp=evil.example");
    await page.click("#start");
    assert.equal(await notice(page), "failed");
    quiet(page, SITE);
  });
}

await check("passkey: wrong RP id fails by autofill in silence", async () => {
  await visit(page, "get", "?rp=evil.example&conditional=true");
  await failed(page, "SecurityError");
  assert.ok(await page.isHidden("[data-passkey-error]"));
  quiet(page, SITE);
});

// Browsers of before 2025, and extensions that stand between.
await check("passkey: without the JSON methods", async () => {
  const old = await open();
  await old.addInitScript(() => {
    delete PublicKeyCredential.parseCreationOptionsFromJSON;
    delete PublicKeyCredential.parseRequestOptionsFromJSON;
    delete PublicKeyCredential.prototype.toJSON;
  });
  await hold(old);
  await visit(old, "create");
  await old.click("#start");
  assert.equal(await result(old), REGISTERED);
  await visit(old, "create");
  await old.click("#start");
  assert.equal(await notice(old), "registered already");
  await visit(old, "get");
  await old.click("#start");
  assert.equal(await result(old), SIGNED_IN);
  quiet(old, SITE);
});

await check("passkey: a browser without WebAuthn shows none of it", async () => {
  const bare = await open();
  await bare.addInitScript(() => delete window.PublicKeyCredential);
  await visit(bare, "get", "?conditional=true");
  assert.ok(await bare.isHidden("#start"));
  assert.ok(await bare.isVisible("#copy"));
  quiet(bare, SITE);
});

await check("passkey: without JavaScript neither passkeys nor copies", async () => {
  const plain = await open({ javaScriptEnabled: false });
  await visit(plain, "get");
  for (const id of ["#start", "#copy", "#download", "#print"]) {
    assert.ok(await plain.isHidden(id), id);
  }
  assert.ok(await plain.isVisible("#submit"));
  quiet(plain, SITE);
});

await check("backup codes: copy", async () => {
  const reader = await open({ permissions: ["clipboard-read", "clipboard-write"] });
  await visit(reader, "codes");
  await reader.click("#copy");
  await reader.waitForFunction(() => document.querySelector("#copy").textContent === "Copied");
  assert.equal(await reader.evaluate(() => navigator.clipboard.readText()), "aaaa-bbbb\ncccc-dddd");
  quiet(reader, SITE);
});

await check("backup codes: what may not be copied is selected", async () => {
  const reader = await open();
  await reader.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("", "NotAllowedError"));
  });
  await visit(reader, "codes");
  await reader.click("#copy");
  assert.equal(await reader.evaluate(() => getSelection().toString()), "aaaa-bbbb\ncccc-dddd");
  assert.equal(await reader.textContent("#copy"), "Copy");
  quiet(reader, SITE);
});

await check("backup codes: download", async () => {
  const reader = await open();
  await visit(reader, "codes");
  const [download] = await Promise.all([reader.waitForEvent("download"), reader.click("#download")]);
  assert.equal(download.suggestedFilename(), "codes.txt");
  assert.equal(await readFile(await download.path(), "utf8"), "aaaa-bbbb\ncccc-dddd\n");
  reader.origins.delete("null"); // a blob's
  quiet(reader, SITE);
});

await check("backup codes: print", async () => {
  const reader = await open();
  await reader.addInitScript(() => (window.print = () => (document.title = "printed")));
  await visit(reader, "codes");
  await reader.click("#print");
  assert.equal(await reader.title(), "printed");
  quiet(reader, SITE);
});

await done();
