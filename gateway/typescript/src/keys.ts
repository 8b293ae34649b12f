import { importJWK, type JWK } from "jose";

import type { Key, Keys } from "./jws.js";
import { FetchError, monotonic, parse, type Fetcher } from "./http.js";

const maxKeySet = 1 << 20; // bytes
const maxKeys = 200;
const [minAge, defaultAge, maxAge] = [15, 300, 3600]; // seconds

/** A key of a set, ready for an algorithm when it is first used with it. */
class PublicKey implements Key {
  readonly #ready = new Map<string, ReturnType<typeof importJWK>>();

  constructor(
    private readonly jwk: JWK,
    readonly algorithm: string,
  ) {}

  for(alg: string): ReturnType<typeof importJWK> {
    let key = this.#ready.get(alg);
    if (!key) this.#ready.set(alg, (key = importJWK(this.jwk, alg)));
    return key;
  }
}

/** What a key that does not say is likely for. */
function usual(k: JWK): string {
  if (k.kty === "RSA") return "RS256";
  if (k.kty === "OKP") return "EdDSA";
  return { "P-384": "ES384", "P-521": "ES512" }[k.crv ?? ""] ?? "ES256";
}

/** Read a JWKS. One key of a kind we do not know must not make the others useless
 * (RFC 7517 §5). */
export async function readKeys(body: string): Promise<Map<string, Key>> {
  const told = parse(body)?.["keys"];
  if (!Array.isArray(told) || told.length > maxKeys) throw new FetchError("key set: not one, or of too many keys");
  const keys = new Map<string, Key>();
  for (const k of told as (JWK | null)[]) {
    if (!k || !["EC", "RSA", "OKP"].includes(k.kty ?? "") || !["", "sig"].includes(k.use ?? "sig")) continue;
    if (typeof k.kid !== "string" || !k.kid || typeof (k.alg ?? "") !== "string" || "d" in k) continue;
    const key = new PublicKey(k, k.alg ?? "");
    try {
      await key.for(k.alg ?? usual(k));
    } catch {
      continue;
    }
    keys.set(k.kid, key);
  }
  return keys;
}

/** A JWKS kept up to date; a key that is not known makes it be fetched again, not
 * more often than every refetchEvery seconds. */
export class KeySet implements Keys {
  #keys = new Map<string, Key>();
  #tried = -Infinity;
  #tag = "";
  #maxAge = defaultAge;
  #fetching: Promise<void> | undefined;

  constructor(
    private readonly url: string,
    private readonly http: Fetcher,
    private readonly trouble: (error: unknown) => void,
    private readonly refetchEvery = 5,
  ) {}

  async find(kid: string): Promise<Key | undefined> {
    const key = this.#keys.get(kid);
    if (key) return key;
    if (this.#fetching || monotonic() - this.#tried >= this.refetchEvery) {
      await this.fetch().catch(this.trouble);
    }
    return this.#keys.get(kid);
  }

  /** Read the set, once for all who ask at a time. After an error the keys read
   * before stay in use. */
  fetch(): Promise<void> {
    return (this.#fetching ??= this.#fetch().finally(() => (this.#fetching = undefined)));
  }

  async #fetch(): Promise<void> {
    this.#tried = monotonic();
    const headers: Record<string, string> = { Accept: "application/jwk-set+json, application/json" };
    if (this.#tag) headers["If-None-Match"] = this.#tag;
    const a = await this.http.get(this.url, { headers }, maxKeySet);
    this.#maxAge = readMaxAge(a.headers.get("Cache-Control") ?? "");
    if (a.status === 304 && this.#tag) return;
    if (a.status !== 200) throw new FetchError(`key set: status ${a.status}`);
    this.#keys = await readKeys(a.body);
    this.#tag = a.headers.get("ETag") ?? "";
  }

  /** Fetch the set in time, until signal. */
  refresh(signal: AbortSignal): void {
    let timer: NodeJS.Timeout;
    const next = (): void => {
      const wait = Math.min(Math.max((this.#maxAge * 4) / 5, minAge), maxAge);
      timer = setTimeout(() => {
        this.fetch()
          .catch((error: unknown) => {
            this.trouble(error);
            this.#maxAge = minAge;
          })
          .finally(() => signal.aborted || next());
      }, wait * 1000).unref();
    };
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    next();
  }
}

/** Read Cache-Control (RFC 9111 §5.2.2.1). */
function readMaxAge(header: string): number {
  const said = /(?:^|,)\s*max-age="?(\d{1,9})/i.exec(header)?.[1];
  return said === undefined ? defaultAge : Number(said);
}
