// A gate for browsers, in Chromium: two origins, redirects through a form under
// form-action, cookies of both.

import { assert, check, done, forget, open, quiet } from "./lib.mjs";

const { IDP, SITE } = process.env;
const page = await open();

async function signIn() {
  await page.fill("#username", "ada@example.test");
  await page.fill("#password", "correct horse battery");
  await page.click("#login-submit");
}

await check("gate: to sign in and back", async () => {
  forget(page);
  await page.goto(`${SITE}/reports?year=2026`);
  assert.ok(page.url().startsWith(IDP), page.url());
  await signIn();
  await page.waitForURL(`${SITE}/reports?year=2026`);
  assert.equal(await page.textContent("body"), "secret of /reports?year=2026");
  quiet(page, IDP, SITE);
});

await check("gate: the cookie is out of reach of scripts, and lets them ask", async () => {
  assert.equal(await page.evaluate(() => document.cookie), "");
  assert.equal(await page.evaluate(() => fetch("/data").then((r) => r.text())), "secret of /data");
});

await check("gate: out", async () => {
  await page.goto(`${SITE}/.signet/logout`);
  await page.click("#logout-confirm");
  await page.waitForURL(`${SITE}/.signet/signed-out`);
  assert.ok(await page.isVisible("#logged-out"));
  assert.equal(await page.evaluate(() => fetch("/data").then((r) => r.status)), 401);
  await page.click("#logged-out-return");
  await page.waitForURL(`${IDP}/**`);
});

await done();
