// Every page x {light, dark} x {320, 1280 px}: accessible, quiet, no sideways
// scroll; then other languages, forced colours and hostile content.

import { accessible, assert, check, done, fits, forget, open, quiet, shot, targets } from "./lib.mjs";

const { IDP, CLIENT } = process.env;
const PAGES = [
  "login",
  "login-client",
  "login-error",
  "login-locked",
  "consent",
  "logout",
  "logged-out",
  "logout-cancelled",
  "error",
  "error-server",
  "error-no-access",
  "form-post",
  "redirecting",
  "login-ways",
  "login-unverified",
  "register",
  "register-error",
  "register-invited",
  "register-sent",
  "register-closed",
  "recover",
  "recover-error",
  "recover-sent",
  "recover-done",
  "new-password",
  "resend",
  "resend-sent",
  "verify",
  "verify-done",
  "confirm",
  "restore",
  "unlock",
  "unlock-done",
  "invitation",
  "invitation-error",
  "invitation-signed-in",
  "invitation-done",
  "link-invalid",
];

// Looked at in both themes on a whole server; here in every language.
const SECURITY = ["factor", "enrol", "enrol-phone", "backup-codes", "security", "change-password", "signin-cancelled"];

const page = await open();

async function visit(name, query = "") {
  forget(page);
  // The hand-over pages leave before they have loaded, and come back: their
  // destination answers 204.
  const leaves = name === "form-post" || name === "redirecting";
  await page.goto(`${IDP}/gallery/${name}${query}`, { waitUntil: leaves ? "commit" : "load" });
  await page.waitForSelector("main");
  await page.waitForFunction(() => document.styleSheets.length > 0);
}

for (const theme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: theme });
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: width === 320 ? 640 : 900 });
    for (const name of PAGES) {
      await check(`${name} ${theme} ${width}`, async () => {
        await visit(name);
        await shot(page, `${name}-${theme}-${width}`);
        quiet(page, IDP, CLIENT);
        await fits(page);
        await targets(page, 44);
        await accessible(page);
      });
    }
  }
}

for (const [locale, dir, lang] of [["en-XA", "ltr", "en-XA"], ["ar-XB", "rtl", "ar-XB"], ["de", "ltr", "de"], ["fr", "ltr", "fr"], ["es", "ltr", "es"]]) {
  await page.setViewportSize({ width: 320, height: 640 });
  await check(`locale ${locale}`, async () => {
    for (const name of [...PAGES, ...SECURITY]) {
      await visit(name, `?ui_locales=${locale}`);
      assert.equal(await page.getAttribute("html", "lang"), lang);
      assert.equal(await page.getAttribute("html", "dir"), dir);
      quiet(page, IDP, CLIENT);
      await fits(page);
      if (["register-error", "login-error", "consent", "error", ...SECURITY].includes(name)) {
        await shot(page, `${name}-${locale}-320`);
        await accessible(page);
      }
    }
  });
}

await check("forced colours and reduced motion", async () => {
  await page.emulateMedia({ forcedColors: "active", reducedMotion: "reduce", colorScheme: "dark" });
  for (const name of ["login-error", "consent"]) {
    await visit(name);
    await shot(page, `${name}-forced-320`);
    await accessible(page);
    const moving = await page.evaluate(() => [...document.querySelectorAll("*")].filter((e) => getComputedStyle(e).transitionDuration !== "0s").length);
    assert.equal(moving, 0);
  }
  await page.emulateMedia({ forcedColors: "none", reducedMotion: "no-preference", colorScheme: "light" });
});

await check("hostile names stay text and in place", async () => {
  await visit("login-hostile");
  await shot(page, "login-hostile-320");
  quiet(page, IDP);
  await fits(page);
  assert.equal(await page.locator("script").count(), 1);
  assert.ok((await page.locator(".lead .name").textContent()).length <= 80);
});

await check("the script moves nothing", async () => {
  await page.setViewportSize({ width: 1280, height: 900 });
  await visit("login-client");
  const shift = await page.evaluate(
    () => new Promise((resolve) => new PerformanceObserver((l) => resolve(l.getEntries().reduce((s, e) => s + e.value, 0))).observe({ type: "layout-shift", buffered: true }) ?? setTimeout(() => resolve(0), 300)),
  );
  assert.equal(shift, 0);
});

await done();
