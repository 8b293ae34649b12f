// Logins and answers from the first key to the client's page on another origin.

import { assert, check, done, focused, focusVisible, forget, open, quiet, shot } from "./lib.mjs";

const { IDP, CLIENT } = process.env;
const CODE = "GET /callback code=the-code&state=s";

const scripted = await open();
const plain = await open({ javaScriptEnabled: false });

const got = (page) => page.locator("#got").textContent();
const number = async (page, url) => Number(await (await page.request.get(url)).text());

async function start(page, end, query = "") {
  forget(page);
  await page.goto(`${IDP}/ui/login?end=${end}${query}`);
}

async function signIn(page) {
  await page.fill("#username", "alice@acme.test");
  await page.fill("#password", "correct horse");
  await page.click("#login-submit");
}

for (const [kind, page] of [["script", scripted], ["no script", plain]]) {
  await check(`${kind}: the client named in form-action gets its answer through two redirects`, async () => {
    await start(page, "direct");
    await signIn(page);
    await page.waitForURL(`${CLIENT}/callback*`);
    assert.equal(await got(page), CODE);
    quiet(page, IDP, CLIENT);
  });

  await check(`${kind}: the redirecting page reaches a client that form-action does not name`, async () => {
    await start(page, "page");
    await signIn(page);
    await page.waitForURL(`${CLIENT}/callback*`);
    assert.equal(await got(page), CODE);
    quiet(page, IDP, CLIENT);
  });

  // The reason for the two above. Should these fail, Chromium has changed its
  // mind about form-action and redirects, and both can be simpler.
  for (const [end, what] of [["unnamed", "the last redirect"], ["elsewhere", "the step to a third origin that the client makes by itself"]]) {
    await check(`${kind}: without either the browser blocks ${what}`, async () => {
      await start(page, end);
      const blocked = page.waitForEvent("console", (m) => /form-action/.test(m.text()));
      await signIn(page);
      await blocked;
      assert.equal(page.url(), `${IDP}/ui/login?end=${end}`);
    });
  }

  await check(`${kind}: a client that goes on to a third origin needs the redirecting page`, async () => {
    await start(page, "page-elsewhere");
    await signIn(page);
    await page.waitForURL("**/home*");
    assert.equal(await got(page), "GET /home code=the-code");
  });

  await check(`${kind}: cancel needs no input`, async () => {
    await start(page, "direct");
    await page.click("#login-cancel");
    await page.waitForURL(`${CLIENT}/callback*`);
    assert.equal(await got(page), "GET /callback error=access_denied&state=s");
  });

  await check(`${kind}: a wrong password is told beside the kept name, with the focus where to go on`, async () => {
    await start(page, "direct");
    await page.fill("#username", "alice@acme.test");
    await page.fill("#password", "wrong");
    await page.click("#login-submit");
    await page.waitForSelector("#login-error");
    assert.equal(await page.inputValue("#username"), "alice@acme.test");
    assert.equal(await page.inputValue("#password"), "");
    assert.match(await page.getAttribute("#password", "aria-describedby"), /login-error/);
    if (page === scripted) assert.equal(await focused(page), "password");
    await signIn(page);
    await page.waitForURL(`${CLIENT}/callback*`);
  });

  for (const [name, button, action] of [["consent", "consent-approve", "approve"], ["consent", "consent-deny", "deny"], ["logout", "logout-confirm", "confirm"], ["logout", "logout-cancel", "cancel"]]) {
    await check(`${kind}: ${button}`, async () => {
      await page.goto(`${IDP}/gallery/${name}`);
      await page.click(`#${button}`);
      await page.waitForURL(`${CLIENT}/callback*`);
      assert.equal(await got(page), `GET /callback action=${action}&transaction=sealed`);
    });
  }
}

const FORM = "POST /callback " + new URLSearchParams({ code: "the-code", state: '"><script>alert(1)</script>&amp;', submit: "a name that hides form.submit" });

await check("form_post sends itself, and not again after back", async () => {
  forget(scripted);
  const before = await number(scripted, `${CLIENT}/calls`);
  await scripted.goto(`${IDP}/gallery/logged-out`);
  await scripted.evaluate((url) => location.assign(url), `${IDP}/form-post`);
  await scripted.waitForURL(`${CLIENT}/callback`);
  assert.equal(await got(scripted), FORM);
  quiet(scripted, IDP, CLIENT);
  await scripted.goBack();
  await scripted.waitForURL(/form-post|logged-out/);
  await scripted.waitForLoadState("load");
  assert.equal(await number(scripted, `${CLIENT}/calls`), before + 1);
});

await check("form_post without script has its button", async () => {
  await plain.goto(`${IDP}/form-post`);
  await plain.click("#form-post-continue");
  await plain.waitForURL(`${CLIENT}/callback`);
  assert.equal(await got(plain), FORM);
});

