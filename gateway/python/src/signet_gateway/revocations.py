"""What is revoked, and which tokens that kills (docs/revocation-feed.md)."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from .claims import Claims
from .errors import Refused, Revoked, SessionEnded, Stale

_ALWAYS = 1 << 63  # above all positions
_KINDS = frozenset(["grant", "sid", "sub", "client", "org", "member", "role"])


def hash_of(kind: str, value: str) -> bytes:
    """The value of an entry as the feed tells it."""
    return sha256(kind.encode() + b"\0" + value.encode()).digest()[:16]


@dataclass(frozen=True, slots=True)
class Ref:
    """One entry that would kill a token, and how."""

    hash: bytes
    error: type[Refused]


def refs(c: Claims) -> tuple[Ref, ...]:
    """All entries that would kill the token, the gravest first."""
    found = [
        Ref(hash_of(kind, value), error)
        for error, kind, value in (
            (Revoked, "jti", c.jti),
            (Revoked, "kid", c.kid),
            (Revoked, "grant", c.gid),
            (Revoked, "sub", c.sub),
            (Revoked, "client", c.client_id),
            (Revoked, "org", c.org_id),
            (SessionEnded, "sid", c.sid),
        )
        if value
    ]
    found.append(Ref(hash_of("member", "/" + c.sub), Stale))  # system roles
    if c.org_id:
        found.append(Ref(hash_of("member", f"{c.org_id}/{c.sub}"), Stale))
    for role in c.roles:
        if role.startswith("system:"):
            found.append(Ref(hash_of("role", "/" + role[len("system:") :]), Stale))
        elif c.org_id:
            found.append(Ref(hash_of("role", f"{c.org_id}/{role}"), Stale))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Entry:
    """A revocation as the feed tells it."""

    seq: int
    kind: str
    hash: bytes
    exp: int


class Revocations:
    """What is revoked up to a position.

    One thread applies entries, others check at the same time: a mark is set
    before the head is, and single operations on a dict are atomic.
    """

    def __init__(self, feed_id: str) -> None:
        self.feed_id = feed_id
        self.head = 0
        self._marks: dict[bytes, tuple[int, int]] = {}  # position below which tokens are dead, expiry
        self._all = (0, 0)

    def apply(self, head: int, entries: Iterable[Entry]) -> None:
        """Take entries that lead to head."""
        for e in entries:
            seq = e.seq
            if e.kind in ("jti", "kid"):
                seq = _ALWAYS
            elif e.kind not in _KINDS:
                # All, and kinds of a newer server: rather too much than too little.
                self._all = (max(self._all[0], seq), max(self._all[1], e.exp))
                continue
            old = self._marks.get(e.hash, (0, 0))
            self._marks[e.hash] = (max(old[0], seq), max(old[1], e.exp))
        self.head = head

    def sweep(self, now: float) -> None:
        """Forget what has expired at now, in seconds."""
        self._marks = {h: m for h, m in self._marks.items() if m[1] >= now}
        if self._all[1] < now:
            self._all = (0, 0)

    def check(self, position: int, refs: Iterable[Ref]) -> None:
        """Raise if the list kills a token; the gravest reason wins."""
        if self._all[0] > position:
            raise Revoked
        marks = self._marks
        for ref in refs:
            mark = marks.get(ref.hash)
            if mark is not None and mark[0] > position:
                raise ref.error
