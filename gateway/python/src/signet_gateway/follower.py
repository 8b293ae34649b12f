"""Follows the revocation feed in a thread of its own."""

import logging
import threading
import time
from collections.abc import Callable

import urllib3

from .feed import Events, Feed, FeedError, Resync
from .http import Credential, Endpoints, FetchError, Fetcher

_log = logging.getLogger("signet_gateway")

MAX_SNAPSHOT = 64 << 20  # bytes
SILENCE = 4.0  # seconds a stream may say nothing: heartbeats come every second
_RETRY_FIRST, _RETRY_MOST = 0.05, 2.0
# A proxy that holds a stream back until it ends makes it silent: after so many
# such streams in a row the follower polls, and tries a stream again later.
_MUTE = 2
_POLL_FOR = 300.0


class Follower:
    """Keeps a Feed up to date."""

    def __init__(
        self, feed: Feed, http: Fetcher, at: Endpoints, credential: Credential, heard: Callable[[float], None]
    ) -> None:
        self.feed = feed
        self._http, self._at, self._credential, self._heard = http, at, credential, heard
        self._stop = threading.Event()
        self.first = threading.Event()
        """Set by the first heartbeat."""
        self._response: urllib3.BaseHTTPResponse | None = None
        self._mute = 0
        self._poll_until = -1.0

    def close(self) -> None:
        """End what runs; the thread may take a moment."""
        self._stop.set()
        response = self._response
        if response is not None:
            try:
                response.shutdown()
            except (OSError, ValueError, RuntimeError, AttributeError):
                pass  # it has ended by itself

    def run(self) -> None:
        """Follow the feed until close."""
        wait, failing = _RETRY_FIRST, False
        while not self._stop.is_set():
            heard, why = self._session()
            if heard:
                wait, failing = _RETRY_FIRST, False
            if isinstance(why, Resync):
                self.feed.lost()
            if why is not None and not failing and not self._stop.is_set():
                failing = True
                _log.warning("revocation feed interrupted: %s", why)
            self._stop.wait(wait)
            wait = min(2 * wait, _RETRY_MOST)

    def load(self) -> None:
        """Read a snapshot."""
        a = self._http.fetch(
            "GET", self._at.snapshot, self._headers("application/revocations+jwt"), limit=MAX_SNAPSHOT, timeout=20.0
        )
        self._judge(a.status)
        try:
            self.feed.begin(a.body.decode("ascii", "replace").strip())
        except FeedError as e:
            raise FetchError(f"snapshot: {e}") from e

    def _headers(self, accept: str) -> dict[str, str]:
        headers = {"Accept": accept, "Accept-Encoding": "gzip"} if "jwt" in accept else {"Accept": accept}
        if token := self._credential.get():
            headers["Authorization"] = "Bearer " + token
        return headers

    def _judge(self, status: int) -> None:
        if status == 401:
            self._credential.forget()
        if status != 200:
            raise FetchError(f"feed: status {status}", status)

    def _session(self) -> tuple[bool, Exception | None]:
        """One connection: a snapshot if need be, then the stream until it ends.
        Says whether a heartbeat came, and what was wrong."""
        try:
            if not self.feed.synced:
                self.load()
            headers = self._headers("text/event-stream")
            poll = time.monotonic() < self._poll_until
            known = self.feed.list
            url = f"{self._at.stream}?after={known.head if known is not None else 0}" + ("&wait=20" if poll else "")
            stream = self.feed.connect()
            response = self._http.open("GET", url, headers, read=SILENCE)
        except FetchError as e:
            return False, e
        try:
            self._judge(response.status)
            self._response = response
            self._listen(response, stream.handle)
        except urllib3.exceptions.HTTPError as e:
            self._silent(stream.heard)
            return stream.heard, FetchError(f"feed: {type(e).__name__}")
        except (FetchError, FeedError) as e:
            return stream.heard, e
        finally:
            self._response = None
            response.close()
        return stream.heard, None

    def _listen(self, response: urllib3.BaseHTTPResponse, handle: Callable[[str, str], None]) -> None:
        events, last = Events(), time.monotonic()
        while not self._stop.is_set() and (chunk := response.read1(64 << 10, decode_content=True)):
            for name, data in events.feed(chunk):
                handle(name, data)
                last = time.monotonic()
                if name == "heartbeat" and self.feed.fresh is not None:
                    self._mute = 0
                    self.first.set()
                    self._heard(self.feed.age())
            if time.monotonic() - last > SILENCE:
                raise FetchError("feed: nothing was said for a while")

    def _silent(self, heard: bool) -> None:
        self._mute = 0 if heard else self._mute + 1
        if self._mute >= _MUTE:
            self._mute = 0
            self._poll_until = time.monotonic() + _POLL_FOR
