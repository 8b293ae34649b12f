// The API's page, in both themes and two widths: accessible, quiet, no
// sideways scroll; usable by keyboard; the same without JavaScript.

import { accessible, assert, check, done, fits, forget, open, quiet, shot } from "./lib.mjs";

const { IDP } = process.env;
const page = await open();

for (const theme of ["light", "dark"]) {
  await page.emulateMedia({ colorScheme: theme });
  for (const width of [320, 1280]) {
    await page.setViewportSize({ width, height: 900 });
    await check(`docs ${theme} ${width}`, async () => {
      forget(page);
      await page.goto(`${IDP}/docs`);
      await page.waitForSelector("#schemas");
      quiet(page, IDP);
      await fits(page);
      // The page is long and its parts are alike: a few of them are enough for
      // the picture and for axe, who take half a minute over the whole.
      await page.evaluate(() => {
        document.querySelectorAll("article:nth-of-type(n + 3)").forEach((e) => e.remove());
        document.querySelectorAll("section:nth-of-type(n + 6):not(:has(#schemas))").forEach((e) => e.remove());
      });
      await shot(page, `docs-${theme}-${width}`);
      await accessible(page);
    });
  }
}

await check("an operation's address shows it", async () => {
  await page.goto("about:blank"); // the page above has lost most of its operations
  await page.goto(`${IDP}/docs#validateToken`);
  const top = await page.evaluate(() => document.querySelector(":target").getBoundingClientRect().top);
  assert.ok(top >= 0 && top < 200, `at ${top} px`);
});

await check("the keyboard skips to the operations", async () => {
  await page.goto(`${IDP}/docs`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), "#main");
  await page.keyboard.press("Enter");
  assert.ok(page.url().endsWith("#main"));
});

await done();
