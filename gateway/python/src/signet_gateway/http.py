"""The one way out: bounded in size and time, and never redirected."""

import json
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

import urllib3
from urllib3.util import make_headers

from .errors import StartError

FETCH_TIMEOUT = 5.0  # seconds
MAX_DOCUMENT = 256 << 10  # bytes
_EARLY = 30.0  # seconds before its end a token is not used any more


class FetchError(Exception):
    """No answer, or not the one that was asked for."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Fetcher:
    """Calls the server. The pool is the caller's, or one of its own."""

    def __init__(self, pool: urllib3.PoolManager | None = None) -> None:
        self._pool = pool or urllib3.PoolManager(num_pools=4, maxsize=32)

    def open(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None, read: float = FETCH_TIMEOUT
    ) -> urllib3.BaseHTTPResponse:
        """Begin a call; read is how long the server may say nothing."""
        try:
            return self._pool.request(
                method,
                url,
                headers=headers,
                body=body,
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=FETCH_TIMEOUT, read=read),
            )
        except urllib3.exceptions.HTTPError as e:
            raise FetchError(f"{url}: {type(e).__name__}") from e

    def fetch(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
        limit: int = MAX_DOCUMENT,
        timeout: float = FETCH_TIMEOUT,
    ) -> Answer:
        """Make a call and read the answer, within a limit of bytes and seconds."""
        end = time.monotonic() + timeout
        response = self.open(method, url, headers, body, timeout)
        got = bytearray()
        try:
            while chunk := response.read1(64 << 10, decode_content=True):
                got += chunk
                if len(got) > limit:
                    raise FetchError(f"{url}: an answer of more than {limit} bytes")
                if time.monotonic() > end:
                    raise FetchError(f"{url}: no end within {timeout:g} s")
        except urllib3.exceptions.HTTPError as e:
            response.close()
            raise FetchError(f"{url}: {type(e).__name__}") from e
        except FetchError:
            response.close()
            raise
        response.release_conn()
        return Answer(response.status, response.headers, bytes(got))

    def document(self, url: str) -> dict[str, Any]:
        """Read a JSON object."""
        a = self.fetch("GET", url, {"Accept": "application/json"})
        if a.status != 200:
            raise FetchError(f"{url}: status {a.status}", a.status)
        try:
            value = json.loads(a.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise FetchError(f"{url}: no JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where the server's things are."""

    jwks: str
    token: str
    validate: str
    snapshot: str
    stream: str
    feed_keys: str


def discover(http: Fetcher, issuer: str) -> Endpoints:
    """Read the issuer's documents. Every address must be of the issuer's own
    origin: the client's secret goes there."""
    base = issuer.removesuffix("/")
    openid = http.document(base + "/.well-known/openid-configuration")
    if openid.get("issuer") != issuer:
        raise StartError(f"the server at {issuer} says that it is {openid.get('issuer')!r}")
    own = http.document(base + "/.well-known/signet-configuration")
    at = [openid.get("jwks_uri"), openid.get("token_endpoint")] + [
        own.get(n) for n in ("validate_uri", "revocation_snapshot_uri", "revocation_stream_uri", "revocation_jwks_uri")
    ]
    for url in at:
        if not isinstance(url, str) or _origin(url) != _origin(issuer):
            raise StartError(f"discovery: {url!r} is not at the issuer")
    return Endpoints(*(str(url) for url in at))


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


class Credential:
    """The gateway's own token for the feed (RFC 6749 §4.4)."""

    def __init__(self, http: Fetcher, endpoint: str, issuer: str, client_id: str, client_secret: str) -> None:
        self._http, self._endpoint, self._issuer = http, endpoint, issuer
        self._id, self._secret = client_id, client_secret
        self._lock = threading.Lock()
        self._token, self._until = "", -math.inf

    def get(self) -> str:
        """A token, or "" where the feed is open to everybody."""
        if not self._id:
            return ""
        with self._lock:
            if self._token and time.monotonic() < self._until:
                return self._token
            # RFC 6749 §2.3.1: both halves are encoded.
            basic = make_headers(basic_auth=f"{quote_plus(self._id)}:{quote_plus(self._secret)}")
            form = {"grant_type": "client_credentials", "scope": "revocations:read", "resource": self._issuer}
            a = self._http.fetch(
                "POST",
                self._endpoint,
                {**basic, "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
                urlencode(form).encode(),
            )
            try:
                said = json.loads(a.body)
                token, lifetime = said["access_token"], int(said.get("expires_in", 0))
                if not isinstance(token, str) or not token:
                    raise KeyError
            except (ValueError, KeyError, TypeError):
                said = said if isinstance(said := _json(a.body), dict) else {}
                why = f"{said.get('error')}: {said.get('error_description')}"
                raise FetchError(f"no token for the feed: status {a.status} {why}", a.status) from None
            self._token, self._until = token, time.monotonic() + lifetime - _EARLY
            return token

    def forget(self) -> None:
        """Drop a token that was refused."""
        with self._lock:
            self._token = ""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
