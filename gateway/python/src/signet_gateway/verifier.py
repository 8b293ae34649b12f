"""The verifier: what to call with a token."""

import json
import os
import threading
import time
import weakref
from collections.abc import Callable, Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal, Protocol
from urllib.parse import urlsplit

import urllib3

from . import errors
from .claims import Claims, parse_claims
from .errors import (
    Expired,
    Insufficient,
    Malformed,
    NotYet,
    Refused,
    Revoked,
    StartError,
    Unknown,
    WouldBlock,
    WrongAudience,
    WrongIssuer,
)
from .feed import Feed
from .follower import Follower
from .http import Credential, Endpoints, FetchError, Fetcher, discover
from .jws import ALGORITHMS, KNOWN_ALGORITHMS, Keys, Opener
from .keys import KeySet
from .revocations import Ref, refs

OnStale = Literal["ask", "refuse", "accept"]
"""What becomes of a good token when the news of revocations is too old: ask the
server's /auth/validate, refuse, or let it pass until it expires."""

MAX_TOKEN = 16 << 10  # bytes
_ASK_TIMEOUT = 2.0  # seconds
_START_TIMEOUT = 10.0
_START_EVERY = 1.0  # seconds between attempts to start


class Observer(Protocol):
    """Is told what happens, for metrics; quick, and safe for many threads."""

    def verified(self, result: str, seconds: float) -> None:
        """A verdict: "valid", or the word of ``Refused.reason``."""

    def staleness(self, seconds: float) -> None:
        """How old the news is, about once a second."""


class _Nobody:
    def verified(self, result: str, seconds: float) -> None: ...

    def staleness(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class _Config:
    issuer: str
    audience: str
    client_id: str
    client_secret: str
    no_feed: bool
    max_stale: float
    on_stale: OnStale
    algorithms: tuple[str, ...]
    skew: float
    cache: int
    pool: urllib3.PoolManager | None
    observer: Observer
    now: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Token:
    """A JWS whose signature was good, with what would revoke it."""

    claims: Claims
    refs: tuple[Ref, ...]


class Verifier:
    """Verifies access tokens; safe for many threads.

    Making one calls nobody. It starts with the first token, or with
    :meth:`start`: then it reads the issuer's keys and what is revoked, and
    threads of its own keep both up to date. After a fork the child starts anew.

    :param issuer: the server's issuer URL, as in its discovery document.
    :param audience: this API's identifier; tokens must name it in ``aud``.
    :param client_id: with client_secret, for a token with the scope
        ``revocations:read``; without, the feed must be open, or no_feed be set.
    :param no_feed: do without the feed: on_stale decides about every token.
    :param max_stale: how old the news of revocations may be, in seconds.
    :param on_stale: what happens beyond: ask, refuse, accept.
    :param skew: how far clocks may differ, in seconds.
    :param cache: how many just-verified tokens are remembered; 0 for none.
    :param pool: makes all calls; an own urllib3 pool by default.
    :param realm: named in WWW-Authenticate.
    :param now: the clock for expiry; how old news is does not go by it.
    """

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        client_id: str = "",
        client_secret: str = "",
        no_feed: bool = False,
        max_stale: float = 5.0,
        on_stale: OnStale = "ask",
        algorithms: Collection[str] = ALGORITHMS,
        skew: float = 30.0,
        cache: int = 10_000,
        pool: urllib3.PoolManager | None = None,
        observer: Observer | None = None,
        realm: str = "signet",
        now: Callable[[], float] = time.time,
    ) -> None:
        _check_issuer(issuer)
        if not audience:
            raise ValueError("audience is required: tokens for other APIs must not open this one")
        if bool(client_id) != bool(client_secret):
            raise ValueError("client_id and client_secret go together")
        if not algorithms or not KNOWN_ALGORITHMS.issuperset(algorithms):
            raise ValueError(f"algorithms: only {', '.join(sorted(KNOWN_ALGORITHMS))} are accepted")
        if on_stale not in ("ask", "refuse", "accept"):
            raise ValueError("on_stale is ask, refuse or accept")
        if any(c in realm for c in '"\\\r\n'):
            raise ValueError("realm must not need quoting")
        self.realm = realm
        self._config = _Config(
            issuer=issuer,
            audience=audience,
            client_id=client_id,
            client_secret=client_secret,
            no_feed=no_feed,
            max_stale=max_stale,
            on_stale=on_stale,
            algorithms=tuple(algorithms),
            skew=skew,
            cache=cache,
            pool=pool,
            observer=observer or _Nobody(),
            now=now,
        )
        self._reset()
        if hasattr(os, "register_at_fork"):
            myself = weakref.ref(self)
            os.register_at_fork(after_in_child=lambda: v._reset() if (v := myself()) else None)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._core: Core | None = None
        self._closed = False
        self._failed: tuple[float, str] = (-_START_EVERY, "")

    def start(self, timeout: float = _START_TIMEOUT) -> None:
        """Return once the keys are known and, unless no_feed, what is revoked
        and that this is fresh; raise StartError when the server is out of reach."""
        self._started(timeout)

    def _started(self, timeout: float = _START_TIMEOUT) -> "Core":
        core = self._core
        if core is not None:
            return core
        with self._lock:
            if self._core is not None:
                return self._core
            if self._closed:
                raise StartError("closed")
            at, why = self._failed
            if time.monotonic() - at < _START_EVERY:
                raise StartError(why)
            try:
                self._core = _start(self._config, timeout)
            except (FetchError, StartError) as e:
                self._failed = (time.monotonic(), str(e))
                raise StartError(str(e)) from e
            return self._core

    def close(self) -> None:
        """End what runs in the background. What is known stays in use, and
        counts as stale soon."""
        with self._lock:
            self._closed = True
            if self._core is not None:
                self._core.close()

    @property
    def staleness(self) -> float:
        """How old the news of revocations is at most, in seconds; infinite
        without a feed, before the start, or while its state is not certain."""
        core = self._core
        return core.staleness() if core is not None else float("inf")

    @property
    def position(self) -> int:
        """How far the revocation feed is applied here."""
        core = self._core
        return core.position() if core is not None else 0

    def now(self) -> float:
        """The time by which tokens are judged."""
        return self._config.now()

    @property
    def skew(self) -> float:
        """How far clocks may differ, in seconds."""
        return self._config.skew

    def verify(
        self,
        token: str,
        *,
        max_stale: float | None = None,
        on_stale: OnStale | None = None,
        permissions: Collection[str] = (),
        io: bool = True,
    ) -> Claims:
        """Return the claims of a good token, or raise why it is refused.

        max_stale and on_stale override those of the verifier. With permissions
        the token must give all of them; one that does not tell is shown to the
        server. With io=False nothing waits for the network: WouldBlock is raised
        where something would have to.
        """
        begin = time.monotonic()
        bound = self._config.max_stale if max_stale is None else max_stale
        try:
            core = self._core
            if core is None:
                if not io:
                    raise WouldBlock
                try:
                    core = self._started()
                except StartError as e:
                    raise Unknown from e
            claims = core.judge(token, bound, on_stale or self._config.on_stale, permissions, io)
        except Refused as e:
            self._config.observer.verified(e.reason, time.monotonic() - begin)
            raise
        self._config.observer.verified("valid", time.monotonic() - begin)
        return claims


