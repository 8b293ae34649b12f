// oauth4webapi: a client, a service and an API that hold the server to the
// letter of the RFCs.

import { importJWK } from "jose";
import * as oauth from "oauth4webapi";
import { assert, check, done, Person, refused, settings } from "./lib.mjs";

const { issuer, redirect, person, secret, api } = settings;
const insecure = { [oauth.allowInsecureRequests]: true }; // plain http, on loopback

const identifier = new URL(issuer);
const [as, as8414] = await Promise.all(["oidc", "oauth2"].map(async (algorithm) =>
  oauth.processDiscoveryResponse(identifier, await oauth.discoveryRequest(identifier, { algorithm, ...insecure }))));

const web = { client_id: "web" }, basic = oauth.ClientSecretBasic(secret);
const orders = { client_id: "orders" }, robot = { client_id: "robot" };

// ask walks an authorization request and returns what a client needs to go on.
async function ask(who, parameters = {}, options = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
  const url = new URL(as.authorization_endpoint);
  url.search = new URLSearchParams({
    client_id: "web", redirect_uri: redirect, response_type: "code", scope: "openid email roles organization offline_access",
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256", state, nonce, ...parameters,
  });
  return { back: await who.authorize(url, options), verifier, state, nonce };
}

// redeem exchanges the code of an answered request.
async function redeem({ back, verifier, state, nonce }, options = {}) {
  const response = oauth.validateAuthResponse(as, web, back, state);
  const answer = await oauth.authorizationCodeGrantRequest(as, web, basic, response, redirect, verifier, { ...insecure, ...options });
  const tokens = await oauth.processAuthorizationCodeResponse(as, web, answer, { expectedNonce: nonce, requireIdToken: true, maxAge: 300 });
  await oauth.validateApplicationLevelSignature(as, answer, insecure);
  return tokens;
}

// verify is what an API does with a request it gets (RFC 9068 §4).
const verify = (token, audience, options) =>
  oauth.validateJwtAccessToken(as, new Request(`${api}/orders`, { headers: { authorization: `Bearer ${token}` } }), audience, { ...insecure, ...options });

async function service(client, authentication, parameters = {}) {
  const answer = await oauth.clientCredentialsGrantRequest(as, client, authentication, parameters, insecure);
  return oauth.processClientCredentialsResponse(as, client, answer);
}

async function introspect(client, authentication, token) {
  return oauth.processIntrospectionResponse(as, client, await oauth.introspectionRequest(as, client, authentication, token, insecure));
}

const key = async (alg) => ({ key: await importJWK(settings.keys[alg], alg), kid: settings.keys[alg].kid });

await check("discovery by OpenID Connect and by RFC 8414 is the same", () => {
  assert.deepEqual(as, as8414);
  assert.equal(as.authorization_response_iss_parameter_supported, true);
});

await check("RFC 9207: iss is in the response, and one without it or with another is refused", async () => {
  const { back, state } = await ask(new Person());
  assert.equal(back.searchParams.get("iss"), issuer);
  oauth.validateAuthResponse(as, web, back, state);
  for (const other of [undefined, "https://mixed-up.example"]) {
    const tampered = new URL(back);
    if (other) tampered.searchParams.set("iss", other);
    else tampered.searchParams.delete("iss");
    const e = await refused(() => oauth.validateAuthResponse(as, web, tampered, state));
    assert.equal(e.code, oauth.INVALID_RESPONSE);
  }
});

await check("RFC 9207: iss is in an error response", async () => {
  const { back, state } = await ask(new Person(), { prompt: "none" });
  const e = await refused(() => oauth.validateAuthResponse(as, web, back, state));
  assert.ok(e instanceof oauth.AuthorizationResponseError, String(e));
  assert.equal(e.error, "login_required");
  assert.equal(back.searchParams.get("iss"), issuer);
});

await check("a person: code, ID token, userinfo, refresh", async () => {
  const tokens = await redeem(await ask(new Person(), { max_age: "300" }));
  const claims = oauth.getValidatedIdTokenClaims(tokens);
  assert.equal(claims.sub, person.sub);
  const info = await oauth.processUserInfoResponse(as, web, claims.sub, await oauth.userInfoRequest(as, web, tokens.access_token, insecure));
  assert.equal(info.email, person.email);
  assert.equal(info.org_slug, "acme");

  const answer = await oauth.refreshTokenGrantRequest(as, web, basic, tokens.refresh_token, insecure);
  const fresh = await oauth.processRefreshTokenResponse(as, web, answer);
  await oauth.validateApplicationLevelSignature(as, answer, insecure);
  assert.equal(oauth.getValidatedIdTokenClaims(fresh).sub, person.sub);
  assert.notEqual(fresh.refresh_token, tokens.refresh_token);
});

await check("a person: the response as a form", async () => {
  const asked = await ask(new Person(), { response_mode: "form_post", max_age: "300" });
  const tokens = await redeem({ ...asked, back: new URLSearchParams(await oauth.formPostResponse(asked.back)) });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens).sub, person.sub);
});

