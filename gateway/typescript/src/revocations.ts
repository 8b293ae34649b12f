import { createHash } from "node:crypto";

import type { Claims } from "./claims.js";
import { Refused, type Reason } from "./errors.js";

/** A revocation as the feed tells it. */
export interface Entry {
  readonly seq: number;
  readonly kind: string;
  readonly value: string;
  readonly exp: number;
}

/** The value of an entry as the feed tells it: base64url of the first 16 bytes of
 * SHA-256 over kind, a zero byte and value. */
export function hashOf(kind: string, value: string): string {
  return createHash("sha256").update(`${kind}\0${value}`).digest().subarray(0, 16).toString("base64url");
}

/** One entry that would kill a token, and how. */
export interface Ref {
  readonly hash: string;
  readonly reason: Reason;
}

const system = "system:";

/** All entries that would kill the token, the gravest first. */
export function refs(c: Claims): readonly Ref[] {
  const found: Ref[] = [];
  const add = (reason: Reason, kind: string, value: string): void => {
    if (value) found.push({ hash: hashOf(kind, value), reason });
  };
  add("revoked", "jti", c.jti);
  add("revoked", "kid", c.kid);
  add("revoked", "grant", c.gid);
  add("revoked", "sub", c.sub);
  add("revoked", "client", c.clientId);
  add("revoked", "org", c.orgId);
  add("session_ended", "sid", c.sid);
  add("stale_permissions", "member", `/${c.sub}`); // system roles
  if (c.orgId) add("stale_permissions", "member", `${c.orgId}/${c.sub}`);
  for (const role of c.roles) {
    if (role.startsWith(system)) add("stale_permissions", "role", `/${role.slice(system.length)}`);
    else if (c.orgId) add("stale_permissions", "role", `${c.orgId}/${role}`);
  }
  return found;
}

interface Mark {
  /** The position below which tokens are dead. */
  readonly seq: number;
  readonly exp: number;
}

const nothing: Mark = { seq: 0, exp: 0 };
const both = (a: Mark, b: Mark): Mark => ({ seq: Math.max(a.seq, b.seq), exp: Math.max(a.exp, b.exp) });

/** What is revoked up to a position. */
export class Revocations {
  head = 0;
  readonly #marks = new Map<string, Mark>();
  #all = nothing;

  constructor(readonly feedId: string) {}

  /** Take entries that lead to head. */
  apply(head: number, entries: readonly Entry[]): void {
    for (const { seq, kind, value, exp } of entries) {
      switch (kind) {
        case "jti":
        case "kid": // always, whatever the position
          this.#mark(value, { seq: Infinity, exp });
          break;
        case "grant":
        case "sid":
        case "sub":
        case "client":
        case "org":
        case "member":
        case "role":
          this.#mark(value, { seq, exp });
          break;
        default: // all, and kinds of a newer server: rather too much than too little
          this.#all = both(this.#all, { seq, exp });
      }
    }
    this.head = head;
  }

  #mark(value: string, mark: Mark): void {
    this.#marks.set(value, both(this.#marks.get(value) ?? nothing, mark));
  }

  /** Forget what has expired at now, in seconds. */
  sweep(now: number): void {
    for (const [value, { exp }] of this.#marks) if (exp < now) this.#marks.delete(value);
    if (this.#all.exp < now) this.#all = nothing;
  }

  /** Throw if the list kills a token; the gravest reason wins. */
  check(position: number, refs: readonly Ref[]): void {
    if (this.#all.seq > position) throw new Refused("revoked");
    for (const { hash, reason } of refs) {
      if ((this.#marks.get(hash)?.seq ?? 0) > position) throw new Refused(reason);
    }
  }
}