def _check_issuer(issuer: str) -> None:
    u = urlsplit(issuer)
    host = u.hostname or ""
    if not host or u.fragment or u.query or u.username is not None:
        raise ValueError(f"issuer {issuer!r} is not an issuer URL")
    loopback = host in ("localhost", "::1") or host.startswith("127.")
    if u.scheme != "https" and not (u.scheme == "http" and loopback):
        raise ValueError(f"issuer {issuer!r} must be https")


def _start(c: _Config, timeout: float) -> "Core":
    end = time.monotonic() + timeout
    http = Fetcher(c.pool)
    at = discover(http, c.issuer)
    keys = KeySet(at.jwks, http)
    keys.fetch()
    stop = threading.Event()
    follower = None
    if not c.no_feed:
        feed_keys = KeySet(at.feed_keys, http)
        feed_keys.fetch()
        feed = Feed(c.issuer, Opener(feed_keys, ("ES256", "EdDSA")), c.skew, c.now, time.monotonic)
        credential = Credential(http, at.token, c.issuer, c.client_id, c.client_secret)
        follower = Follower(feed, http, at, credential, c.observer.staleness)
        follower.load()  # here, so that its error is the caller's to see
        _run(follower.run, "signet-feed")
        _run(lambda: feed_keys.refresh(stop), "signet-feed-keys")
        if not follower.first.wait(max(end - time.monotonic(), 0)):
            stop.set()
            follower.close()
            raise StartError("no heartbeat from the revocation feed")
    _run(lambda: keys.refresh(stop), "signet-keys")
    return Core(c, keys, follower, http, at, stop)


def _run(target: Callable[[], None], name: str) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()


