// A server whose feed says what a test wants.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";

import { CompactSign, exportJWK, generateKeyPair, type CryptoKey, type JWK } from "jose";

import { hashOf, type Entry } from "../src/revocations.js";

export const audience = "https://api.example.test";

export class Key {
  static async make(kid: string): Promise<Key> {
    const { publicKey, privateKey } = await generateKeyPair("ES256");
    return new Key(kid, privateKey, { ...(await exportJWK(publicKey)), kid, alg: "ES256", use: "sig" });
  }

  constructor(
    private readonly kid: string,
    private readonly key: CryptoKey,
    readonly jwk: JWK,
  ) {}

  sign(typ: string, payload: object): Promise<string> {
    const head = { alg: "ES256", kid: this.kid, typ };
    return new CompactSign(Buffer.from(JSON.stringify(payload))).setProtectedHeader(head).sign(this.key);
  }
}

export class Fake {
  static async start(): Promise<Fake> {
    const fake = new Fake(await Key.make("t1"), await Key.make("f1"));
    await new Promise<void>((done) => fake.server.listen(0, "127.0.0.1", done));
    fake.url = `http://127.0.0.1:${(fake.server.address() as AddressInfo).port}`;
    return fake;
  }

  url = "";
  head = 0;
  entries: Entry[] = [];
  cut = false; // refuses streams and snapshots
  holdBack = false; // as a proxy that hands streams on when they end
  verdict = ""; // of /auth/validate: "" valid, "503", else the reason
  keyReads = 0;
  asked = 0;
  polls = 0;
  readonly tokenKeys: JWK[];
  readonly server = createServer((request, response) => void this.serve(request, response));
  #streams = new Set<ServerResponse>();
  #wake = new AbortController();

  constructor(
    readonly tokenKey: Key,
    readonly feedKey: Key,
  ) {
    this.tokenKeys = [tokenKey.jwk];
  }

  close(): void {
    this.hangUp(true);
    this.server.close();
    this.server.closeAllConnections();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url!, this.url);
    if (pathname === "/stream" && !this.cut) return this.stream(response, searchParams);
    const body = await this.answer(pathname);
    response.writeHead(body === undefined ? 503 : 200).end(typeof body === "string" ? body : JSON.stringify(body ?? {}));
  }

  async answer(path: string): Promise<unknown> {
    const u = this.url;
    switch (path) {
      case "/.well-known/openid-configuration":
        return { issuer: u, jwks_uri: `${u}/jwks`, token_endpoint: `${u}/token` };
      case "/.well-known/signet-configuration":
        return {
          issuer: u,
          validate_uri: `${u}/validate`,
          revocation_snapshot_uri: `${u}/revocations`,
          revocation_stream_uri: `${u}/stream`,
          revocation_jwks_uri: `${u}/feedkeys`,
        };
      case "/jwks":
        this.keyReads++;
        return { keys: this.tokenKeys };
      case "/feedkeys":
        return { keys: [this.feedKey.jwk] };
      case "/revocations":
        return this.cut ? undefined : this.feedKey.sign("revocations+jwt", this.part(0, this.entries));
      case "/validate":
        if (this.verdict === "503") return undefined;
        this.asked++;
        return { valid: !this.verdict, reason: this.verdict || null };
    }
    return undefined;
  }

  part(after: number, entries: Entry[]): object {
    return { iss: this.url, feed_id: "feed", after, seq: this.head, as_of: Date.now(), entries };
  }

  async event(name: string, typ: string, payload: object): Promise<string> {
    return `event:${name}\ndata:${await this.feedKey.sign(typ, payload)}\n\n`;
  }

  async stream(response: ServerResponse, query: URLSearchParams): Promise<void> {
    this.#streams.add(response.writeHead(200, { "Content-Type": "text/event-stream" }));
    response.flushHeaders();
    const poll = query.has("wait");
    if (poll) this.polls++;
    let after = Number(query.get("after")), held = "";
    for (let i = 0; i < (poll ? 2 : Infinity) && this.#streams.has(response) && !response.destroyed; i++) {
      let text = "";
      if (after < this.head) {
        text = await this.event("entries", "revocations+jwt", this.part(after, this.entries.filter((e) => e.seq > after)));
        after = this.head;
      }
      const now = Date.now();
      text += await this.event("heartbeat", "heartbeat+jwt", { iss: this.url, feed_id: "feed", seq: this.head, sent: now, as_of: now });
      if (this.holdBack) held += text;
      else response.write(text);
      await pause(100, undefined, { signal: this.#wake.signal }).catch(() => undefined);
    }
    response.end(held);
  }

  /** Ends all streams, and refuses new ones if cut. */
  hangUp(cut: boolean): void {
    this.cut = cut;
    for (const s of this.#streams) s.destroy();
    this.#streams.clear();
    this.#tell();
  }

  revoke(kind: string, value: string): void {
    this.entries.push({ seq: ++this.head, kind, value: hashOf(kind, value), exp: Math.trunc(Date.now() / 1000) + 600 });
    this.#tell();
  }

  #tell(): void {
    this.#wake.abort();
    this.#wake = new AbortController();
  }

  claims(change: object = {}): object {
    const now = Math.trunc(Date.now() / 1000);
    return {
      iss: this.url, sub: "ada", aud: audience, exp: now + 60, iat: now, nbf: now, jti: "j1", client_id: "web",
      scope: "orders:read", auth_time: now, acr: "aal1", sid: "s1", gid: "g1", org_id: "o1", org_slug: "acme",
      roles: ["billing"], pe: this.head, ...change,
    };
  }

  token(change: object = {}): Promise<string> {
    return this.tokenKey.sign("at+jwt", this.claims(change));
  }
}

/** Waits for what happens elsewhere. */
export async function until(what: string, is: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + 20_000;
  while (!(await is())) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await pause(5);
  }
}
