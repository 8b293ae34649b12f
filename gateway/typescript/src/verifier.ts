import { createHash } from "node:crypto";

import { parseClaims, type Claims } from "./claims.js";
import { malformed, Refused, type Reason } from "./errors.js";
import { Feed } from "./feed.js";
import { Follower } from "./follower.js";
import { Credential, discover, Fetcher, monotonic, parse, type Endpoints, type Fetch } from "./http.js";
import { knownAlgorithms, openJws, type Keys } from "./jws.js";
import { KeySet } from "./keys.js";
import { refs, type Ref } from "./revocations.js";

/** What becomes of a good token when the news of revocations is too old: ask the
 * server's /auth/validate, refuse, or let it pass until it expires. */
export type OnStale = "ask" | "refuse" | "accept";

/** Is told what happens, for metrics. */
export interface Observer {
  /** A verdict, and how many seconds it took. */
  verified?(result: "valid" | Reason, seconds: number): void;
  /** How old the news is, in seconds, about once a second. */
  staleness?(seconds: number): void;
}

/** Says whose tokens are accepted. Times are in seconds. */
export interface Options {
  /** The server's issuer URL, as in its discovery document. */
  issuer: string;
  /** This API's identifier: tokens must name it in aud. */
  audience: string;
  /** With clientSecret, for a token with the scope revocations:read; without, the
   * feed must be open, or noFeed be set. */
  clientId?: string;
  clientSecret?: string;
  /** Does without the feed: onStale decides about every token. */
  noFeed?: boolean;
  /** How old the news of revocations may be. Default 5. */
  maxStale?: number;
  /** What happens beyond. Default ask. */
  onStale?: OnStale;
  /** Default ES256, RS256, PS256, EdDSA. */
  algorithms?: readonly string[];
  /** How far clocks may differ. Default 30. */
  skew?: number;
  /** How many just-verified tokens are remembered. Default 10,000; 0: none. */
  cache?: number;
  /** Named in WWW-Authenticate. Default signet. */
  realm?: string;
  /** Makes all calls. Default: the global one. */
  fetch?: Fetch;
  /** How long starting may take. Default 10. */
  startTimeout?: number;
  /** Ends what runs in the background, as close does. */
  signal?: AbortSignal;
  observer?: Observer;
  /** Hears of trouble with the server. Default: nobody. */
  log?: (message: string, error: unknown) => void;
  /** The clock for expiry, in seconds since 1970. How old news is does not go by it. */
  now?: () => number;
}

/** What a single token may differ in from the Options. */
export interface Bound {
  maxStale?: number | undefined;
  onStale?: OnStale | undefined;
  /** All of these the token must give; one that does not tell is shown to the server. */
  permissions?: readonly string[] | undefined;
}

type Config = Required<Omit<Options, "signal">>;

const maxToken = 16 << 10; // bytes
const askTimeout = 2; // seconds

/** A JWS whose signature was good, with what would revoke it. */
interface Token {
  readonly claims: Claims;
  readonly refs: readonly Ref[];
}

/** Verifies access tokens. createVerifier makes one. */
export class Verifier {
  readonly #seen: Cache;

  /** @internal */
  constructor(
    private readonly config: Config,
    private readonly keys: Keys,
    private readonly follower: Follower | undefined,
    private readonly http: Fetcher | undefined,
    private readonly at: Endpoints | undefined,
    private readonly background: AbortController,
  ) {
    this.#seen = new Cache(config.cache);
  }

  /** Ends what runs in the background. verify goes on, by what is known, and
   * counts as stale soon. */
  close(): void {
    this.background.abort();
  }

  /** How old the news of revocations is at most, in seconds; infinite without a
   * feed, or while its state is not certain. */
  get staleness(): number {
    return this.follower?.feed.age() ?? Infinity;
  }

  /** How far the revocation feed is applied here. */
  get position(): number {
    return this.follower?.feed.list?.head ?? 0;
  }

  get realm(): string {
    return this.config.realm;
  }

  get skew(): number {
    return this.config.skew;
  }

  /** The time by which tokens are judged. */
  now(): number {
    return this.config.now();
  }

