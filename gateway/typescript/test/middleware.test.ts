// Express, node:http and fetch-style handlers in front of real requests.

import assert from "node:assert/strict";
import { createServer, request, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";

import express from "express";

import { createVerifier, guard, protect, type Verifier } from "../src/index.js";
import { audience, Fake } from "./fake.js";

let fake: Fake, verifier: Verifier;

before(async () => {
  fake = await Fake.start();
  verifier = await createVerifier({ issuer: fake.url, audience });
});

after(() => {
  verifier.close();
  fake.close();
});

function withExpress(): RequestListener {
  const app = express();
  app.get("/orders", protect(verifier, { scopes: ["orders:read"] }), (req, res) => void res.json({ sub: req.signet?.sub }));
  app.get("/deletion", protect(verifier, { scopes: ["orders:delete"] }), (_, res) => void res.end());
  return app;
}

function withHttp(): RequestListener {
  const rules = { "/orders": protect(verifier, { scopes: ["orders:read"] }), "/deletion": protect(verifier, { scopes: ["orders:delete"] }) };
  return (req, res) => {
    rules[req.url as keyof typeof rules](req, res, () => res.end(JSON.stringify({ sub: req.signet?.sub })));
  };
}

function withFetch(): RequestListener {
  const rules = {
    "/orders": guard(verifier, { scopes: ["orders:read"] }, (_, claims) => Response.json({ sub: claims.sub })),
    "/deletion": guard(verifier, { scopes: ["orders:delete"] }, () => new Response()),
  };
  return (req, res) => {
    const headers = new Headers();
    for (const value of req.headersDistinct["authorization"] ?? []) headers.append("Authorization", value);
    void rules[req.url as keyof typeof rules](new Request(`http://localhost${req.url}`, { headers })).then(async (r) => {
      res.writeHead(r.status, Object.fromEntries(r.headers)).end(await r.text());
    });
  };
}

for (const [name, listener] of Object.entries({ Express: withExpress, "node:http": withHttp, "fetch style": withFetch })) {
  describe(name, () => {
    let server: Server, url: string;
    before(async () => {
      server = createServer(listener());
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    });
    after(() => server.close().closeAllConnections());

    const get = (path: string, token?: string): Promise<Response> =>
      fetch(url + path, token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } });

    test("a good token", async () => {
      const r = await get("/orders", await fake.token());
      assert.deepEqual([r.status, await r.json()], [200, { sub: "ada" }]);
    });

    test("none, and a bad one", async () => {
      const none = await get("/orders");
      assert.deepEqual([none.status, none.headers.get("WWW-Authenticate")], [401, 'Bearer realm="signet"']);
      const bad = await get("/orders", "x");
      assert.match(bad.headers.get("WWW-Authenticate")!, /error="invalid_token"/);
      assert.equal(((await bad.json()) as { error: string }).error, "invalid_token");
    });

    test("without the scope", async () => {
      const r = await get("/deletion", await fake.token());
      assert.equal(r.status, 403);
      assert.match(r.headers.get("WWW-Authenticate")!, /error="insufficient_scope".*scope="orders:delete"$/);
    });

    test("two headers", async () => {
      const token = await fake.token();
      const status = await new Promise((done) => {
        const headers = ["Authorization", `Bearer ${token}`, "Authorization", `Bearer ${token}`, "Host", "localhost"];
        request(`${url}/orders`, { headers: headers as never }, (r) => done(r.resume().statusCode)).end();
      });
      assert.ok(status === 400 || (name === "fetch style" && status === 401), `${status}`); // Headers join them into one
    });
  });
}