await check("RFC 9068: an access token without a resource is for the client's API", async () => {
  const tokens = await redeem(await ask(new Person(), { max_age: "300" }));
  const claims = await verify(tokens.access_token, api, { signingAlgorithms: ["ES256"] });
  assert.equal(claims.sub, person.sub);
  assert.equal(claims.client_id, "web");
  assert.deepEqual(claims.amr, ["pwd"]);
  assert.equal(claims.org_slug, "acme");
  assert.ok(claims.roles.includes("owner") && claims.roles.includes("billing"), `roles ${claims.roles}`);
  assert.equal(typeof claims.aud, "string");
  await refused(() => verify(tokens.access_token, "https://other.example"));
  await refused(() => verify(tokens.id_token, "web")); // no ID token is an access token
  const last = tokens.access_token.slice(-4) === "AAAA" ? "BBBB" : "AAAA";
  await refused(() => verify(tokens.access_token.slice(0, -4) + last, api));
});

await check("RFC 8707: a resource asked for, and one that is not the client's", async () => {
  const scope = "openid orders:read";
  const tokens = await redeem(await ask(new Person(), { resource: api, scope, max_age: "300" }), { additionalParameters: { resource: api } });
  const claims = await verify(tokens.access_token, api);
  assert.deepEqual(claims.scope.split(" ").sort(), scope.split(" ").sort());
  const { back, state } = await ask(new Person(), { resource: "https://other.example" });
  assert.equal((await refused(() => oauth.validateAuthResponse(as, web, back, state))).error, "invalid_target");
});

await check("a service by secret, in the header", async () => {
  const token = await service(orders, basic, { scope: "orders:read" });
  assert.equal(token.refresh_token, undefined);
  const claims = await verify(token.access_token, api);
  assert.equal(claims.sub, "orders");
  assert.equal(claims.scope, "orders:read");
  assert.deepEqual(claims.roles, ["viewer"]);
});

for (const alg of ["ES256", "RS256", "EdDSA"]) {
  await check(`a service by private_key_jwt, ${alg}`, async () => {
    // The library writes the name of RFC 9864, "Ed25519"; we know the older one.
    const name = { [oauth.modifyAssertion]: (header) => { header.alg = alg; } };
    const token = await service(robot, oauth.PrivateKeyJwt(await key(alg), name));
    assert.equal((await verify(token.access_token, api)).sub, "robot");
  });
}

await check("a client assertion is good once, and for this server only", async () => {
  const once = await key("ES256");
  const replay = oauth.PrivateKeyJwt(once, { [oauth.modifyAssertion]: (_, payload) => { payload.jti = "the same"; } });
  await service(robot, replay);
  assert.equal((await refused(() => service(robot, replay))).status, 401);
  const elsewhere = oauth.PrivateKeyJwt(once, { [oauth.modifyAssertion]: (_, payload) => { payload.aud = "https://other.example"; } });
  assert.equal((await refused(() => service(robot, elsewhere))).status, 401);
});

await check("a wrong secret is 401 with a challenge", async () => {
  const e = await refused(() => service(orders, oauth.ClientSecretBasic("wrong")));
  assert.ok(e instanceof oauth.WWWAuthenticateChallengeError || e instanceof oauth.ResponseBodyError, String(e));
  assert.equal(e.status, 401);
});

await check("a scope or a grant that the client does not have", async () => {
  assert.equal((await refused(() => service(orders, basic, { scope: "admin" }))).error, "invalid_scope");
  assert.equal((await refused(() => service(web, basic))).error, "unauthorized_client");
});

await check("userinfo refuses with a challenge (RFC 6750 §3)", async () => {
  const token = await service(orders, basic);
  for (const [bearer, status, error] of [["none", 401, "invalid_token"], [token.access_token, 403, "insufficient_scope"]]) {
    const answer = await oauth.userInfoRequest(as, web, bearer, insecure);
    assert.equal(answer.status, status);
    const e = await refused(() => oauth.processUserInfoResponse(as, web, oauth.skipSubjectCheck, answer));
    assert.ok(e instanceof oauth.WWWAuthenticateChallengeError, String(e));
    assert.equal(e.cause[0].scheme, "bearer");
    assert.equal(e.cause[0].parameters.error, error);
  }
});

await check("introspection (RFC 7662): of one's own, of one's API's, of nobody's", async () => {
  const mine = await service(orders, basic);
  for (const [client, authentication] of [[orders, basic], [robot, oauth.PrivateKeyJwt(await key("ES256"))]]) {
    const seen = await introspect(client, authentication, mine.access_token);
    assert.equal(seen.active, true);
    assert.equal(seen.iss, issuer);
    assert.equal(seen.client_id, "orders");
    assert.equal(seen.aud, api);
    assert.equal(seen.token_type, "Bearer");
  }
  assert.deepEqual(await introspect(web, basic, mine.access_token), { active: false });
  assert.deepEqual(await introspect(orders, basic, "none"), { active: false });
});

await check("revocation (RFC 7009): what was revoked is inactive and refused", async () => {
  const tokens = await redeem(await ask(new Person(), { max_age: "300" }));
  const revoke = async (token) => oauth.processRevocationResponse(await oauth.revocationRequest(as, web, basic, token, insecure));
  await revoke("unknown"); // is fine
  await revoke(tokens.access_token);
  await until(async () => !(await introspect(web, basic, tokens.access_token)).active);
  assert.equal((await oauth.userInfoRequest(as, web, tokens.access_token, insecure)).status, 401);
  await revoke(tokens.refresh_token);
  const answer = await oauth.refreshTokenGrantRequest(as, web, basic, tokens.refresh_token, insecure);
  assert.equal((await refused(() => oauth.processRefreshTokenResponse(as, web, answer))).error, "invalid_grant");
});

// until waits for what must be so within a second (design §4).
async function until(is) {
  for (const end = Date.now() + 1000; Date.now() < end; ) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail("not within a second");
}

done();