  /** The claims of a good token; rejects with Refused. The caller decides by the
   * claims what the token opens; protect does both. */
  async verify(token: string, bound: Bound = {}): Promise<Claims> {
    const begin = monotonic();
    let result: "valid" | Reason = "malformed";
    try {
      const claims = await this.#judge(token, bound);
      result = "valid";
      return claims;
    } catch (error) {
      if (error instanceof Refused) result = error.reason;
      throw error;
    } finally {
      this.config.observer.verified?.(result, monotonic() - begin);
    }
  }

  async #judge(raw: string, bound: Bound): Promise<Claims> {
    const { maxStale = this.config.maxStale, onStale = this.config.onStale, permissions = [] } = bound;
    const { claims: c, refs } = await this.parse(raw);
    const { skew } = this.config, now = this.config.now();
    if (now >= c.exp + skew) throw new Refused("expired");
    if (now + skew < c.iat) throw new Refused("not_yet");
    let stale = true;
    if (this.follower) {
      // The age is read first: what is checked after is at least as new.
      const { feed } = this.follower;
      stale = feed.age() > maxStale;
      // What is known to be revoked is, however old the news.
      feed.list?.check(c.pe, refs);
    }
    const missing = permissions.some((p) => !c.permissions?.includes(p));
    if (missing && c.permissions) throw new Refused("insufficient");
    // A token that does not tell permissions: the server knows what its roles give.
    if (missing) await this.#ask(raw, permissions);
    else if (stale && onStale === "ask") await this.#ask(raw, []);
    else if (stale && onStale === "refuse") throw new Refused("unknown");
    return c;
  }

  /** Check what does not change: signature, type, issuer, audience.
   * @internal */
  async parse(raw: string): Promise<Token> {
    if (raw.length > maxToken) throw malformed();
    const key = createHash("sha256").update(raw).digest("base64");
    const known = this.#seen.get(key);
    if (known) return known;
    const { payload, kid } = await openJws(raw, "at+jwt", this.keys, this.config.algorithms);
    const claims = parseClaims(payload, kid);
    if (claims.iss !== this.config.issuer) throw new Refused("wrong_issuer");
    if (!claims.aud.includes(this.config.audience)) throw new Refused("wrong_audience");
    const token = { claims, refs: refs(claims) };
    this.#seen.put(key, token);
    return token;
  }

  /** Have the server judge the token. */
  async #ask(raw: string, permissions: readonly string[]): Promise<void> {
    if (!this.http || !this.at) throw new Refused("unknown");
    const question = {
      token: raw,
      audience: this.config.audience,
      required_permissions: permissions.length > 0 ? permissions : null,
    };
    const headers = { "Content-Type": "application/json", Accept: "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(question) };
    const answer = await this.http.get(this.at.validate, init, undefined, askTimeout).catch((cause: unknown) => {
      throw new Refused("unknown", { cause });
    });
    const verdict = answer.status === 200 ? parse(answer.body) : undefined;
    if (typeof verdict?.["valid"] !== "boolean") throw new Refused("unknown");
    if (!verdict["valid"]) throw new Refused(verdicts.find((v) => v === verdict["reason"]) ?? "revoked");
  }
}

const verdicts: readonly Reason[] = [
  "expired", "session_ended", "stale_permissions", "unknown_key", "wrong_issuer", "insufficient", "malformed",
];

/** Make a verifier, and return once it knows the issuer's keys and, unless noFeed,
 * what is revoked and that this is fresh. Rejects when the server is out of reach.
 * The verifier then lives until close. */
