/**
 * Verifies access tokens of a Signet server in the process that receives them: no
 * call per request, and no token accepted after it was revoked but within a bound
 * that the verifier itself knows.
 *
 *     const verifier = await createVerifier({ issuer, audience, clientId, clientSecret });
 *     app.use("/orders", protect(verifier, { scopes: ["orders:read"] }));
 *
 * The two functions to know are createVerifier and protect. Go's package gateway is
 * the elder sister: the vectors in gateway/testdata hold both to the same verdicts.
 */
export type { Claims } from "./claims.js";
export { Refused, type Reason } from "./errors.js";
export { check, Refusal, type Requirement } from "./guard.js";
export { guard, protect } from "./middleware.js";
export { createVerifier, type Bound, type Observer, type OnStale, type Options, type Verifier } from "./verifier.js";