// calls resolves with the address outside the web that the page asks for. Each
// has a page of its own: Chromium then waits for an answer about the app that
// nobody will give.
async function calls(options, act) {
  const page = await open(options);
  const session = await page.context().newCDPSession(page);
  await session.send("Page.enable");
  const asked = new Promise((resolve) => session.on("Page.frameRequestedNavigation", (e) => e.url.startsWith("http") || resolve(e)));
  await act(page);
  const { url, reason } = await asked;
  assert.deepEqual(page.noise, []);
  await page.context().close();
  return `${reason} ${url}`;
}

for (const javaScriptEnabled of [true, false]) {
  const kind = javaScriptEnabled ? "script" : "no script";
  await check(`${kind}: the redirecting page calls a native app`, async () => {
    const called = await calls({ javaScriptEnabled }, async (page) => {
      await start(page, "page-app");
      await signIn(page);
    });
    assert.equal(called, "httpHeaderRefresh com.example.app:/callback?code=the-code&state=s");
  });

  await check(`${kind}: form_post calls a native app`, async () => {
    const called = await calls({ javaScriptEnabled }, async (page) => {
      await page.goto(`${IDP}/form-post?next=app`, { waitUntil: "commit" });
      if (!javaScriptEnabled) await page.click("#form-post-continue", { noWaitAfter: true });
    });
    assert.equal(called, "formSubmissionPost com.example.app:/callback");
  });
}

await check("form_post to a client that goes on to a third origin", async () => {
  forget(scripted);
  await scripted.goto(`${IDP}/form-post?next=elsewhere`, { waitUntil: "commit" });
  await scripted.waitForSelector("#got").catch((e) => assert.fail(`${e} ${scripted.noise}`));
  assert.equal(await got(scripted), "GET /home code=the-code");
  assert.deepEqual(scripted.noise, []);
});

await check("keyboard only", async () => {
  const page = scripted;
  await start(page, "direct");
  await page.waitForSelector("#username:focus"); // autofocus comes after the page
  const order = ["username", "password", "BUTTON", "login-submit", "login-cancel"];
  for (const [i, id] of order.entries()) {
    if (i > 0) await page.keyboard.press("Tab");
    assert.equal(await focused(page), id);
    await focusVisible(page);
  }
  await shot(page, "login-focus-1280");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.type("alice@acme.test");
  await page.keyboard.press("Tab");
  await page.keyboard.type("correct horse");
  await page.keyboard.press("Enter");
  await page.waitForURL(`${CLIENT}/callback*`);
  assert.equal(await got(page), CODE);
});

await check("show password, and hide it before it is sent", async () => {
  const page = scripted;
  await start(page, "direct");
  const button = page.getByRole("button", { name: "Show password" });
  await page.fill("#password", "correct horse");
  await button.click();
  assert.equal(await page.getAttribute("#password", "type"), "text");
  await page.getByRole("button", { name: "Hide password" }).click();
  assert.equal(await page.getAttribute("#password", "type"), "password");
  await button.click();
  await page.fill("#username", "alice@acme.test");
  const type = await page.evaluate(() => {
    const form = document.forms[0];
    form.addEventListener("submit", (e) => e.preventDefault());
    form.requestSubmit();
    return document.getElementById("password").type;
  });
  assert.equal(type, "password");
});

await check("caps lock is hinted at", async () => {
  const page = scripted;
  await start(page, "direct");
  const press = (on) => page.dispatchEvent("#password", "keyup", { key: "A", modifierCapsLock: on });
  await press(true);
  assert.equal(await page.textContent("#capslock"), "Caps Lock is on.");
  await press(false);
  assert.equal(await page.textContent("#capslock"), "");
});

await check("two quick clicks sign in once", async () => {
  const page = scripted;
  await start(page, "direct");
  const before = await number(page, `${IDP}/posts`);
  await page.fill("#username", "alice@acme.test");
  await page.fill("#password", "correct horse");
  await page.evaluate(() => {
    document.getElementById("login-submit").click();
    document.getElementById("login-submit").click();
  });
  await page.waitForURL(`${CLIENT}/callback*`);
  assert.equal(await number(page, `${IDP}/posts`), before + 1);
});

for (const [query, kept] of [["", false], ["&display=popup", true]]) {
  await check(`a window opened by the client ${kept ? "keeps" : "loses"} its opener${query && " with display=popup"}`, async () => {
    await scripted.goto(`${CLIENT}/`);
    const opening = scripted.waitForEvent("popup");
    await scripted.evaluate((url) => void window.open(url), `${IDP}/ui/login?end=direct${query}`);
    const popup = await opening;
    await popup.waitForSelector("#username");
    await signIn(popup);
    await popup.waitForURL(`${CLIENT}/callback*`);
    assert.equal(await popup.evaluate(() => window.opener !== null), kept);
    await popup.close();
  });
}

await done();