class Core:
    """A verifier that runs, in one process."""

    def __init__(
        self,
        config: _Config,
        keys: Keys,
        follower: Follower | None,
        http: Fetcher | None,
        at: Endpoints | None,
        stop: threading.Event | None = None,
    ) -> None:
        self._config, self._follower, self._http, self._at, self._stop = config, follower, http, at, stop
        self._opener = Opener(keys, config.algorithms)
        self._seen = _Cache(config.cache)

    def close(self) -> None:
        if self._stop is not None:
            self._stop.set()
        if self._follower is not None:
            self._follower.close()

    def staleness(self) -> float:
        return self._follower.feed.age() if self._follower is not None else float("inf")

    def position(self) -> int:
        known = self._follower.feed.list if self._follower is not None else None
        return known.head if known is not None else 0

    def judge(self, raw: str, max_stale: float, on_stale: OnStale, permissions: Collection[str], io: bool) -> Claims:
        token = self.parse(raw, io)
        c, now, skew = token.claims, self._config.now(), self._config.skew
        if now >= c.exp + skew:
            raise Expired
        if now + skew < c.iat:
            raise NotYet
        stale = True
        if self._follower is not None:
            # The age is read first: what is checked after is at least as new.
            feed = self._follower.feed
            stale = feed.age() > max_stale
            # What is known to be revoked is, however old the news.
            if feed.list is not None:
                feed.list.check(c.pe, token.refs)
        missing = any(p not in (c.permissions or ()) for p in permissions)
        if missing and c.permissions is not None:
            raise Insufficient
        if missing:
            # The token does not tell: the server knows what its roles give.
            self._ask(raw, permissions, io)
        elif stale and on_stale == "ask":
            self._ask(raw, (), io)
        elif stale and on_stale == "refuse":
            raise Unknown
        return c

    def parse(self, raw: str, io: bool) -> _Token:
        """Check what does not change: signature, type, issuer, audience."""
        if len(raw) > MAX_TOKEN:
            raise Malformed
        key = sha256(raw.encode("utf-8", "surrogatepass")).digest()
        known = self._seen.get(key)
        if known is not None:
            return known
        payload, kid = self._opener.open(raw, "at+jwt", io)
        c = parse_claims(payload, kid)
        if c.iss != self._config.issuer:
            raise WrongIssuer
        if self._config.audience not in c.aud:
            raise WrongAudience
        token = _Token(c, refs(c))
        self._seen.put(key, token)
        return token

    def _ask(self, raw: str, permissions: Collection[str], io: bool) -> None:
        """Have the server judge the token."""
        if not io:
            raise WouldBlock
        if self._http is None or self._at is None:
            raise Unknown
        question = {
            "token": raw,
            "audience": self._config.audience,
            "required_permissions": list(permissions) or None,
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            a = self._http.fetch(
                "POST", self._at.validate, headers, json.dumps(question).encode(), timeout=_ASK_TIMEOUT
            )
            verdict = json.loads(a.body) if a.status == 200 else None
        except (FetchError, ValueError) as e:
            raise Unknown from e
        if not isinstance(verdict, dict) or not isinstance(verdict.get("valid"), bool):
            raise Unknown
        if not verdict["valid"]:
            raise _VERDICTS.get(str(verdict.get("reason")), Revoked)


_VERDICTS: dict[str, type[Refused]] = {
    "expired": errors.Expired,
    "session_ended": errors.SessionEnded,
    "stale_permissions": errors.Stale,
    "unknown_key": errors.UnknownKey,
    "wrong_issuer": errors.WrongIssuer,
    "insufficient": errors.Insufficient,
    "malformed": errors.Malformed,
}


class _Cache:
    """Remembers tokens whose signature was checked, by the hash of the whole
    token: one that differs in one bit is another token. What is used lives on in
    the younger of two generations; the older one is dropped as a whole."""

    def __init__(self, size: int) -> None:
        self._half = max(size // 2, 1) if size > 0 else 0
        self._young: dict[bytes, _Token] = {}
        self._old: dict[bytes, _Token] = {}
        self._lock = threading.Lock()

    def get(self, key: bytes) -> _Token | None:
        token = self._young.get(key)
        if token is None and (token := self._old.get(key)) is not None:
            self.put(key, token)
        return token

    def put(self, key: bytes, token: _Token) -> None:
        if not self._half:
            return
        with self._lock:
            if len(self._young) >= self._half:
                self._old, self._young = self._young, {}
            self._young[key] = token

    def __len__(self) -> int:
        return len(self._young) + len(self._old)
