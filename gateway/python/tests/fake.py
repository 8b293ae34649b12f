"""A server whose feed says what a test wants."""

import base64
import json
import threading
import time
from collections.abc import Callable
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

AUDIENCE = "https://api.example.test"


class Key:
    def __init__(self, kid: str) -> None:
        self.kid, self.private = kid, ec.generate_private_key(ec.SECP256R1())

    def public(self) -> dict[str, Any]:
        jwk = ECAlgorithm.to_jwk(self.private.public_key(), as_dict=True)
        return {**jwk, "kid": self.kid, "alg": "ES256", "use": "sig"}

    def sign(self, typ: str, payload: dict[str, Any]) -> str:
        return jwt.encode(payload, self.private, "ES256", {"kid": self.kid, "typ": typ})


class Fake:
    def __init__(self) -> None:
        self.token_key, self.feed_key = Key("t1"), Key("f1")
        self.token_keys = [self.token_key]
        self.head = 0
        self.entries: list[dict[str, Any]] = []
        self.cut = False  # refuses streams and snapshots
        self.hold_back = False  # as a proxy that hands streams on when they end
        self.verdict = ""  # of /auth/validate: "" valid, "503", else the reason
        self.key_reads = self.asked = self.polls = 0
        self.changed = threading.Condition()
        self.generation = 0  # of connections
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None: ...

            def do_GET(self) -> None:
                fake.serve(self)

            do_POST = do_GET

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.hang_up(True)
        self.server.shutdown()
        self.server.server_close()

    def serve(self, h: BaseHTTPRequestHandler) -> None:
        h.rfile.read(int(h.headers.get("Content-Length") or 0))
        path, _, query = h.path.partition("?")
        if path == "/stream":
            self.stream(h, query)
            return
        status, body = self.answer(path)
        data = body if isinstance(body, str) else json.dumps(body)
        h.send_response(status)
        h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        h.wfile.write(data.encode())

    def answer(self, path: str) -> tuple[int, Any]:
        u = self.url
        match path:
            case "/.well-known/openid-configuration":
                return 200, {"issuer": u, "jwks_uri": u + "/jwks", "token_endpoint": u + "/token"}
            case "/.well-known/signet-configuration":
                return 200, {
                    "issuer": u,
                    "validate_uri": u + "/validate",
                    "revocation_snapshot_uri": u + "/revocations",
                    "revocation_stream_uri": u + "/stream",
                    "revocation_jwks_uri": u + "/feedkeys",
                }
            case "/jwks":
                self.key_reads += 1
                return 200, {"keys": [k.public() for k in self.token_keys]}
            case "/feedkeys":
                return 200, {"keys": [self.feed_key.public()]}
            case "/revocations" if not self.cut:
                return 200, self.feed_key.sign("revocations+jwt", self.part(0, self.entries))
            case "/validate" if self.verdict != "503":
                self.asked += 1
                return 200, {"valid": not self.verdict, "reason": self.verdict or None}
        return 503, {}

    def part(self, after: int, entries: list[dict[str, Any]]) -> dict[str, Any]:
        now = int(time.time() * 1000)
        return {"iss": self.url, "feed_id": "feed", "after": after, "seq": self.head, "as_of": now, "entries": entries}

    def beat(self) -> str:
        now = int(time.time() * 1000)
        return self.event(
            "heartbeat", "heartbeat+jwt", {"iss": self.url, "feed_id": "feed", "seq": self.head, "sent": now, "as_of": now}
        )

    def event(self, name: str, typ: str, payload: dict[str, Any]) -> str:
        return f"event:{name}\ndata:{self.feed_key.sign(typ, payload)}\n\n"

    def stream(self, h: BaseHTTPRequestHandler, query: str) -> None:
        if self.cut:
            h.send_response(503)
            h.send_header("Content-Length", "0")
            h.end_headers()
            return
        poll = "wait=" in query
        self.polls += poll
        h.close_connection = True
        h.send_response(200)
        h.send_header("Content-Type", "text/event-stream")
        h.end_headers()
        after, mine = int(query.partition("after=")[2].partition("&")[0]), self.generation
        held = ""
        try:
            for _ in range(2 if poll else 100_000):
                text = ""
                if after < self.head:
                    newer = [e for e in self.entries if e["seq"] > after]
                    text, after = self.event("entries", "revocations+jwt", self.part(after, newer)), self.head
                text += self.beat()
                if self.hold_back:
                    held += text
                else:
                    h.wfile.write(text.encode())
                with self.changed:
                    self.changed.wait(0.1)
                if self.generation != mine:
                    return
            h.wfile.write(held.encode())
        except OSError:
            return

    def hang_up(self, cut: bool) -> None:
        with self.changed:
            self.cut = cut
            self.generation += 1
            self.changed.notify_all()

    def revoke(self, kind: str, value: str) -> None:
        with self.changed:
            h = sha256(f"{kind}\0{value}".encode()).digest()[:16]
            told = base64.urlsafe_b64encode(h).rstrip(b"=").decode()
            self.entries.append({"seq": self.head + 1, "kind": kind, "value": told, "exp": int(time.time()) + 600})
            self.head += 1
            self.changed.notify_all()

    def token(self, **change: Any) -> str:
        return self.token_key.sign("at+jwt", self.claims(**change))

    def claims(self, **change: Any) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": self.url, "sub": "ada", "aud": AUDIENCE, "exp": now + 60, "iat": now, "nbf": now, "jti": "j1",
            "client_id": "web", "scope": "orders:read", "auth_time": now, "acr": "aal1", "sid": "s1", "gid": "g1",
            "org_id": "o1", "org_slug": "acme", "roles": ["billing"], "pe": self.head, **change,
        }  # fmt: skip


def until(what: str, true: Callable[[], bool], limit: float = 20) -> None:
    """Wait for what happens in another thread."""
    end = time.monotonic() + limit
    while not true():
        assert time.monotonic() < end, "never: " + what
        time.sleep(0.005)
