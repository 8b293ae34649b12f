// A front end's client of the JSON API, as a React application holds it: typed
// from the contract alone, tokens in memory, a refresh when a call answers 401,
// the rotated refresh token stored from every answer.

import assert from "node:assert/strict";

interface Settings {
  base: string;
  mailbox: string;
  prefix: string;
}

interface User {
  id: string;
  user_id: string;
  email: string | null;
  username: string | null;
  name: string | null;
  full_name: string | null;
  first_name: string | null;
  last_name: string | null;
  display_name: string | null;
  phone_number: string | null;
  avatar_url: string | null;
  skills: string[];
  interests: string[];
  status: string | null;
  is_verified: boolean;
  mfa_enabled: boolean;
  roles: string[];
  permissions: string[];
  organization_id: string | null;
  tenant_id: string | null;
  last_login_at: string | null;
  created_at: string | null;
}

interface Me extends User {
  organizations: { id: string; organization_id: string; name: string; slug: string; role: string }[];
  organization: Organization | null;
  preferences: Record<string, unknown>;
}

interface Organization {
  id: string;
  organization_id: string;
  name: string;
  slug: string;
  settings: Record<string, unknown>;
  features: string[];
  subscription_tier: string | null;
  member_count: number;
  is_active: boolean;
}

interface Tokens {
  access_token: string | null;
  refresh_token: string | null;
  token_type: string;
  expires_in: number | null;
  user_id: string;
  organization_id: string | null;
  session_id: string | null;
  requires_mfa: boolean;
  mfa_methods: unknown[];
  user?: User;
}

interface Member {
  user_id: string | null;
  email: string | null;
  display_name: string | null;
  role: string;
  status: string;
  joined_at: string | null;
}

interface MemberPage {
  users: Member[];
  members: Member[];
  total_count: number;
  page: number;
  page_size: number;
  next_cursor: string | null;
}

interface Refusal {
  detail: string | { loc: (string | number)[]; msg: string; type: string }[];
  error_code: string;
  timestamp: string;
  request_id: string;
}

class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly body: Refusal,
    readonly headers: Headers,
  ) {
    super(`${status} ${body.error_code} ${JSON.stringify(body.detail)}`);
  }
}

const settings = JSON.parse(process.env["SETTINGS"] ?? "") as Settings;

class Api {
  access: string | null = null;
  refreshToken: string | null = null;
  refreshes = 0;
  private refreshing: Promise<void> | null = null;

  async call<T>(method: string, path: string, body?: unknown, again = true): Promise<T> {
    const sent = this.access;
    const headers: Record<string, string> = { Accept: "application/json" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (sent !== null) headers["Authorization"] = `Bearer ${sent}`;
    const init: RequestInit = { method, headers, redirect: "error" };
    if (body !== undefined) init.body = JSON.stringify(body);
    const response = await fetch(settings.base + settings.prefix + path, init);
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as T;
    const refusal = new ApiError(response.status, JSON.parse(text) as Refusal, response.headers);
    if (response.status === 401 && again && this.refreshToken !== null && sent !== null) {
      if (this.refreshing !== null || sent === this.access) await this.refresh();
      return this.call<T>(method, path, body, false);
    }
    throw refusal;
  }

  private take(t: Tokens): Tokens {
    this.access = t.access_token;
    this.refreshToken = t.refresh_token;
    return t;
  }

  async login(email: string, password: string): Promise<Tokens> {
    this.access = this.refreshToken = null;
    return this.take(await this.call<Tokens>("POST", "/auth/login", { email, password, remember_me: true }));
  }

  // Many components see the 401 at once; one refresh serves them all.
  async refresh(organization?: string): Promise<void> {
    this.refreshing ??= (async () => {
      const old = this.refreshToken;
      this.refreshes++;
      this.access = null;
      const t = await this.call<Tokens>("POST", "/auth/refresh", {
        refresh_token: old,
        ...(organization === undefined ? {} : { organization_id: organization }),
      });
      assert.ok(t.refresh_token !== null && t.refresh_token !== old, "refresh must rotate");
      this.take(t);
    })().finally(() => (this.refreshing = null));
    return this.refreshing;
  }

  // What another tab does with the same stored token.
  copy(): Api {
    const other = new Api();
    other.access = this.access;
    other.refreshToken = this.refreshToken;
    return other;
  }
}

let failed = 0;

async function check(name: string, run: () => Promise<void>): Promise<void> {
  const start = performance.now();
  let error = "";
  try {
    await run();
  } catch (e) {
    error = e instanceof Error ? (e.stack ?? e.message) : String(e);
    failed++;
  }
  process.stdout.write(JSON.stringify({ name, error, ms: Math.round(performance.now() - start) }) + "\n");
}

async function refused(status: number, code: string, run: () => Promise<unknown>): Promise<ApiError> {
  try {
    await run();
  } catch (e) {
    if (!(e instanceof ApiError)) throw e;
    assert.equal(e.status, status, e.message);
    assert.equal(e.body.error_code, code, e.message);
    assert.ok(e.body.request_id && e.body.timestamp, JSON.stringify(e.body));
    return e;
  }
  assert.fail("this must be refused");
}

async function linkToken(to: string, page: string): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const mails = (await (await fetch(`${settings.mailbox}?to=${encodeURIComponent(to)}`)).json()) as { text: string }[];
    for (const mail of mails.reverse()) {
      const found = new RegExp(`${page}\\?token=([A-Za-z0-9_-]+)`).exec(mail.text);
      if (found?.[1] !== undefined) return found[1];
    }
    await new Promise((r) => setTimeout(r, 50));
  }
  assert.fail(`no mail to ${to} with ${page}`);
}

