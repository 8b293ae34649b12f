"""Compact JWS, read more strictly than a JOSE library has to."""

import base64
import binascii
from collections.abc import Collection
from typing import Any, Protocol

from jwt.api_jws import PyJWS
from jwt.exceptions import PyJWTError

from .claims import strict_object
from .errors import Malformed, UnknownKey

ALGORITHMS = ("ES256", "RS256", "PS256", "EdDSA")
KNOWN_ALGORITHMS = frozenset(
    ["ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"]
)

# Members of a protected header that ours never have (RFC 7515 §4): keys and
# certificates that come with the token, and what would change how it is read.
_EXTENSIONS = ("crit", "b64", "jwk", "jku", "x5u", "x5c", "zip")


class Key(Protocol):
    """A public key, and the algorithm it is for (empty: any of its kind)."""

    @property
    def algorithm(self) -> str: ...

    @property
    def public(self) -> Any: ...


class Keys(Protocol):
    """Finds keys by id; io says whether there is time to ask the server."""

    def find(self, kid: str, io: bool) -> Key | None: ...


class Opener:
    """Checks signatures with the keys of one set."""

    def __init__(self, keys: Keys, algorithms: Collection[str]) -> None:
        self._keys, self._algorithms = keys, frozenset(algorithms)
        self._jws = PyJWS(algorithms=sorted(self._algorithms))

    def open(self, raw: str, typ: str, io: bool = True) -> tuple[bytes, str]:
        """Return the payload and the key's id.

        The type is known, the algorithm is the key's, no key comes with the
        token, nothing is an extension, no member is there twice, and there is
        one way to write it.
        """
        parts = raw.split(".")
        if len(parts) != 3:
            raise Malformed
        head, payload, _ = (_decode(p) for p in parts)
        header = strict_object(head, deep=True)
        if any(name in header for name in _EXTENSIONS):
            raise Malformed
        said, alg, kid = (v if isinstance(v := header.get(n), str) else "" for n in ("typ", "alg", "kid"))
        if said.lower() not in (typ, "application/" + typ) or alg not in self._algorithms:
            raise Malformed
        key = self._keys.find(kid, io) if kid else None
        if key is None:
            raise UnknownKey
        if key.algorithm not in ("", alg):
            raise Malformed
        try:
            checked: bytes = self._jws.decode(raw, key.public, algorithms=[alg])
        except (PyJWTError, ValueError, TypeError):
            raise Malformed from None
        if checked != payload:
            raise Malformed
        return checked, kid


def _decode(part: str) -> bytes:
    """Decode base64url without padding in its one canonical form (RFC 7515 §2)."""
    try:
        text = part.encode("ascii")
        data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise Malformed from None
    if not data or base64.urlsafe_b64encode(data).rstrip(b"=") != text:
        raise Malformed
    return data
