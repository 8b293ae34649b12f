import type { Claims } from "./claims.js";
import { Refused, type Reason } from "./errors.js";
import type { OnStale, Verifier } from "./verifier.js";

/** What a route asks of a token besides being good. Times are in seconds. */
export interface Requirement {
  /** All of them. */
  scopes?: readonly string[];
  /** One of them: bare names in the token's organization, system:NAME for the system's. */
  roles?: readonly string[];
  /** All of them (action:resource). A token that does not tell its permissions is
   * shown to the server: that is a call. */
  permissions?: readonly string[];
  /** That the token acts in it, by id or slug. */
  organization?: string;
  /** aal1, aal2 or aal3 or better; another value exactly. */
  acr?: string;
  /** That the person signed in no longer ago. */
  maxAge?: number;
  /** Overrides the verifier's, as onStale does. */
  maxStale?: number;
  onStale?: OnStale;
}

/** An answer in place of the route's (RFC 6750 §3, RFC 9470 §3). */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly error: string,
    readonly description: string,
    /** The value of WWW-Authenticate; empty for none. */
    readonly challenge = "",
    options?: ErrorOptions,
  ) {
    super(`${status} ${error}: ${description}`, options);
    this.name = "Refusal";
  }

  get headers(): Record<string, string> {
    return {
      "Cache-Control": "no-store",
      "Content-Type": "application/json",
      ...(this.challenge && { "WWW-Authenticate": this.challenge }),
      ...(this.status === 503 && { "Retry-After": "1" }),
    };
  }

  get body(): string {
    return JSON.stringify({ error: this.error, error_description: this.description });
  }
}

/** Judge a request by the values of its Authorization header; rejects with a
 * Refusal. */
export async function check(v: Verifier, authorization: readonly string[], r: Requirement = {}): Promise<Claims> {
  const refuse = (status: number, error: string, description: string, more = "", cause?: unknown): Refusal => {
    const challenge = `Bearer realm="${v.realm}", error="${error}", error_description="${quoted(description)}"${more}`;
    return new Refusal(status, error, description, challenge, { cause });
  };
  const lacks = (what: string): Refusal =>
    refuse(403, "insufficient_scope", `the token lacks ${what}`, r.scopes?.length ? `, scope="${quoted(r.scopes.join(" "))}"` : "");

  if (authorization.length > 1) throw refuse(400, "invalid_request", "more than one Authorization header");
  const raw = bearer(authorization[0]);
  if (raw === undefined) { // RFC 6750 §3.1: nothing was tried, so no error
    throw new Refusal(401, "invalid_token", "a bearer token is needed", `Bearer realm="${v.realm}"`);
  }
  const c = await v.verify(raw, r).catch((cause: unknown) => {
    if (!(cause instanceof Refused)) throw cause;
    if (cause.reason === "insufficient") throw lacks(`permission ${r.permissions?.join(" ")}`);
    if (cause.reason === "unknown") {
      throw new Refusal(503, "temporarily_unavailable", "whether the token was revoked is not known now", "", { cause });
    }
    throw refuse(401, "invalid_token", describe(cause.reason), "", cause);
  });

  if (r.scopes?.some((s) => !c.scope.includes(s))) throw lacks(`scope ${r.scopes.join(" ")}`);
  if (r.organization && r.organization !== c.orgId && r.organization !== c.orgSlug) throw lacks("the organization");
  if (r.roles?.length && !r.roles.some((role) => c.roles.includes(role))) throw lacks(`role ${r.roles.join(" or ")}`);
  const old = r.maxAge ? v.now() - c.authTime > r.maxAge + v.skew : false;
  if ((r.acr && !reaches(c.acr, r.acr)) || old) {
    const more = (r.acr ? `, acr_values="${quoted(r.acr)}"` : "") + (r.maxAge ? `, max_age="${Math.trunc(r.maxAge)}"` : "");
    throw refuse(401, "insufficient_user_authentication", "a stronger or more recent authentication is required", more);
  }
  return c;
}

/** The token of an Authorization header (RFC 6750 §2.1). */
function bearer(value: string | undefined): string | undefined {
  const [, raw] = /^bearer (.*)$/is.exec(value ?? "") ?? [];
  return raw?.replace(/^ +| +$/g, "");
}

/** What a client may know. */
function describe(reason: Reason): string {
  switch (reason) {
    case "expired":
      return "the token has expired";
    case "revoked":
    case "session_ended":
      return "the token was revoked";
    case "stale_permissions":
      return "roles have changed; refresh the token";
    case "wrong_audience":
      return "the token is for another API";
    default:
      return "the token is not valid here";
  }
}

const levels = ["aal1", "aal2", "aal3"];

function reaches(have: string, want: string): boolean {
  return have === want || (levels.includes(want) && levels.indexOf(have) >= levels.indexOf(want));
}

/** Make a text fit for a quoted string in a header. */
function quoted(text: string): string {
  return text.replace(/[^ -~]|["\\]/g, "");
}
