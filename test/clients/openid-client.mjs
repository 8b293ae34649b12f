// openid-client: a web application in Node, in each way it can authenticate.

import { importJWK } from "jose";
import * as client from "openid-client";
import { assert, check, done, Person, refused, settings } from "./lib.mjs";

const { issuer, redirect, home, person, secret } = settings;
const scope = "openid profile email roles offline_access";

// discover makes a configuration. Signatures of ID tokens are verified even
// though they come straight from the token endpoint.
function discover(id, authentication, metadata) {
  return client.discovery(new URL(issuer), id, metadata, authentication, {
    execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
  });
}

// login takes a person through the pages and the code to tokens.
async function login(config, who, parameters = {}, { consent, address = client.buildAuthorizationUrl } = {}) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = await address(config, {
    redirect_uri: redirect,
    scope,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    ...parameters,
  });
  const back = await who.authorize(url, { consent });
  return client.authorizationCodeGrant(config, back, {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
    idTokenExpected: true,
    ...(parameters.max_age !== undefined && { maxAge: Number(parameters.max_age) }),
  });
}

const key = async (alg) => ({ key: await importJWK(settings.keys[alg], alg), kid: settings.keys[alg].kid });
const ways = {
  client_secret_basic: ["web", client.ClientSecretBasic(secret)],
  client_secret_post: ["web-post", client.ClientSecretPost(secret)],
  "private_key_jwt ES256": ["web-keys", client.PrivateKeyJwt(await key("ES256"))],
  "private_key_jwt RS256": ["web-keys", client.PrivateKeyJwt(await key("RS256"))],
  "private_key_jwt EdDSA": ["web-keys", client.PrivateKeyJwt(await key("EdDSA"), {
    // The library writes the name of RFC 9864, "Ed25519"; we know the older one.
    [client.modifyAssertion]: (header) => { header.alg = "EdDSA"; },
  })],
  none: ["desktop", client.None()],
};

for (const [name, [id, authentication]] of Object.entries(ways)) {
  await check(`${name}: login, userinfo, refresh, revocation, logout`, async () => {
    const config = await discover(id, authentication);
    const who = new Person();
    const own = id === "desktop" ? { redirect_uri: "http://127.0.0.1:50505/callback" } : {};
    const tokens = await login(config, who, { max_age: "300", ...own });
    const claims = tokens.claims();
    assert.equal(claims.sub, person.sub);
    assert.equal(claims.name, "Alice Example");
    assert.equal(claims.email_verified, true);
    assert.deepEqual(claims.amr, ["pwd"]);
    assert.ok(claims.roles.includes("owner"), `roles ${claims.roles}`);
    assert.ok(tokens.expiresIn() > 590 && tokens.token_type === "bearer", `${tokens.expiresIn()} ${tokens.token_type}`);

    const info = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
    assert.equal(info.email, person.email);

    const fresh = await client.refreshTokenGrant(config, tokens.refresh_token);
    assert.notEqual(fresh.refresh_token, tokens.refresh_token);
    assert.equal(fresh.claims().sub, person.sub);
    assert.equal(fresh.claims().auth_time, claims.auth_time);
    assert.equal(fresh.claims().sid, claims.sid);
    assert.equal(fresh.claims().nonce, undefined); // OpenID Connect Core §12.2: SHOULD NOT

    if (id !== "desktop") {
      const seen = await client.tokenIntrospection(config, fresh.access_token);
      assert.equal(seen.active, true);
      assert.equal(seen.sub, person.sub);
      assert.equal((await client.tokenIntrospection(config, fresh.refresh_token)).active, true);
    }
    await client.tokenRevocation(config, fresh.refresh_token);
    assert.equal((await refused(() => client.refreshTokenGrant(config, fresh.refresh_token))).error, "invalid_grant");

    const bye = client.buildEndSessionUrl(config, {
      id_token_hint: fresh.id_token,
      post_logout_redirect_uri: id === "desktop" ? "http://127.0.0.1/bye" : home,
      state: "s",
    });
    const { client: back } = await who.open(bye);
    assert.equal(back?.searchParams.get("state"), "s");
    const silent = await refused(() => login(config, who, { prompt: "none", ...own }));
    assert.equal(silent.error, "login_required");
  });
}

await check("a wrong secret is invalid_client with a challenge", async () => {
  const config = await discover("web", client.ClientSecretBasic("wrong"));
  const e = await refused(() => login(config, new Person()));
  assert.equal(e.status ?? e.cause?.status, 401);
  assert.match(JSON.stringify(e.cause), /"scheme":"basic"/i);
});

await check("a denied consent is access_denied, from our issuer", async () => {
  const config = await discover("web", client.ClientSecretBasic(secret));
  const e = await refused(() => login(config, new Person(), { prompt: "consent" }, { consent: "deny" }));
  assert.equal(e.error, "access_denied");
  assert.equal(e.cause.get("iss"), issuer);
});

await check("the response as a form", async () => {
  const config = await discover("web", client.ClientSecretBasic(secret));
  const tokens = await login(config, new Person(), { response_mode: "form_post" });
  assert.equal(tokens.claims().sub, person.sub);
});

for (const alg of ["ES256", "RS256"]) {
  await check(`a signed request object, ${alg}`, async () => {
    const config = await discover("web-keys", client.PrivateKeyJwt(await key(alg)));
    const signing = await key(alg);
    const address = (c, parameters) => client.buildAuthorizationUrlWithJAR(c, parameters, signing);
    const tokens = await login(config, new Person(), {}, { address });
    assert.equal(tokens.claims().sub, person.sub);
  });
}

for (const alg of ["ES256", "PS256", "EdDSA"]) {
  await check(`ID tokens signed with ${alg}`, async () => {
    const config = await discover(`web-${alg}`, client.None(), { id_token_signed_response_alg: alg });
    const tokens = await login(config, new Person());
    assert.equal(tokens.claims().sub, person.sub);
  });
}

await check("a second login is silent, with prompt=login it is not", async () => {
  const config = await discover("web", client.ClientSecretBasic(secret));
  const who = new Person();
  const first = await login(config, who);
  const second = await login(config, who, { prompt: "none", id_token_hint: first.id_token });
  assert.equal(second.claims().sid, first.claims().sid);
  assert.equal(second.claims().auth_time, first.claims().auth_time);
  const again = await login(config, who, { prompt: "login" });
  assert.ok(again.claims().auth_time >= first.claims().auth_time);
});

await check("a code is good once, and its second use ends what it gave", async () => {
  const config = await discover("web", client.ClientSecretBasic(secret));
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const back = await new Person().authorize(client.buildAuthorizationUrl(config, {
    redirect_uri: redirect, scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256",
  }));
  const tokens = await client.authorizationCodeGrant(config, back, { pkceCodeVerifier });
  assert.equal((await refused(() => client.authorizationCodeGrant(config, back, { pkceCodeVerifier }))).error, "invalid_grant");
  assert.equal((await refused(() => client.refreshTokenGrant(config, tokens.refresh_token))).error, "invalid_grant");
});

done();
