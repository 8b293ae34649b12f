/** Why a token is refused, as /auth/validate writes it. */
export type Reason =
  | "malformed"
  | "unknown_key"
  | "wrong_issuer"
  | "wrong_audience"
  | "expired"
  | "not_yet"
  /** The token, its grant, its person, client, organization or key. */
  | "revoked"
  /** The person has signed out, or was. */
  | "session_ended"
  /** Roles changed since; a refresh brings a good token, without a new login. */
  | "stale_permissions"
  /** A good token that lacks a permission. */
  | "insufficient"
  /** Nobody can say now whether the token was revoked: answer 503. */
  | "unknown";

/** A token is refused. */
export class Refused extends Error {
  constructor(
    readonly reason: Reason,
    options?: ErrorOptions,
  ) {
    super(`signet: the token is refused: ${reason}`, options);
    this.name = "Refused";
  }
}

export const malformed = (cause?: unknown): Refused => new Refused("malformed", { cause });
