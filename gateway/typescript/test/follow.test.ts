// A verifier with a server: news, trouble, policies.

import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { Refused } from "../src/errors.js";
import { Feed } from "../src/feed.js";
import { Follower } from "../src/follower.js";
import { Credential, Fetcher, monotonic } from "../src/http.js";
import { KeySet } from "../src/keys.js";
import { Cache, configure, createVerifier, type Options, type Verifier } from "../src/verifier.js";
import { audience, Fake, Key, until } from "./fake.js";

let fake: Fake, ended: AbortController;

beforeEach(async () => {
  fake = await Fake.start();
  ended = new AbortController();
});

afterEach(() => {
  ended.abort();
  fake.close();
});

const make = (more: Partial<Options> = {}): Promise<Verifier> =>
  createVerifier({ issuer: fake.url, audience, signal: ended.signal, ...more });

const refused = (reason: string) => (e: unknown): boolean => e instanceof Refused && e.reason === reason;

test("news arrive, and what was missed is caught up with", async () => {
  const ages: number[] = [], verdicts: string[] = [];
  const v = await make({ observer: { staleness: (s) => ages.push(s), verified: (r) => verdicts.push(r) } });
  const token = await fake.token();
  assert.equal((await v.verify(token)).sub, "ada");
  fake.revoke("sid", "s1");
  await until("applied", () => v.position === 1);
  await assert.rejects(v.verify(token), refused("session_ended"));
  assert.equal((await v.verify(await fake.token())).pe, 1);
  fake.hangUp(true);
  fake.revoke("sub", "ada");
  fake.hangUp(false);
  await until("resumed", () => v.position === 2);
  await assert.rejects(v.verify(await fake.token({ pe: 1 })), refused("revoked"));
  assert.deepEqual(verdicts, ["valid", "session_ended", "valid", "revoked"]);
  assert.ok(ages.length > 0 && ages.every((a) => a < 5));
});

test("policies", async () => {
  const [ask, refuse, accept] = await Promise.all([
    make({ maxStale: 0.3 }), make({ maxStale: 0.3, onStale: "refuse" }), make({ maxStale: 0.3, onStale: "accept" }),
  ]);
  const token = await fake.token();
  fake.hangUp(true);
  await until("stale", () => [ask, refuse, accept].every((v) => v.staleness > 0.3));
  await accept.verify(token);
  await refuse.verify(token, { onStale: "accept" });
  await assert.rejects(refuse.verify(token), refused("unknown"));
  await ask.verify(token);
  assert.equal(fake.asked, 1);
  for (const [verdict, reason] of [["503", "unknown"], ["session_ended", "session_ended"], ["?", "revoked"]] as const) {
    fake.verdict = verdict;
    await assert.rejects(ask.verify(token), refused(reason));
  }
  fake.hangUp(false);
  await until("fresh again", () => refuse.staleness < 0.3);
  await refuse.verify(token);
});

test("a stream that is held back is polled", async () => {
  fake.holdBack = true;
  const http = new Fetcher(fetch), u = fake.url;
  const keys = new KeySet(`${u}/feedkeys`, http, () => undefined);
  const feed = new Feed(u, keys, 30, { wall: () => Date.now() / 1000, monotonic });
  const at = { jwks: "", token: "", validate: "", snapshot: `${u}/revocations`, stream: `${u}/stream`, feedKeys: "" };
  const follower = new Follower(feed, http, at, new Credential(http, "", u, "", ""), () => undefined, () => undefined, 0.4);
  void follower.run(ended.signal);
  await follower.first;
  assert.ok(fake.polls > 0);
  fake.revoke("sid", "s1");
  await until("applied", () => feed.list?.head === 1);
});

test("unknown keys are fetched at times, once for all who ask", async () => {
  const v = await make({ noFeed: true, onStale: "accept" });
  for (let i = 0; i < 20; i++) {
    await assert.rejects(v.verify(await (await Key.make(`x${i}`)).sign("at+jwt", fake.claims())), refused("unknown_key"));
  }
  assert.equal(fake.keyReads, 1);
  const keys = new KeySet(`${fake.url}/jwks`, new Fetcher(fetch), () => undefined, 0.05);
  await Promise.all(Array.from({ length: 10 }, () => keys.find("t1"))).then((found) => assert.ok(found.every(Boolean)));
  assert.equal(fake.keyReads, 2);
});

test("a server that is away", async () => {
  fake.cut = true;
  await assert.rejects(make(), /does not start.*status 503/);
  fake.cut = false;
  fake.holdBack = true;
  await assert.rejects(make({ startTimeout: 0.2 }), /no heartbeat/);
  await assert.rejects(make({ issuer: `${fake.url}/` }), /says that it is/);
});

test("without a feed every token is asked about", async () => {
  const v = await make({ noFeed: true });
  await v.verify(await fake.token());
  await v.verify(await fake.token(), { permissions: ["void:invoice"] });
  assert.equal(fake.asked, 2);
});

test("closed", async () => {
  const v = await make({ maxStale: 0.2, onStale: "refuse" });
  v.close();
  await until("stale", () => v.staleness > 0.2);
  await assert.rejects(v.verify(await fake.token()), refused("unknown"));
});

test("configuration is checked", () => {
  const good = { issuer: "https://id.example.com", audience };
  configure(good);
  for (const wrong of [
    { issuer: "http://id.example.com" }, { issuer: "https://id.example.com?x" }, { issuer: "id.example.com" }, { audience: "" },
    { clientId: "g" }, { algorithms: ["none"] }, { algorithms: ["HS256"] }, { realm: 'x"' }, { onStale: "hope" as "ask" },
  ]) {
    assert.throws(() => configure({ ...good, ...wrong }), TypeError, JSON.stringify(wrong));
  }
});

test("the cache is bounded, and what is used stays", () => {
  const c = new Cache<number>(100);
  c.put("used", 1);
  for (let i = 0; i < 1000; i++) {
    c.put(String(i), i);
    assert.equal(c.get("used"), 1);
  }
  assert.ok(c.size <= 100);
});
