"""What a verified access token says (RFC 9068 §2.2)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import Malformed

MAX_TIME = 1 << 40  # seconds; beyond any calendar

# Halves of characters that JSON can write, and nothing else can.
_HALVES = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims under their own names; what is not there is empty."""

    iss: str
    sub: str
    """The person, or the client itself (client credentials)."""
    aud: tuple[str, ...]
    exp: int
    """Seconds since 1970, as all times."""
    iat: int
    """When it begins to be valid: iat or nbf, the later."""
    jti: str
    client_id: str
    scope: tuple[str, ...]
    auth_time: int
    """When the person signed in; 0 for services."""
    acr: str
    """aal1, aal2, aal3."""
    amr: tuple[str, ...]
    sid: str
    """The session; empty for services."""
    gid: str
    """The grant."""
    org_id: str
    """The one organization that the token acts in; org_slug is its name."""
    org_slug: str
    roles: tuple[str, ...]
    """Those in the organization by bare name, system roles as system:NAME."""
    permissions: tuple[str, ...] | None
    """None unless the token tells them."""
    kid: str
    """The key that signed the token."""
    pe: int
    """The revocation feed's position that the claims are as old as."""
    raw: Mapping[str, Any]
    """All claims as they are in the token, for those this package does not know."""

    @property
    def person(self) -> bool:
        """Whether a person is behind the token, not a service alone."""
        return self.sid != ""


class _Twice(dict[str, Any]):
    """An object in which a name is there twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _Twice(made)


def _object_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a name is there twice")
    return made


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def strict_object(data: bytes, deep: bool = False) -> dict[str, Any]:
    """Read a JSON object in UTF-8 in which no name is there twice; with deep, in
    no object inside it either."""
    hook = _object_once if deep else _object
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=hook, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Malformed from None
    if value is None:
        return {}
    if not isinstance(value, dict) or isinstance(value, _Twice):
        raise Malformed
    return value


class _Reader:
    """Takes members of an object for what they must be; null is absent."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self._members = members

    def text(self, name: str) -> str:
        value = self._members.get(name)
        if value is None:
            return ""
        return _text(value)

    def texts(self, name: str) -> tuple[str, ...] | None:
        value = self._members.get(name)
        if value is None:
            return None
        if not isinstance(value, list):
            raise Malformed
        return tuple(_text(v) for v in value)

    def number(self, name: str) -> int:
        value = self._members.get(name)
        if value is None:
            return 0
        if type(value) is not int or not -(1 << 53) < value < 1 << 53:
            raise Malformed
        return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed
    return _HALVES.sub("\ufffd", value)


def parse_claims(payload: bytes, kid: str) -> Claims:
    """Read a payload whose signature was checked."""
    members = strict_object(payload)
    r = _Reader(members)
    aud = r.texts("aud") if isinstance(members.get("aud"), list) else (r.text("aud"),) if members.get("aud") is not None else ()
    iss, sub, jti = r.text("iss"), r.text("sub"), r.text("jti")
    exp, iat, nbf, auth_time = r.number("exp"), r.number("iat"), r.number("nbf"), r.number("auth_time")
    if not (iss and sub and jti and aud and 0 < exp <= MAX_TIME) or iat > MAX_TIME or nbf > MAX_TIME:
        raise Malformed
    return Claims(
        iss=iss,
        sub=sub,
        aud=aud,
        exp=exp,
        iat=max(iat, nbf),
        jti=jti,
        client_id=r.text("client_id"),
        scope=tuple(s for s in r.text("scope").split(" ") if s),
        auth_time=auth_time if 0 < auth_time < MAX_TIME else 0,
        acr=r.text("acr"),
        amr=r.texts("amr") or (),
        sid=r.text("sid"),
        gid=r.text("gid"),
        org_id=r.text("org_id"),
        org_slug=r.text("org_slug"),
        roles=_roles(r.texts("roles") or (), r.text("roles_form")),
        permissions=r.texts("permissions"),
        kid=kid,
        pe=r.number("pe"),
        raw=members,
    )


def _roles(roles: tuple[str, ...], form: str) -> tuple[str, ...]:
    """A server that writes roles as an older system did marks its tokens so:
    system roles bare, those of the organization as org:NAME."""
    if form == "":
        return roles
    if form != "bare":
        raise Malformed
    return tuple(r[len("org:") :] if r.startswith("org:") else "system:" + r for r in roles)
