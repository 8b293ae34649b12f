"""The revocation feed, without the network: what its messages prove.

A feed is followed by one thread; others ask how old the news is.
"""

import base64
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from .claims import strict_object
from .errors import Malformed, Refused
from .jws import Opener
from .revocations import Entry, Revocations

TYPE_REVOCATIONS = "revocations+jwt"
TYPE_HEARTBEAT = "heartbeat+jwt"

MAX_LINE = 4 << 20  # of the stream, bytes
PATIENCE = 3  # heartbeats in a row that may name another position than ours
SWEEP_EVERY = 30.0  # seconds


class FeedError(Exception):
    """A message that is wrong: the connection is given up."""


class Resync(FeedError):
    """What was heard does not fit what is known; a snapshot is needed."""


@dataclass(frozen=True, slots=True)
class _Message:
    feed_id: str
    after: int
    seq: int
    sent: int
    as_of: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Freshness:
    """The last heartbeat that fits the list.

    arrived and began are of a clock that nobody sets; first, sent and as_of are
    the server's, in milliseconds. Nothing compares the one with the other.
    """

    arrived: float
    began: float
    """When the stream was asked for: the first heartbeat was said after that,
    so however long one lay somewhere, this bounds its age."""
    first: int
    sent: int
    as_of: int

    def age(self, now: float) -> float:
        since = now - self.arrived + (self.sent - self.as_of) / 1000
        whole = now - self.began - (self.as_of - self.first) / 1000
        return max(since, whole, 0.0)


class Feed:
    """The list of what is revoked, and how old it is."""

    def __init__(
        self, issuer: str, opener: Opener, skew: float, wall: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self._issuer, self._opener, self._skew = issuer, opener, skew
        self.wall, self.monotonic = wall, monotonic
        self.list: Revocations | None = None
        self.synced = False
        """Whether the list leads on from a snapshot."""
        self.fresh: _Freshness | None = None
        self._swept = -math.inf

    def age(self) -> float:
        """How old the news is at most, in seconds; infinite if nobody vouches for it."""
        fresh = self.fresh
        return math.inf if fresh is None else fresh.age(self.monotonic())

    def lost(self) -> None:
        """Nobody vouches for the list until it was read anew."""
        self.synced, self.fresh = False, None

    def begin(self, snapshot: str) -> None:
        """Replace the list by that of a snapshot. That proves nothing about how
        fresh it is: the stream's heartbeat does."""
        m = self.open(snapshot, TYPE_REVOCATIONS)
        if m.after != 0:
            raise FeedError("no snapshot, but a part")
        old = self.list
        if old is not None and old.feed_id == m.feed_id and m.seq < old.head:
            # Of a replica that is behind, or an old one played again. If the
            # feed itself went back its id is another.
            raise FeedError("the snapshot is older than what is known")
        new = Revocations(m.feed_id)
        new.apply(m.seq, m.entries)
        self.list, self.synced = new, True

    def connect(self) -> "Stream":
        """Begin to listen; call it before the stream is asked for."""
        return Stream(self, self.monotonic())

    def open(self, raw: str, typ: str) -> _Message:
        """Verify a message."""
        try:
            payload, _ = self._opener.open(raw, typ)
            m = _message(strict_object(payload), self._issuer)
        except Refused as e:
            raise FeedError("a message that is not the server's, or malformed") from e
        return m

    def extend(self, m: _Message) -> None:
        """Apply entries that lead on from the list."""
        known = self._known(m.feed_id)
        if m.after > known.head:
            raise Resync("entries are missing")
        if m.seq <= known.head:
            return  # said before
        known.apply(m.seq, [e for e in m.entries if e.seq > known.head])
        now = self.wall()
        if now > self._swept + SWEEP_EVERY:
            known.sweep(now - self._skew)
            self._swept = now

    def _known(self, feed_id: str) -> Revocations:
        if self.list is None or self.list.feed_id != feed_id:
            raise Resync("another feed")
        return self.list


class Stream:
    """What is known of one connection."""

    def __init__(self, feed: Feed, began: float) -> None:
        self._feed, self._began = feed, began
        self._first = -1  # sent of the first heartbeat
        self._last = 0
        self._apart = 0  # heartbeats in a row that named another position

    @property
    def heard(self) -> bool:
        """Whether a heartbeat came."""
        return self._first >= 0

    def handle(self, name: str, data: str) -> None:
        """Take one event for what it proves."""
        if name == "entries":
            self._feed.extend(self._feed.open(data, TYPE_REVOCATIONS))
        elif name == "heartbeat":
            self._beat(self._feed.open(data, TYPE_HEARTBEAT))
        # Others are of a newer server.

    def _beat(self, m: _Message) -> None:
        feed, arrived = self._feed, self._feed.monotonic()
        known = feed._known(m.feed_id)
        if m.sent <= self._last:
            raise FeedError("a heartbeat that was heard before")
        self._last = m.sent
        # One that was recorded and is played to us anew is in order, but of
        # another time; so are heartbeats to a machine whose clock is wrong,
        # which can judge no token's expiry either.
        if abs(feed.wall() - m.sent / 1000) > 2 * feed._skew:
            raise FeedError("a heartbeat that is far off our clock")
        if self._first < 0:
            self._first = m.sent
        if m.seq != known.head:
            # A replica that is behind, or entries that were kept from us.
            self._apart += 1
            if self._apart >= PATIENCE:
                raise Resync("heartbeats name another position")
            return
        self._apart = 0
        if not 0 < m.as_of <= m.sent:
            raise FeedError("a heartbeat without a time")
        feed.fresh = _Freshness(arrived, self._began, self._first, m.sent, m.as_of)


def _message(members: dict[str, Any], issuer: str) -> _Message:
    def number(name: str, of: dict[str, Any] = members) -> int:
        value = of.get(name, 0)
        if type(value) is not int:
            raise Malformed
        return value

    feed_id, after, seq = members.get("feed_id"), number("after"), number("seq")
    if members.get("iss") != issuer or not isinstance(feed_id, str) or not feed_id or seq < 0 or after < 0:
        raise Malformed
    entries: list[Entry] = []
    last = after
    told = members.get("entries")
    if not isinstance(told, list | None):
        raise Malformed
    for e in told or ():
        if not isinstance(e, dict) or not isinstance(e.get("kind"), str):
            raise Malformed
        at = number("seq", e)
        if at <= last or at > seq:
            raise Malformed
        last = at
        entries.append(Entry(at, e["kind"], _hash(e.get("value")), number("exp", e)))
    return _Message(feed_id, after, seq, number("sent"), number("as_of"), tuple(entries))


def _hash(value: object) -> bytes:
    if not isinstance(value, str) or len(value) != 22:
        raise Malformed
    try:
        return base64.b64decode(value + "==", altchars=b"-_", validate=True)
    except ValueError:
        raise Malformed from None


class Events:
    """Reads server-sent events (HTML Living Standard, § 9.2) as they arrive."""

    def __init__(self) -> None:
        self._rest = b""
        self._name = self._data = ""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """Take bytes, and give the events they complete."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > MAX_LINE:
            raise FeedError("a line without an end")
        for line in lines:
            text = line.removesuffix(b"\r").decode("utf-8", "replace")
            if not text:
                name, data, self._name, self._data = self._name, self._data, "", ""
                if data:
                    yield name, data
                continue
            field, _, value = text.partition(":")
            if field == "event":
                self._name = value.removeprefix(" ")
            elif field == "data":
                self._data = value.removeprefix(" ")  # ours are of one line
