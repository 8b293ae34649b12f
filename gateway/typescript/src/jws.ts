import { compactVerify, type CryptoKey, type KeyObject } from "jose";

import { malformed, Refused } from "./errors.js";
import { Members } from "./json.js";

export const knownAlgorithms: readonly string[] = [
  "ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA",
];

/** A public key; algorithm is empty where the set does not say. */
export interface Key {
  readonly algorithm: string;
  for(alg: string): Promise<CryptoKey | KeyObject | Uint8Array>;
}

/** Finds keys by id. */
export interface Keys {
  find(kid: string): Promise<Key | undefined>;
}

/** Members of a protected header that ours never have (RFC 7515 §4): keys and
 * certificates that come with the token, and what would change how it is read. */
const extensions = ["crit", "b64", "jwk", "jku", "x5u", "x5c", "zip"];

/**
 * Check a compact JWS. It is stricter than a JOSE library has to be: the type is
 * known, the algorithm is the key's, no key comes with the token, nothing is an
 * extension, no member is there twice, and there is one way to write it.
 */
export async function openJws(
  raw: string,
  typ: string,
  keys: Keys,
  algorithms: readonly string[],
): Promise<{ payload: Uint8Array; kid: string }> {
  const parts = raw.split(".");
  if (parts.length !== 3) throw malformed();
  const [head] = parts.map(decode);
  const header = new Members(head!, true);
  if (extensions.some((name) => header.has(name))) throw malformed();
  const [said, alg, kid] = ["typ", "alg", "kid"].map((name) => {
    const value = header.get(name);
    return typeof value === "string" ? value : "";
  }) as [string, string, string];
  if (![typ, `application/${typ}`].includes(said.toLowerCase()) || !algorithms.includes(alg)) throw malformed();
  const key = kid ? await keys.find(kid) : undefined;
  if (!key) throw new Refused("unknown_key");
  if (key.algorithm !== "" && key.algorithm !== alg) throw malformed();
  try {
    const { payload } = await compactVerify(raw, await key.for(alg), { algorithms: [alg] });
    return { payload, kid };
  } catch (cause) {
    throw malformed(cause);
  }
}

/** Decode base64url without padding in its one canonical form (RFC 7515 §2). */
function decode(part: string): Uint8Array {
  const data = Buffer.from(part, "base64url");
  if (data.length === 0 || data.toString("base64url") !== part) throw malformed();
  return data;
}
