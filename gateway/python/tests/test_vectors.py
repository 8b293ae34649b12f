"""The vectors that the packages in Go, Python and TypeScript all pass."""

import base64
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from signet_gateway import Claims, Guard, Refusal, Refused, Requirement, Verifier
from signet_gateway.feed import Events, Feed, FeedError, Resync
from signet_gateway.jws import Opener
from signet_gateway.keys import PublicKey, read_keys
from signet_gateway.revocations import Entry, Revocations, hash_of
from signet_gateway.verifier import Core

OWN = Path(__file__).parents[2] / "testdata" / "vectors.json"
V = json.loads(Path(os.environ.get("SIGNET_VECTORS", OWN)).read_text("utf-8"))


class Fixed:
    """A key set that is never fetched."""

    def __init__(self, document: Any) -> None:
        self._keys = read_keys(json.dumps(document).encode())

    def find(self, kid: str, io: bool) -> PublicKey | None:
        return self._keys.get(kid)


def make_verifier() -> Verifier:
    v = Verifier(V["issuer"], V["audience"], no_feed=True, on_stale="accept", skew=V["skew"], now=lambda: float(V["now"]))
    v._core = Core(v._config, Fixed(V["jwks"]), None, None, None)
    return v


def core(v: Verifier) -> Core:
    assert v._core is not None
    return v._core


def by_name(kind: str) -> Callable[[Any], Any]:
    cases = V[kind] or []
    return pytest.mark.parametrize("case", cases, ids=[c["name"] for c in cases])


verifier = make_verifier()


def reason(run: Callable[[], object]) -> str:
    try:
        run()
    except Refused as e:
        return e.reason
    return "valid"


@by_name("tokens")
def test_token(case: dict[str, Any]) -> None:
    for _ in range(2):  # the second time from memory
        assert reason(lambda: verifier.verify(case["token"])) == case["result"]
    status, error, description = 200, "", ""
    try:
        Guard(verifier).check(["Bearer " + case["token"]])
    except Refusal as r:
        status, error, description = r.status, r.error, r.description
    assert (status, error, description) == (
        case["status"],
        case.get("error", ""),
        case.get("error_description", ""),
    )
    if "claims" in case:
        assert told(verifier.verify(case["token"])) == case["claims"]


def told(c: Claims) -> dict[str, Any]:
    return {
        "subject": c.sub,
        "audience": list(c.aud),
        "expiry": c.exp,
        "issued_at": c.iat,
        "jti": c.jti,
        "client_id": c.client_id,
        "scope": list(c.scope),
        "auth_time": c.auth_time,
        "acr": c.acr,
        "amr": list(c.amr),
        "session_id": c.sid,
        "grant_id": c.gid,
        "org_id": c.org_id,
        "org_slug": c.org_slug,
        "roles": list(c.roles),
        "permissions": None if c.permissions is None else list(c.permissions),
        "key_id": c.kid,
        "feed_position": c.pe,
    }


@by_name("revocations")
def test_revocation(case: dict[str, Any]) -> None:
    e = case["entry"]
    value = hash_of(e["kind"], case["plain"])
    assert base64.urlsafe_b64encode(value).rstrip(b"=").decode() == e["value"]
    token = core(verifier).parse(V["named_tokens"][case["token"]], True)
    known = Revocations("f")
    known.apply(e["seq"], [Entry(e["seq"], e["kind"], value, e["exp"])])
    assert reason(lambda: known.check(token.claims.pe, token.refs)) == case["result"]


def expand(text: str) -> str:
    for name, token in V["named_tokens"].items():
        text = text.replace("${%s}" % name, token)
    return text


@by_name("routes")
def test_route(case: dict[str, Any]) -> None:
    asked = dict(case["require"])
    if "on_stale" in asked:
        asked["max_stale"] = 1e-9
    status, challenge, error = 200, "", ""
    try:
        Guard(verifier, Requirement(**asked)).check([expand(a) for a in case["authorization"]])
    except Refusal as r:
        status, challenge, error = r.status, r.challenge, r.body["error"]
    assert (status, challenge, error) == (case["status"], case["www_authenticate"], case["error"])


@by_name("feeds")
def test_feed(case: dict[str, Any]) -> None:
    at = 0
    feed = Feed(
        V["issuer"],
        Opener(Fixed(V["feed_jwks"]), ("ES256", "EdDSA")),
        V["skew"],
        wall=lambda: V["now"] + at / 1000,
        monotonic=lambda: at / 1000,
    )
    stream = None
    for i, step in enumerate(case["steps"]):
        at = step["at"]
        outcome = "ok"
        try:
            if step.get("connect"):
                stream = feed.connect()
            elif "snapshot" in step:
                feed.begin(step["snapshot"])
            else:
                assert stream is not None
                for name, data in Events().feed(step["text"].encode()):
                    stream.handle(name, data)
        except Resync:
            outcome = "resync"
            feed.lost()
        except FeedError:
            outcome = "error"
        age = feed.age()
        assert (i, outcome, feed.list.head if feed.list else 0, None if math.isinf(age) else round(age * 1000)) == (
            i,
            step["outcome"],
            step["position"],
            step["age"],
        )
        for name, want in step.get("tokens", {}).items():
            token = core(verifier).parse(V["named_tokens"][name], True)
            known = feed.list
            assert known is not None
            assert reason(lambda: known.check(token.claims.pe, token.refs)) == want


def test_there_is_something_to_pass() -> None:
    assert "SIGNET_VECTORS" in os.environ or (
        len(V["tokens"]) > 100 and len(V["revocations"]) > 50 and len(V["routes"]) > 30 and len(V["feeds"]) > 30
    )