export async function createVerifier(options: Options): Promise<Verifier> {
  const c = configure(options);
  const { signal } = options;
  const background = new AbortController();
  const http = new Fetcher(c.fetch);
  const trouble = (error: unknown): void => c.log("signet: trouble with the server", error);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", () => background.abort(), { once: true });
  try {
    const at = await discover(http, c.issuer);
    const keys = new KeySet(at.jwks, http, trouble);
    await keys.fetch();
    const follower = c.noFeed ? undefined : await follow(c, http, at, trouble, background.signal);
    keys.refresh(background.signal);
    return new Verifier(c, keys, follower, http, at, background);
  } catch (cause) {
    background.abort();
    throw new Error(`signet: the verifier does not start: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

/** Begin to follow the feed and wait for its first heartbeat. */
async function follow(
  c: Config,
  http: Fetcher,
  at: Endpoints,
  trouble: (error: unknown) => void,
  signal: AbortSignal,
): Promise<Follower> {
  const keys = new KeySet(at.feedKeys, http, trouble);
  await keys.fetch();
  const feed = new Feed(c.issuer, keys, c.skew, { wall: c.now, monotonic });
  const credential = new Credential(http, at.token, c.issuer, c.clientId, c.clientSecret);
  const heard = (age: number): void => c.observer.staleness?.(age);
  const follower = new Follower(feed, http, at, credential, heard, trouble);
  await follower.load(); // here, so that its error is the caller's to see
  void follower.run(signal);
  keys.refresh(signal);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no heartbeat from the revocation feed")), c.startTimeout * 1000);
  });
  await Promise.race([follower.first, late]).finally(() => clearTimeout(timer));
  return follower;
}

/** @internal */
export function configure(o: Options): Config {
  const c: Config = {
    issuer: o.issuer,
    audience: o.audience,
    clientId: o.clientId ?? "",
    clientSecret: o.clientSecret ?? "",
    noFeed: o.noFeed ?? false,
    maxStale: o.maxStale ?? 5,
    onStale: o.onStale ?? "ask",
    algorithms: o.algorithms ?? ["ES256", "RS256", "PS256", "EdDSA"],
    skew: o.skew ?? 30,
    cache: o.cache ?? 10_000,
    realm: o.realm ?? "signet",
    fetch: o.fetch ?? globalThis.fetch,
    startTimeout: o.startTimeout ?? 10,
    observer: o.observer ?? {},
    log: o.log ?? (() => undefined),
    now: o.now ?? (() => Date.now() / 1000),
  };
  const wrong = (what: string): never => {
    throw new TypeError(`signet: ${what}`);
  };
  if (!URL.canParse(c.issuer)) wrong(`issuer ${c.issuer} is not an issuer URL`);
  const u = new URL(c.issuer);
  if (!u.hostname || u.hash || u.search || u.username) wrong(`issuer ${c.issuer} is not an issuer URL`);
  const loopback = u.hostname === "localhost" || u.hostname === "[::1]" || u.hostname.startsWith("127.");
  if (u.protocol !== "https:" && !(u.protocol === "http:" && loopback)) wrong(`issuer ${c.issuer} must be https`);
  if (!c.audience) wrong("audience is required: tokens for other APIs must not open this one");
  if (!c.clientId !== !c.clientSecret) wrong("clientId and clientSecret go together");
  if (c.algorithms.length === 0 || !c.algorithms.every((a) => knownAlgorithms.includes(a))) {
    wrong(`algorithms: only ${knownAlgorithms.join(", ")} are accepted`);
  }
  if (!["ask", "refuse", "accept"].includes(c.onStale)) wrong("onStale is ask, refuse or accept");
  if (/["\\\r\n]/.test(c.realm)) wrong("realm must not need quoting");
  return c;
}

/** Remembers tokens whose signature was checked, by the hash of the whole token:
 * one that differs in one bit is another token. What is used lives on in the
 * younger of two generations; the older one is dropped as a whole.
 * @internal */
export class Cache<T = Token> {
  #young = new Map<string, T>();
  #old = new Map<string, T>();
  readonly #half: number;

  constructor(size: number) {
    this.#half = size > 0 ? Math.max(size >> 1, 1) : 0;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: string): T | undefined {
    const young = this.#young.get(key);
    if (young) return young;
    const old = this.#old.get(key);
    if (old) this.put(key, old);
    return old;
  }

  put(key: string, token: T): void {
    if (!this.#half) return;
    if (this.#young.size >= this.#half) [this.#old, this.#young] = [this.#young, new Map()];
    this.#young.set(key, token);
  }
}
