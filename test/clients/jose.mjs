// jose: a verifier that has nothing but the issuer's name and finds the keys.

import { createServer } from "node:http";
import * as jose from "jose";
import { assert, check, done, Person, refused, settings } from "./lib.mjs";

const { issuer, redirect, home, person, secret, api, ear } = settings;
const discovery = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
const keys = jose.createRemoteJWKSet(new URL(discovery.jwks_uri));

async function token(client, form, headers = {}) {
  const answer = await fetch(discovery.token_endpoint, { method: "POST", headers, body: new URLSearchParams({ ...client, ...form }) });
  const body = await answer.json();
  assert.equal(answer.status, 200, JSON.stringify(body));
  return body;
}

const basic = (id) => ({ authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}` });

async function login(id, who = new Person(), headers = undefined) {
  const verifier = jose.base64url.encode(crypto.getRandomValues(new Uint8Array(32)));
  const challenge = jose.base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
  const back = await who.authorize(`${discovery.authorization_endpoint}?${new URLSearchParams({
    client_id: id, redirect_uri: redirect, response_type: "code", scope: "openid email roles", nonce: "n",
    code_challenge: challenge, code_challenge_method: "S256",
  })}`);
  return token(headers ? {} : { client_id: id }, {
    grant_type: "authorization_code", code: back.searchParams.get("code"), redirect_uri: redirect, code_verifier: verifier,
  }, headers);
}

await check("the key set: distinct public signing keys, cacheable", async () => {
  const answer = await fetch(discovery.jwks_uri);
  assert.match(answer.headers.get("cache-control"), /max-age=\d+/);
  const set = await answer.json();
  assert.equal(new Set(set.keys.map((k) => k.kid)).size, set.keys.length);
  for (const k of set.keys) {
    assert.ok(k.kid && k.use === "sig" && !("d" in k), JSON.stringify(k));
    assert.equal((await jose.importJWK(k)).type, "public");
  }
  for (const alg of ["RS256", "ES256", "PS256", "EdDSA"]) assert.ok(set.keys.some((k) => k.alg === alg), alg);
});

const access = { issuer, typ: "at+jwt", requiredClaims: ["sub", "client_id", "jti", "iat", "exp", "scope", "auth_time", "acr", "amr", "sid"] };
for (const [id, idAlg, accessAlg] of [["web", "RS256", "ES256"], ["web-ES256", "ES256", "ES256"], ["web-PS256", "PS256", "PS256"], ["web-EdDSA", "EdDSA", "EdDSA"]]) {
  await check(`${id}: an ID token by ${idAlg}, an access token by ${accessAlg}`, async () => {
    const tokens = await login(id, new Person(), id === "web" ? basic(id) : undefined);
    const { payload, protectedHeader } = await jose.jwtVerify(tokens.id_token, keys, {
      issuer, audience: id, algorithms: [idAlg], requiredClaims: ["sub", "iat", "exp", "nonce", "at_hash", "sid", "auth_time", "acr", "amr"],
    });
    assert.ok(protectedHeader.kid);
    assert.equal(payload.sub, person.sub);
    // A client with no API of its own gets tokens for the issuer's.
    const audience = id === "web" ? api : issuer;
    const seen = await jose.jwtVerify(tokens.access_token, keys, { ...access, audience, algorithms: [accessAlg] });
    assert.equal(seen.payload.sub, person.sub);
    assert.equal(seen.payload.sid, payload.sid);
    await refused(() => jose.jwtVerify(tokens.id_token, keys, { ...access, audience: id })); // neither passes for the other
    await refused(() => jose.jwtVerify(tokens.access_token, keys, { issuer, audience: id }));
  });
}

await check("a service's token", async () => {
  const { access_token } = await token({}, { grant_type: "client_credentials" }, basic("orders"));
  const { payload } = await jose.jwtVerify(access_token, keys, { issuer, audience: api, typ: "at+jwt", algorithms: ["ES256"] });
  assert.equal(payload.sub, "orders");
  assert.equal(payload.sid, undefined);
});

await check("a logout token (Back-Channel Logout 1.0 §2.6)", async () => {
  const [host, port] = ear.split(":");
  const server = createServer();
  const heard = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error("no logout token within 10 s")), 10_000);
    server.on("request", async (request, response) => {
      let body = "";
      for await (const chunk of request) body += chunk;
      response.end();
      clearTimeout(timer);
      resolve({ type: request.headers["content-type"], form: new URLSearchParams(body) });
    });
  });
  await new Promise((resolve) => server.listen(Number(port), host, resolve));
  try {
    const who = new Person();
    const tokens = await login("web", who, basic("web"));
    await who.open(`${discovery.end_session_endpoint}?${new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri: home })}`);
    const { type, form } = await heard;
    assert.match(type, /^application\/x-www-form-urlencoded/);
    const { payload } = await jose.jwtVerify(form.get("logout_token"), keys, {
      issuer, audience: "web", typ: "logout+jwt", algorithms: ["RS256"], requiredClaims: ["iat", "exp", "jti", "sid", "sub"],
    });
    assert.equal(payload.sid, jose.decodeJwt(tokens.id_token).sid);
    assert.equal(payload.sub, person.sub);
    assert.deepEqual(payload.events, { "http://schemas.openid.net/event/backchannel-logout": {} });
    assert.equal(payload.nonce, undefined);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

done();
