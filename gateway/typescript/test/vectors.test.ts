// The vectors that the packages in Go, Python and TypeScript all pass.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";

import type { Claims } from "../src/claims.js";
import { Refused } from "../src/errors.js";
import { Events, Feed, FeedError, Resync, type Stream } from "../src/feed.js";
import { check, Refusal, type Requirement } from "../src/guard.js";
import type { Keys } from "../src/jws.js";
import { readKeys } from "../src/keys.js";
import { hashOf, Revocations } from "../src/revocations.js";
import { configure, Verifier } from "../src/verifier.js";

interface Vectors {
  issuer: string;
  audience: string;
  now: number;
  skew: number;
  jwks: object;
  feed_jwks: object;
  tokens: {
    name: string;
    token: string;
    result: string;
    status: number;
    error?: string;
    error_description?: string;
    claims?: object;
  }[];
  revocations: {
    name: string;
    entry: { seq: number; kind: string; value: string; exp: number };
    plain: string;
    token: string;
    result: string;
  }[];
  routes: {
    name: string;
    authorization: string[];
    require: Requirement & { max_age?: number; on_stale?: "ask" | "refuse" | "accept" };
    status: number;
    www_authenticate: string;
    error: string;
  }[];
  feeds: {
    name: string;
    steps: {
      at: number;
      snapshot?: string;
      connect?: boolean;
      text?: string;
      outcome: string;
      position: number;
      age: number | null;
      tokens?: Record<string, string>;
    }[];
  }[];
  named_tokens: Record<string, string>;
}

const file = process.env["SIGNET_VECTORS"] ?? "../testdata/vectors.json";
const v = JSON.parse(readFileSync(file, "utf8")) as Vectors;

/** A key set that is never fetched. */
async function fixed(document: object): Promise<Keys> {
  const keys = await readKeys(JSON.stringify(document));
  return { find: async (kid) => keys.get(kid) };
}

const config = configure({ issuer: v.issuer, audience: v.audience, noFeed: true, onStale: "accept", skew: v.skew, now: () => v.now });
const verifier = new Verifier(config, await fixed(v.jwks), undefined, undefined, undefined, new AbortController());

async function reason(run: () => unknown): Promise<string> {
  try {
    await run();
  } catch (e) {
    if (e instanceof Refused) return e.reason;
    throw e;
  }
  return "valid";
}

async function answer(authorization: string[], requirement?: Requirement): Promise<Refusal | undefined> {
  try {
    await check(verifier, authorization, requirement);
    return undefined;
  } catch (e) {
    assert.ok(e instanceof Refusal, String(e));
    return e;
  }
}

const told = (c: Claims): object => ({
  subject: c.sub,
  audience: c.aud,
  expiry: c.exp,
  issued_at: c.iat,
  jti: c.jti,
  client_id: c.clientId,
  scope: c.scope,
  auth_time: c.authTime,
  acr: c.acr,
  amr: c.amr,
  session_id: c.sid,
  grant_id: c.gid,
  org_id: c.orgId,
  org_slug: c.orgSlug,
  roles: c.roles,
  permissions: c.permissions ?? null,
  key_id: c.kid,
  feed_position: c.pe,
});

test("there is something to pass", () => {
  assert.ok(
    process.env["SIGNET_VECTORS"] ||
      (v.tokens.length > 100 && v.revocations.length > 50 && v.routes.length > 30 && v.feeds.length > 30),
  );
});

describe("tokens", () => {
  for (const c of v.tokens ?? []) {
    test(c.name, async () => {
      for (let i = 0; i < 2; i++) { // the second time from memory
        assert.equal(await reason(() => verifier.verify(c.token)), c.result);
      }
      const r = await answer([`Bearer ${c.token}`]);
      assert.deepEqual([r?.status ?? 200, r?.error, r?.description], [c.status, c.error, c.error_description]);
      if (c.claims) assert.deepEqual(told(await verifier.verify(c.token)), c.claims);
    });
  }
});

describe("revocations", () => {
  for (const c of v.revocations ?? []) {
    test(c.name, async () => {
      assert.equal(hashOf(c.entry.kind, c.plain), c.entry.value);
      const { claims, refs } = await verifier.parse(v.named_tokens[c.token]!);
      const list = new Revocations("f");
      list.apply(c.entry.seq, [c.entry]);
      assert.equal(await reason(() => list.check(claims.pe, refs)), c.result);
    });
  }
});

const expand = (text: string): string => text.replace(/\$\{(.*?)\}/g, (_, name: string) => v.named_tokens[name]!);

describe("routes", () => {
  for (const c of v.routes ?? []) {
    test(c.name, async () => {
      const { max_age, on_stale, ...asked } = c.require;
      const requirement: Requirement = { ...asked };
      if (max_age) requirement.maxAge = max_age;
      if (on_stale) Object.assign(requirement, { onStale: on_stale, maxStale: 1e-9 });
      const r = await answer(c.authorization.map(expand), requirement);
      assert.deepEqual([r?.status ?? 200, r?.challenge ?? "", r?.error ?? ""], [c.status, c.www_authenticate, c.error]);
    });
  }
});

describe("feeds", () => {
  for (const c of v.feeds ?? []) {
    test(c.name, async () => {
      let at = 0;
      const clocks = { wall: () => v.now + at / 1000, monotonic: () => at / 1000 };
      const feed = new Feed(v.issuer, await fixed(v.feed_jwks), v.skew, clocks);
      let stream: Stream | undefined;
      for (const [i, step] of c.steps.entries()) {
        at = step.at;
        let outcome = "ok";
        try {
          if (step.connect) stream = feed.connect();
          else if (step.snapshot) await feed.begin(step.snapshot);
          else for (const [name, data] of new Events().feed(step.text!)) await stream!.handle(name, data);
        } catch (e) {
          assert.ok(e instanceof FeedError, String(e));
          outcome = e instanceof Resync ? "resync" : "error";
          if (e instanceof Resync) feed.lost();
        }
        const age = feed.age() === Infinity ? null : Math.round(feed.age() * 1000);
        assert.deepEqual([i, outcome, feed.list?.head ?? 0, age], [i, step.outcome, step.position, step.age]);
        for (const [name, want] of Object.entries(step.tokens ?? {})) {
          const { claims, refs } = await verifier.parse(v.named_tokens[name]!);
          assert.equal(await reason(() => feed.list!.check(claims.pe, refs)), want);
        }
      }
    });
  }
});
