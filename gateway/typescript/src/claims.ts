import { malformed } from "./errors.js";
import { Members } from "./json.js";

/** What a verified access token says (RFC 9068 §2.2); what is not there is empty. */
export interface Claims {
  readonly iss: string;
  /** The person, or the client itself (client credentials). */
  readonly sub: string;
  readonly aud: readonly string[];
  /** Seconds since 1970, as all times. */
  readonly exp: number;
  /** When it begins to be valid: iat or nbf, the later. */
  readonly iat: number;
  readonly jti: string;
  readonly clientId: string;
  readonly scope: readonly string[];
  /** When the person signed in; 0 for services. */
  readonly authTime: number;
  /** aal1, aal2, aal3. */
  readonly acr: string;
  readonly amr: readonly string[];
  /** The session; empty for services. */
  readonly sid: string;
  /** The grant. */
  readonly gid: string;
  /** The one organization that the token acts in; orgSlug is its name. */
  readonly orgId: string;
  readonly orgSlug: string;
  /** Those in the organization by bare name, system roles as system:NAME. */
  readonly roles: readonly string[];
  /** Undefined unless the token tells them. */
  readonly permissions: readonly string[] | undefined;
  /** The key that signed the token. */
  readonly kid: string;
  /** The revocation feed's position that the claims are as old as. */
  readonly pe: number;
  /** All claims as they are in the token, for those this package does not know. */
  readonly raw: Readonly<Record<string, unknown>>;
}

/** Beyond any calendar, in seconds. */
const maxTime = 2 ** 40;

/** Read a payload whose signature was checked. */
export function parseClaims(payload: Uint8Array, kid: string): Claims {
  const m = new Members(payload);
  const aud = Array.isArray(m.get("aud")) ? (m.texts("aud") ?? []) : m.get("aud") === undefined ? [] : [m.text("aud")];
  const [iss, sub, jti] = [m.text("iss"), m.text("sub"), m.text("jti")];
  const [exp, iat, nbf, authTime] = [m.number("exp"), m.number("iat"), m.number("nbf"), m.number("auth_time")];
  if (!iss || !sub || !jti || aud.length === 0 || exp <= 0 || exp > maxTime || iat > maxTime || nbf > maxTime) {
    throw malformed();
  }
  return {
    iss,
    sub,
    aud,
    exp,
    iat: Math.max(iat, nbf),
    jti,
    clientId: m.text("client_id"),
    scope: m.text("scope").split(" ").filter(Boolean),
    authTime: authTime > 0 && authTime < maxTime ? authTime : 0,
    acr: m.text("acr"),
    amr: m.texts("amr") ?? [],
    sid: m.text("sid"),
    gid: m.text("gid"),
    orgId: m.text("org_id"),
    orgSlug: m.text("org_slug"),
    roles: roles(m.texts("roles") ?? [], m.text("roles_form")),
    permissions: m.texts("permissions"),
    kid,
    pe: m.number("pe"),
    raw: m.value,
  };
}

/** A server that writes roles as an older system did (system roles bare, those of
 * the organization as org:NAME) marks its tokens so. */
function roles(roles: string[], form: string): string[] {
  if (form === "") return roles;
  if (form !== "bare") throw malformed();
  return roles.map((r) => (r.startsWith("org:") ? r.slice("org:".length) : `system:${r}`));
}
