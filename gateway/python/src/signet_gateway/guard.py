"""What a route asks of a token, and the answers to those that lack it
(RFC 6750 §3, RFC 9470 §3)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .claims import Claims
from .errors import Expired, Insufficient, Refused, Revoked, SessionEnded, Stale, Unknown, WrongAudience
from .verifier import OnStale, Verifier

_LEVELS = ("aal1", "aal2", "aal3")


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """What a route asks of a token besides being good."""

    scopes: Sequence[str] = ()
    """All of them."""
    roles: Sequence[str] = ()
    """One of them: bare names in the token's organization, system:NAME for the system's."""
    permissions: Sequence[str] = ()
    """All of them (action:resource). A token that does not tell its permissions
    is shown to the server: that is a call."""
    organization: str = ""
    """That the token acts in it, by id or slug."""
    acr: str = ""
    """aal1, aal2 or aal3 or better; another value exactly."""
    max_age: float = 0
    """That the person signed in no longer ago, in seconds."""
    max_stale: float | None = None
    """Overrides the verifier's, as on_stale does."""
    on_stale: OnStale | None = None

    def __post_init__(self) -> None:
        for name in ("scopes", "roles", "permissions"):
            if isinstance(getattr(self, name), str):
                raise TypeError(f"{name} is a list of texts")


class Refusal(Exception):
    """An answer in place of the route's."""

    def __init__(self, status: int, error: str, description: str, challenge: str = "") -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status, self.error, self.description = status, error, description
        self.challenge = challenge
        """The value of WWW-Authenticate; empty for none."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers to answer with."""
        headers = {"Cache-Control": "no-store"}
        if self.challenge:
            headers["WWW-Authenticate"] = self.challenge
        if self.status == 503:
            headers["Retry-After"] = "1"
        return headers

    @property
    def body(self) -> dict[str, str]:
        """The body to answer with, as JSON."""
        return {"error": self.error, "error_description": self.description}


@dataclass(frozen=True, slots=True)
class Guard:
    """A verifier with what a route asks for."""

    verifier: Verifier
    requirement: Requirement = field(default_factory=Requirement)

    def check(self, authorization: Sequence[str], *, io: bool = True) -> Claims:
        """Judge a request by the values of its Authorization header; raise a
        Refusal. With io=False, WouldBlock where the network would be needed."""
        r = self.requirement
        token = self._bearer(authorization)
        try:
            claims = self.verifier.verify(
                token, max_stale=r.max_stale, on_stale=r.on_stale, permissions=r.permissions, io=io
            )
        except Insufficient:
            raise self._lacks("permission " + " ".join(r.permissions)) from None
        except Unknown as e:
            raise Refusal(503, "temporarily_unavailable", "whether the token was revoked is not known now") from e
        except Refused as e:
            raise self._refuse(401, "invalid_token", _describe(e)) from e
        self.judge(claims)
        return claims

    def _bearer(self, authorization: Sequence[str]) -> str:
        """Take the token from the Authorization header (RFC 6750 §2.1)."""
        if len(authorization) > 1:
            raise self._refuse(400, "invalid_request", "more than one Authorization header")
        if authorization:
            scheme, space, raw = authorization[0].partition(" ")
            if space and scheme.lower() == "bearer":
                return raw.strip(" ")
        raise self.missing()

    def missing(self) -> Refusal:
        """The answer to who has tried nothing (RFC 6750 §3.1: without an error)."""
        return Refusal(401, "invalid_token", "a bearer token is needed", f'Bearer realm="{self.verifier.realm}"')

    def _refuse(self, status: int, error: str, description: str, more: str = "") -> Refusal:
        challenge = f'Bearer realm="{self.verifier.realm}", error="{error}", error_description="{_quoted(description)}"'
        return Refusal(status, error, description, challenge + more)

    def _lacks(self, what: str) -> Refusal:
        scopes = self.requirement.scopes
        more = f', scope="{_quoted(" ".join(scopes))}"' if scopes else ""
        return self._refuse(403, "insufficient_scope", "the token lacks " + what, more)

    def judge(self, c: Claims) -> None:
        """Ask of a good token what the route requires."""
        r = self.requirement
        if any(s not in c.scope for s in r.scopes):
            raise self._lacks("scope " + " ".join(r.scopes))
        if r.organization and r.organization not in (c.org_id, c.org_slug):
            raise self._lacks("the organization")
        if r.roles and not any(role in c.roles for role in r.roles):
            raise self._lacks("role " + " or ".join(r.roles))
        old = r.max_age > 0 and self.verifier.now() - c.auth_time > r.max_age + self.verifier.skew
        if (r.acr and not _reaches(c.acr, r.acr)) or old:
            more = f', acr_values="{_quoted(r.acr)}"' if r.acr else ""
            if r.max_age > 0:
                more += f', max_age="{int(r.max_age)}"'
            raise self._refuse(
                401, "insufficient_user_authentication", "a stronger or more recent authentication is required", more
            )


def _describe(e: Refused) -> str:
    """What a client may know."""
    if isinstance(e, Expired):
        return "the token has expired"
    if isinstance(e, Revoked | SessionEnded):
        return "the token was revoked"
    if isinstance(e, Stale):
        return "roles have changed; refresh the token"
    if isinstance(e, WrongAudience):
        return "the token is for another API"
    return "the token is not valid here"


def _reaches(have: str, want: str) -> bool:
    if have == want:
        return True
    return want in _LEVELS and have in _LEVELS and _LEVELS.index(have) >= _LEVELS.index(want)


def _quoted(text: str) -> str:
    """Make a text fit for a quoted string in a header."""
    return re.sub(r'[^ -~]|["\\]', "", text)
