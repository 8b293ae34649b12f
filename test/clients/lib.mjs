// What the scripts of this directory share: checks that Go reports, the
// settings that Go gives, and a person at the hosted pages.

import assert from "node:assert/strict";

export { assert };

// settings: issuer, person {sub, email, password}, secret, redirect, home, api,
// keys (private JWKs by algorithm), and what a single test adds.
export const settings = JSON.parse(process.env.SETTINGS);

let failed = 0;

// check runs one test and reports it on a line of its own. A failure does not
// stop the script.
export async function check(name, run) {
  const start = performance.now();
  let error = "";
  try {
    await run();
  } catch (e) {
    error = describe(e);
    failed++;
  }
  process.stdout.write(JSON.stringify({ name, error, ms: Math.round(performance.now() - start) }) + "\n");
}

// describe is all that an error says: clients put the server's answer below it.
function describe(e) {
  const lines = [String(e?.stack ?? e)];
  for (const name of ["code", "error", "error_description", "status"]) {
    if (e?.[name] !== undefined) lines.push(`${name}: ${e[name]}`);
  }
  if (e?.cause) {
    const cause = e.cause;
    lines.push(`cause: ${cause instanceof Error ? describe(cause) : JSON.stringify(cause, null, 1)}`);
  }
  return lines.join("\n");
}

// done tells Go how it went.
export function done() {
  process.exitCode = failed > 0 ? 1 : 0;
}

// refused runs what must fail and returns the error.
export async function refused(run) {
  try {
    await run();
  } catch (e) {
    return e;
  }
  assert.fail("this must be refused");
}

// Person is a browser without scripts: it keeps cookies, follows redirects
// within the issuer, fills in forms, and stops where it is sent to a client.
export class Person {
  cookies = new Map();

  // authorize walks an authorization request and returns what reaches the
  // client: a URL, or a Request if the response comes as a form.
  async authorize(url, { consent = "approve" } = {}) {
    let page = await this.open(url);
    if (page.has("login-page")) {
      page = await this.submit(page, { username: settings.person.email, password: settings.person.password, action: "login" });
    }
    if (page.has("consent-page")) {
      page = await this.submit(page, { action: consent });
    }
    if (page.client) return page.client;
    const { action, fields } = page.form();
    assert.ok(action && !action.startsWith(settings.issuer), `the browser is still at ${page.url}: ${page.status}\n${page.body}`);
    return new Request(action, { method: "POST", body: fields });
  }

  // open follows an address to a page, or to the client.
  async open(url, init = {}) {
    url = new URL(url);
    for (let hops = 0; hops < 10; hops++) {
      if (url.origin !== new URL(settings.issuer).origin) return { client: url, has: () => false };
      const headers = new Headers(init.headers);
      if (this.cookies.size > 0) headers.set("cookie", [...this.cookies].map(([k, v]) => `${k}=${v}`).join("; "));
      const response = await fetch(url, { ...init, headers, redirect: "manual" });
      for (const cookie of response.headers.getSetCookie()) this.keep(cookie);
      const body = await response.text();
      if (!response.headers.has("location")) return new Page(url, response.status, body);
      url = new URL(response.headers.get("location"), url);
      init = {};
    }
    assert.fail(`too many redirects, now to ${url}`);
  }

  keep(cookie) {
    const [pair, ...attributes] = cookie.split(";");
    const at = pair.indexOf("=");
    const gone = attributes.some((a) => /^\s*max-age=(0|-\d+)\s*$/i.test(a));
    if (gone) this.cookies.delete(pair.slice(0, at));
    else this.cookies.set(pair.slice(0, at), pair.slice(at + 1));
  }

  // submit sends a page's form with some fields filled in.
  submit(page, filled) {
    const { action, fields } = page.form();
    assert.ok(action, `no form at ${page.url}: ${page.status}\n${page.body}`);
    for (const [name, value] of Object.entries(filled)) fields.set(name, value);
    return this.open(new URL(action, page.url), { method: "POST", body: fields });
  }
}

class Page {
  constructor(url, status, body) {
    Object.assign(this, { url, status, body });
  }

  has(id) {
    return this.body.includes(`id="${id}"`);
  }

  form() {
    const fields = new URLSearchParams();
    for (const [tag] of this.body.matchAll(/<input\b[^>]*>/g)) {
      const [name, value] = [attribute(tag, "name"), attribute(tag, "value")];
      if (name !== undefined && value !== undefined) fields.set(name, value);
    }
    return { action: attribute(this.body.match(/<form\b[^>]*>/)?.[0] ?? "", "action"), fields };
  }
}

function attribute(tag, name) {
  const value = tag.match(new RegExp(`\\b${name}="([^"]*)"`))?.[1];
  const named = { amp: "&", lt: "<", gt: ">", quot: '"' };
  return value?.replace(/&(?:#(\d+)|(\w+));/g, (_, code, word) => (code ? String.fromCodePoint(code) : named[word]));
}
