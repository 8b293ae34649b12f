import type { IncomingMessage, ServerResponse } from "node:http";

import type { Claims } from "./claims.js";
import { check, Refusal, type Requirement } from "./guard.js";
import type { Verifier } from "./verifier.js";

declare module "node:http" {
  interface IncomingMessage {
    /** The claims of the request's token, behind protect. */
    signet?: Claims;
  }
}

/** Middleware for Express, Connect and what is like them, and for node:http: lets
 * requests through whose bearer token is good and holds what is required, and
 * leaves its claims in request.signet. */
export function protect(
  verifier: Verifier,
  requirement: Requirement = {},
): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void {
  return (request, response, next) => {
    check(verifier, request.headersDistinct["authorization"] ?? [], requirement).then(
      (claims) => {
        request.signet = claims;
        next();
      },
      (error: unknown) => {
        if (!(error instanceof Refusal)) return next(error);
        response.writeHead(error.status, error.headers).end(error.body);
      },
    );
  };
}

/** The same for servers whose handlers take a Request and give a Response. */
export function guard<Rest extends unknown[]>(
  verifier: Verifier,
  requirement: Requirement,
  handler: (request: Request, claims: Claims, ...rest: Rest) => Response | Promise<Response>,
): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    const said = request.headers.get("Authorization");
    let claims: Claims;
    try {
      claims = await check(verifier, said === null ? [] : [said], requirement);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return new Response(error.body, { status: error.status, headers: error.headers });
    }
    return handler(request, claims, ...rest);
  };
}