const tag = Math.random().toString(36).slice(2, 10);
const email = `dana-${tag}@people.example`;
const friend = `eve-${tag}@people.example`;
const password = "an unusually long pass phrase";
const api = new Api();
let organization: Organization;

await check("sign up and verify", async () => {
  const made = await api.call<Tokens & { verification_required: boolean; next_step: string | null }>("POST", "/auth/register", {
    email,
    password,
    first_name: "Dana",
    last_name: "Scully",
  });
  assert.equal(made.verification_required, true);
  assert.equal(made.access_token, null);
  await refused(403, "AUTH_007", () => api.login(email, password));
  await api.call("POST", "/auth/verify-email", { verification_token: await linkToken(email, "/ui/verify-email") });
  const t = await api.login(email, password);
  assert.equal(t.requires_mfa, false);
  assert.deepEqual(t.mfa_methods, []);
  assert.equal(t.user?.first_name, "Dana");
});

await check("the user is as typed", async () => {
  const me = await api.call<Me>("GET", "/auth/me");
  for (const name of ["id", "email", "full_name", "status", "created_at"] as const) assert.equal(typeof me[name], "string", name);
  for (const name of ["skills", "interests", "roles", "permissions", "organizations"] as const) assert.ok(Array.isArray(me[name]), name);
  assert.equal(me.organization, null);
  assert.equal(me.full_name, "Dana Scully");
});

await check("create an organization and switch to it", async () => {
  organization = await api.call<Organization>("POST", "/organizations", { name: `Bureau ${tag}`, org_type: "business" });
  await api.refresh(organization.id);
  const me = await api.call<Me>("GET", "/auth/me");
  assert.equal(me.organization?.id, organization.id);
  assert.equal(me.tenant_id, organization.id);
  assert.ok(me.permissions.includes("write:members"), me.permissions.join());
});

await check("invite, accept, list", async () => {
  const added = await api.call<Member>("POST", `/organizations/${organization.id}/users`, { email: friend, role: "viewer" });
  assert.equal(added.status, "invited");
  const other = new Api();
  const t = await other.call<Tokens>("POST", "/auth/register", {
    email: friend,
    password,
    invite_token: await linkToken(friend, "/ui/invitation"),
  });
  assert.ok(t.access_token);
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: MemberPage = await api.call<MemberPage>("GET", `/organizations/${organization.id}/users?page_size=1${query}`);
    assert.equal(page.total_count, 2);
    seen.push(...page.users.map((m) => m.user_id ?? ""));
    cursor = page.next_cursor;
  } while (cursor !== null);
  assert.equal(new Set(seen).size, 2);
});

await check("many components and one expired token make one refresh", async () => {
  api.access = "expired.or.broken";
  const before = api.refreshes;
  const answers = await Promise.all(Array.from({ length: 8 }, () => api.call<Me>("GET", "/auth/me")));
  assert.ok(answers.every((m) => m.email === email));
  assert.equal(api.refreshes, before + 1);
});

await check("two tabs refresh with one token", async () => {
  const tab = api.copy();
  await Promise.all([api.refresh(), tab.refresh()]);
  assert.equal(api.refreshToken, tab.refreshToken);
  await tab.call<Me>("GET", "/auth/me");
});

await check("a role that was taken needs a refresh and no new login", async () => {
  const owner = api.copy();
  const other = new Api();
  await other.login(friend, password);
  await other.refresh(organization.id);
  const friendId = (await other.call<Me>("GET", "/auth/me")).id;
  await owner.call("PATCH", `/organizations/${organization.id}/users/${friendId}`, { role: "admin" });
  await other.refresh();
  assert.ok((await other.call<Me>("GET", "/auth/me")).roles.includes("admin"));
  await owner.call("PATCH", `/organizations/${organization.id}/users/${friendId}`, { role: "viewer" });
  const before = other.refreshes;
  const me = await other.call<Me>("GET", "/auth/me");
  assert.ok(!me.roles.includes("admin"), me.roles.join());
  assert.equal(other.refreshes, before + 1, "the stale token was refreshed by itself");
  api.refreshToken = owner.refreshToken;
  api.access = owner.access;
});

await check("forms show what is wrong beside the field", async () => {
  const e = await refused(422, "REQ_001", () => api.call("POST", "/organizations", { name: "", website: "javascript:alert(1)" }));
  assert.ok(Array.isArray(e.body.detail));
  assert.deepEqual(e.body.detail.map((d) => d.loc.join(".")).sort(), ["body.name", "body.website"]);
});

await check("too many guesses lock, and say for how long", async () => {
  const guess = new Api();
  let locked: ApiError | null = null;
  for (let i = 0; i < 12 && locked === null; i++) {
    try {
      await guess.login(`nobody-${tag}@people.example`, "guess");
    } catch (e) {
      if (e instanceof ApiError && e.status === 423) locked = e;
    }
  }
  assert.ok(locked !== null, "not locked after 12 guesses");
  assert.equal(locked.body.error_code, "AUTH_008");
  assert.ok(Number(locked.headers.get("Retry-After")) > 0);
});

await check("sign out everywhere", async () => {
  const other = new Api();
  await other.login(email, password);
  await api.call("POST", "/auth/logout", { refresh_token: api.refreshToken, all_sessions: true });
  await refused(401, "AUTH_005", () => other.call("GET", "/auth/me", undefined, false));
  await refused(401, "AUTH_005", () => other.call("POST", "/auth/refresh", { refresh_token: other.refreshToken }, false));
});

process.exitCode = failed > 0 ? 1 : 0;
