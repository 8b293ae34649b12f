// A whole server, its people and the clock; see account_test.go.

import { accessible, fits, quiet, shot, targets } from "./lib.mjs";

export const { IDP, CLIENT, WORLD, PASSWORD } = process.env;

async function ask(path, parameters = {}) {
  const answer = await fetch(`${WORLD}/${path}?${new URLSearchParams(parameters)}`);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return text;
}

export const user = (email, more) => ask("user", { email, ...more });
export const code = (secret) => ask("code", { secret });
export const later = (minutes) => ask("later", { minutes });
export const authorize = () => ask("authorize");

// sent is the code in the newest message to an address or number.
export async function sent(to) {
  for (let tries = 0; tries < 100; tries++) {
    const { messages } = await (await fetch(`${IDP}/dev/inbox?${new URLSearchParams({ format: "json", to })}`)).json();
    const found = messages.map((m) => m.text.match(/\b\d{6}\b/)).find((m) => m);
    if (found) return found[0];
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`no code was sent to ${to}`);
}

// look checks a page, as it stands, in both themes, on a phone and on a desk.
export async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    for (const width of [320, 1280]) {
      await page.setViewportSize({ width, height: width === 320 ? 640 : 900 });
      await shot(page, `${name}-${colorScheme}-${width}`);
      await fits(page);
      await targets(page, 44);
      await accessible(page);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
  quiet(page, IDP);
}

export async function signIn(page, email) {
  await page.fill("#username", email);
  await page.fill("#password", PASSWORD);
  await page.click("#login-submit");
}

// enter opens the page of somebody's account.
export async function enter(page, email) {
  await page.goto(`${IDP}/account/security`);
  await signIn(page, email);
  await page.waitForSelector("#security-page");
}

// app sets an authenticator app up and returns its secret.
export async function app(page) {
  await page.goto(`${IDP}/account/security/add`);
  await page.click("#mfa-kind-totp");
  const secret = (await page.textContent("#mfa-secret")).replaceAll(" ", "");
  await enterCode(page, await code(secret));
  await page.waitForSelector("#codes-page, #security-page");
  return secret;
}

// enterCode types a code and sends it before it does so itself.
export async function enterCode(page, value) {
  await page.fill("#mfa-code", value);
  await page.click("#mfa-submit");
}

// hold gives the page's browser an authenticator, and a way to change it.
export async function hold(page, options = {}) {
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
