"""Django, Django REST framework and FastAPI, each with its own test client."""

import asyncio
from collections.abc import Iterator
from typing import Annotated, Any

import django
import pytest
from django.test import AsyncClient, Client, override_settings
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from signet_gateway import Claims
from signet_gateway.fastapi import Signet

from .fake import AUDIENCE, Fake, until

django.setup()

NOTHING = 'Bearer realm="signet"'


def settings(fake: Fake, **more: Any) -> Any:
    return override_settings(SIGNET={"ISSUER": fake.url, "AUDIENCE": AUDIENCE, **more})


@pytest.fixture
def site(fake: Fake) -> Iterator[Client]:
    with settings(fake):
        yield Client()


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": "Bearer " + token}


@pytest.mark.parametrize("path", ["/orders", "/later", "/rest/orders"])
def test_django_protects(site: Client, fake: Fake, path: str) -> None:
    token = fake.token()
    r = site.get(path, headers=bearer(token))
    assert r.status_code == 200 and r.json()["sub"] == "ada"
    r = site.get(path)
    assert (r.status_code, r.headers["WWW-Authenticate"]) == (401, NOTHING)
    r = site.get(path, headers=bearer("x"))
    assert r.status_code == 401 and 'error="invalid_token"' in r.headers["WWW-Authenticate"]
    assert r.json()["error"] == "invalid_token"
    fake.revoke("sid", "s1")
    until("refused", lambda: site.get(path, headers=bearer(token)).status_code == 401)


@pytest.mark.parametrize("path", ["/deletion", "/rest/deletion"])
def test_django_asks_for_scopes(site: Client, fake: Fake, path: str) -> None:
    r = site.get(path, headers=bearer(fake.token()))
    assert r.status_code == 403
    assert r.headers["WWW-Authenticate"].endswith('scope="orders:delete"')
    assert r.json()["error"] == "insufficient_scope"


def test_django_policy_of_a_view(site: Client, fake: Fake) -> None:
    token = fake.token()
    with settings(fake, MAX_STALE=0.2, ON_STALE="refuse"):
        assert site.get("/orders", headers=bearer(token)).status_code == 200
        fake.hang_up(True)
        until("refused", lambda: site.get("/orders", headers=bearer(token)).status_code == 503)
        assert site.get("/orders", headers=bearer(token)).headers["Retry-After"] == "1"
        r = site.get("/rest/orders", headers=bearer(token))
        assert (r.status_code, r.headers["Retry-After"]) == (503, "1")
        assert site.get("/calm", headers=bearer(token)).status_code == 200


def test_django_middleware(site: Client, fake: Fake) -> None:
    assert site.get("/plain").json() == {"sub": None}
    assert site.get("/plain", headers=bearer(fake.token())).json() == {"sub": "ada"}
    assert site.get("/plain", headers=bearer("x")).status_code == 401
    assert site.get("/plain", headers={"Authorization": "Basic YTpi"}).status_code == 200
    with settings(fake, EVERY_VIEW=True):
        assert site.get("/plain").status_code == 401
        assert site.get("/lobby").json() == {"sub": None}


def test_rest_framework_asks_the_server_for_permissions(site: Client, fake: Fake) -> None:
    assert site.get("/rest/voiding", headers=bearer(fake.token())).status_code == 200 and fake.asked == 1
    fake.verdict = "insufficient"
    assert site.get("/rest/voiding", headers=bearer(fake.token(jti="j2"))).status_code == 403


def test_django_in_an_event_loop(fake: Fake) -> None:
    async def story() -> None:
        client = AsyncClient()
        r = await client.get("/later", headers=bearer(fake.token()))
        assert r.status_code == 200
        assert (await client.get("/later")).status_code == 401

    with settings(fake):
        asyncio.run(story())


def test_fastapi(fake: Fake) -> None:
    signet = Signet(fake.url, AUDIENCE, max_stale=0.3, on_stale="refuse")
    app = FastAPI()

    @app.get("/orders")
    async def orders(claims: Annotated[Claims, Depends(signet.require(scopes=["orders:read"]))]) -> dict[str, str]:
        return {"sub": claims.sub}

    @app.get("/deletion")
    def deletion(claims: Annotated[Claims, Depends(signet.require(scopes=["orders:delete"]))]) -> None: ...

    @app.get("/calm")
    async def calm(claims: Annotated[Claims, Depends(signet.require(on_stale="accept"))]) -> None: ...

    @app.get("/any")
    async def anybody(claims: Annotated[Claims, Depends(signet)]) -> None: ...

    with TestClient(app) as client:
        token = fake.token()
        assert client.get("/orders", headers=bearer(token)).json() == {"sub": "ada"}
        assert client.get("/any", headers=bearer(token)).status_code == 200
        r = client.get("/orders")
        assert (r.status_code, r.headers["WWW-Authenticate"]) == (401, NOTHING)
        r = client.get("/orders", headers=[("Authorization", "Bearer x"), ("Authorization", "Bearer y")])
        assert r.status_code == 400
        r = client.get("/deletion", headers=bearer(token))
        assert r.status_code == 403 and r.json()["detail"]["error"] == "insufficient_scope"
        schemes = client.get("/openapi.json").json()["components"]["securitySchemes"]
        assert schemes["Signet"]["scheme"] == "bearer"
        fake.hang_up(True)
        until("refused", lambda: client.get("/orders", headers=bearer(token)).status_code == 503)
        assert client.get("/calm", headers=bearer(token)).status_code == 200
    signet.close()
