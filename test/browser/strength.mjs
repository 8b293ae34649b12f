// The strength of a new password, on the page of a whole server: shown while it
// is typed, never before, never without JavaScript, and never in the way.

import { accessible, assert, check, done, fits, open, quiet, shot } from "./lib.mjs";

const { IDP } = process.env;
const register = `${IDP}/ui/register`;
const meter = (page) => page.locator("#password-strength meter").evaluate((m) => m.value);
const words = "#password-strength span";

for (const theme of ["light", "dark"]) {
  await check(`rated while typing, ${theme}`, async () => {
    const page = await open({ colorScheme: theme, viewport: { width: 320, height: 800 } });
    await page.goto(register);
    assert.equal(await page.isVisible("#password-strength"), false);
    await page.fill("#email", "caterpillar@example.com");
    await page.fill("#new-password", "short");
    assert.equal(await page.isVisible("#password-strength"), true);
    assert.equal(await page.textContent(words), "");
    for (const [password, score, text] of [
      ["caterpillar7", 0, "Very easy to guess"], // the address
      ["dragonfly12", 1, "Easy to guess"],
      ["kx7Qwp3z", 2, "Could be stronger"],
      ["correct horse battery staple", 4, "Very hard to guess"],
    ]) {
      await page.fill("#new-password", password);
      await page.waitForFunction(([at, text]) => document.querySelector(at).textContent === text, [words, text]);
      assert.equal(await meter(page), score, password);
    }
    await shot(page, `strength-${theme}-320`);
    await fits(page);
    await accessible(page);
    await page.fill("#new-password", "");
    assert.equal(await page.isVisible("#password-strength"), false);
    quiet(page, IDP);
    await page.context().close();
  });
}

await check("asked for once in a pause, not for each key", async () => {
  const page = await open();
  let asked = 0;
  page.on("request", (r) => (asked += r.url().endsWith("/ui/password-strength") ? 1 : 0));
  await page.goto(register);
  await page.locator("#new-password").pressSequentially("correct horse battery staple", { delay: 20 });
  await page.waitForFunction((at) => document.querySelector(at).textContent !== "", words);
  assert.ok(asked <= 3, `asked ${asked} times`);
  await page.context().close();
});

await check("a pasted password is taken", async () => {
  const page = await open({ permissions: ["clipboard-read", "clipboard-write"] });
  await page.goto(register);
  await page.fill("#email", "jv8#Kd91!qpZ"); // copied from here
  await page.press("#email", "Control+a");
  await page.press("#email", "Control+c");
  await page.fill("#email", ""); // or it would be the address
  await page.press("#new-password", "Control+v");
  assert.equal(await page.inputValue("#new-password"), "jv8#Kd91!qpZ");
  await page.waitForFunction(() => document.querySelector("#password-strength meter").value === 4);
  await page.context().close();
});

await check("no answer, no meter, and the form goes through", async () => {
  const page = await open();
  await page.route("**/ui/password-strength", (route) => route.fulfill({ status: 429, body: "<p>later</p>" }));
  await page.goto(register);
  await page.fill("#email", "unrated@example.com");
  await page.fill("#new-password", "correct horse battery staple");
  await page.waitForFunction(() => document.querySelector("#password-strength").hidden);
  await page.click("#register-submit");
  await page.waitForSelector("#register-sent, #register-done");
  await page.context().close();
});

await check("without JavaScript there is none", async () => {
  const page = await open({ javaScriptEnabled: false });
  await page.goto(register);
  await page.fill("#email", "scriptless@example.com");
  await page.fill("#new-password", "correct horse battery staple");
  assert.equal(await page.isVisible("#password-strength"), false);
  await page.click("#register-submit");
  await page.waitForSelector("#register-sent, #register-done");
  await page.context().close();
});

await done();
