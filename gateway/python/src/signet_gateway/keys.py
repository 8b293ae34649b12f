"""A JWKS kept up to date."""

import json
import logging
import math
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from .errors import WouldBlock
from .http import FetchError, Fetcher

_log = logging.getLogger("signet_gateway")

MAX_KEY_SET = 1 << 20  # bytes
MAX_KEYS = 200
REFETCH_EVERY = 5.0  # seconds between fetches because of unknown ids
_MIN_AGE, _DEFAULT_AGE, _MAX_AGE = 15.0, 300.0, 3600.0


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key of the set; algorithm is empty where the set does not say."""

    algorithm: str
    public: Any


def read_keys(body: bytes) -> dict[str, PublicKey]:
    """Read a JWKS. One key of a kind we do not know must not make the others
    useless (RFC 7517 §5)."""
    try:
        told = json.loads(body)["keys"]
    except (ValueError, KeyError, TypeError):
        told = None
    if not isinstance(told, list) or len(told) > MAX_KEYS:
        raise FetchError("key set: not one, or of too many keys")
    keys = {}
    for k in told:
        if not isinstance(k, dict) or k.get("use", "sig") not in ("sig", "") or k.get("kty") not in ("EC", "RSA", "OKP"):
            continue
        kid, alg = k.get("kid"), k.get("alg", "")
        if not isinstance(kid, str) or not kid or not isinstance(alg, str) or "d" in k:
            continue
        try:
            keys[kid] = PublicKey(alg, PyJWK(k).key)
        except (PyJWTError, ValueError, TypeError, KeyError):
            continue
    return keys


class KeySet:
    """Keys by id; one that is not known makes the set be fetched again, not more
    often than every REFETCH_EVERY."""

    def __init__(self, url: str, http: Fetcher) -> None:
        self._url, self._http = url, http
        self._keys: Mapping[str, PublicKey] = {}
        self._lock = threading.Lock()
        self._tried = -math.inf
        self._tag = ""
        self.max_age = _DEFAULT_AGE

    def find(self, kid: str, io: bool) -> PublicKey | None:
        key = self._keys.get(kid)
        if key is not None or self._early():
            return key
        if not io:
            raise WouldBlock
        with self._lock:
            if kid not in self._keys and not self._early():  # nobody has fetched meanwhile
                try:
                    self.fetch()
                except FetchError as e:
                    _log.warning("keys cannot be fetched: %s", e)
        return self._keys.get(kid)

    def _early(self) -> bool:
        return time.monotonic() - self._tried < REFETCH_EVERY

    def fetch(self) -> None:
        """Read the set. After an error the keys read before stay in use."""
        self._tried = time.monotonic()
        headers = {"Accept": "application/jwk-set+json, application/json"}
        if self._tag:
            headers["If-None-Match"] = self._tag
        a = self._http.fetch("GET", self._url, headers, limit=MAX_KEY_SET)
        self.max_age = _max_age(a.headers.get("Cache-Control", ""))
        if a.status == 304 and self._tag:
            return
        if a.status != 200:
            raise FetchError(f"key set: status {a.status}", a.status)
        self._keys = read_keys(a.body)
        self._tag = a.headers.get("ETag", "")

    def refresh(self, stop: threading.Event) -> None:
        """Fetch the set in time, until told to stop."""
        while not stop.wait(min(max(self.max_age * 4 / 5, _MIN_AGE), _MAX_AGE)):
            with self._lock:
                try:
                    self.fetch()
                except FetchError as e:
                    _log.warning("keys cannot be refreshed: %s", e)
                    self.max_age = _MIN_AGE


def _max_age(header: str) -> float:
    """Read Cache-Control (RFC 9111 §5.2.2.1)."""
    said = re.search(r"(?:^|,)\s*max-age=\"?(\d{1,9})", header, re.IGNORECASE)
    return float(said[1]) if said else _DEFAULT_AGE
