"""A verifier with a server: news, trouble, policies, forks."""

import math
import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from signet_gateway import Refused, SessionEnded, Stale, StartError, Unknown, UnknownKey, Verifier
from signet_gateway import follower as following
from signet_gateway.errors import WouldBlock

from .fake import AUDIENCE, Fake, Key, until

made: list[Verifier] = []


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while made:
        made.pop().close()


def verifier(fake: Fake, **more: Any) -> Verifier:
    made.append(Verifier(fake.url, AUDIENCE, **more))
    return made[-1]


def test_news_arrive(fake: Fake) -> None:
    v = verifier(fake)
    token = fake.token()
    assert math.isinf(v.staleness)  # nobody was called yet
    assert v.verify(token).sub == "ada"
    fake.revoke("sid", "s1")
    until("applied", lambda: v.position == 1)
    with pytest.raises(SessionEnded):
        v.verify(token)
    assert v.verify(fake.token()).pe == 1
    fake.hang_up(True)
    fake.revoke("sub", "ada")
    fake.hang_up(False)
    until("resumed", lambda: v.position == 2)
    with pytest.raises(Refused):
        v.verify(fake.token(pe=1))


def test_policies(fake: Fake) -> None:
    ask = verifier(fake, max_stale=0.3)
    refuse = verifier(fake, max_stale=0.3, on_stale="refuse")
    accept = verifier(fake, max_stale=0.3, on_stale="accept")
    token = fake.token()
    for v in (ask, refuse, accept):
        v.verify(token)
    fake.hang_up(True)
    until("stale", lambda: min(v.staleness for v in (ask, refuse, accept)) > 0.3)
    assert accept.verify(token)
    assert refuse.verify(token, on_stale="accept")
    with pytest.raises(Unknown):
        refuse.verify(token)
    assert ask.verify(token) and fake.asked == 1
    with pytest.raises(WouldBlock):
        ask.verify(token, io=False)
    for verdict, error in (("503", Unknown), ("session_ended", SessionEnded), ("stale_permissions", Stale)):
        fake.verdict = verdict
        with pytest.raises(error):
            ask.verify(token)
    fake.hang_up(False)
    until("fresh again", lambda: refuse.staleness < 0.3)
    assert refuse.verify(token)


def test_a_stream_that_is_held_back_is_polled(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "SILENCE", 0.4)
    fake.hold_back = True
    v = verifier(fake)
    v.start()
    assert fake.polls > 0
    fake.revoke("sid", "s1")
    until("applied", lambda: v.position == 1)


def test_unknown_keys_are_fetched_at_times(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    v = verifier(fake)
    v.start()
    for i in range(20):
        with pytest.raises(UnknownKey):
            v.verify(Key(f"x{i}").sign("at+jwt", fake.claims()))
    assert fake.key_reads == 1
    monkeypatch.setattr("signet_gateway.keys.REFETCH_EVERY", 0)
    fake.token_keys.append(new := Key("t2"))
    with pytest.raises(WouldBlock):
        v.verify(new.sign("at+jwt", fake.claims()), io=False)
    assert v.verify(new.sign("at+jwt", fake.claims()))
    assert fake.key_reads == 2


def test_a_server_that_is_away(fake: Fake) -> None:
    fake.cut = True
    v = verifier(fake)
    with pytest.raises(StartError):
        v.start()
    with pytest.raises(Unknown):
        v.verify(fake.token())
    fake.cut = False
    until("started", lambda: v.staleness < 1 or started(v))


def started(v: Verifier) -> bool:
    try:
        v.start()
    except StartError:
        return False
    return True


def test_one_start_for_many_threads(fake: Fake) -> None:
    v, token = verifier(fake), fake.token()
    threads = [threading.Thread(target=v.verify, args=(token,)) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert fake.key_reads == 1


def test_a_fork_starts_anew(fake: Fake) -> None:
    v, token = verifier(fake), fake.token()
    v.verify(token)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            v.verify(token)
            os.write(write, b"fresh" if v.staleness < 5 else b"stale")
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as said:
        assert said.read() == b"fresh"
    os.waitpid(child, 0)
    assert fake.key_reads == 2


def test_without_a_feed(fake: Fake) -> None:
    v = verifier(fake, no_feed=True)
    assert v.verify(fake.token()) and fake.asked == 1
    assert v.verify(fake.token(), permissions=["void:invoice"]) and fake.asked == 2


def test_closed(fake: Fake) -> None:
    v = verifier(fake, max_stale=0.2, on_stale="refuse")
    v.start()
    v.close()
    until("stale", lambda: v.staleness > 0.2)
    with pytest.raises(Unknown):
        v.verify(fake.token())


@pytest.mark.parametrize(
    "wrong",
    [
        {"issuer": "http://id.example.com"},
        {"issuer": "https://id.example.com?x"},
        {"issuer": "id.example.com"},
        {"audience": ""},
        {"client_id": "g"},
        {"algorithms": ["none"]},
        {"algorithms": ["HS256"]},
        {"realm": 'x"'},
        {"on_stale": "hope"},
    ],
)
def test_configuration_is_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Verifier(**{"issuer": "https://id.example.com", "audience": AUDIENCE, **wrong})


def test_the_cache_is_bounded() -> None:
    from signet_gateway.verifier import _Cache

    c, token = _Cache(100), object()
    used = b"used"
    c.put(used, token)  # type: ignore[arg-type]
    for i in range(1000):
        c.put(str(i).encode(), token)  # type: ignore[arg-type]
        assert c.get(used) is token
    assert len(c) <= 100
