"""FastAPI: a dependency.

::

    signet = Signet("https://id.example.com", "https://api.example.com",
                    client_id="gateway", client_secret=os.environ["GATEWAY_SECRET"])

    @app.get("/orders")
    async def orders(claims: Annotated[Claims, Depends(signet.require(scopes=["orders:read"]))]):
        return {"for": claims.sub}

Nothing waits for the network in the event loop: what needs it (the first token,
a question to /auth/validate) is done in a thread.
"""

from collections.abc import Sequence


from fastapi import HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from starlette.concurrency import run_in_threadpool

from .claims import Claims
from .errors import WouldBlock
from .guard import Guard, Refusal, Requirement
from .verifier import OnStale, Verifier

__all__ = ["Require", "Signet"]


class Require(SecurityBase):
    """A dependency that gives the claims of a good token that holds what is
    asked; it shows in the API's document as a bearer token."""

    def __init__(self, guard: Guard) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "Signet"
        self._guard = guard

    async def __call__(self, request: Request) -> Claims:
        said = request.headers.getlist("Authorization")
        try:
            try:
                return self._guard.check(said, io=False)
            except WouldBlock:
                return await run_in_threadpool(self._guard.check, said)
        except Refusal as refusal:
            raise HTTPException(refusal.status, refusal.body, refusal.headers) from refusal


class Signet(Verifier):
    """A verifier that makes dependencies; its parameters are those of
    :class:`signet_gateway.Verifier`."""

    def require(
        self,
        *,
        scopes: Sequence[str] = (),
        roles: Sequence[str] = (),
        permissions: Sequence[str] = (),
        organization: str = "",
        acr: str = "",
        max_age: float = 0,
        max_stale: float | None = None,
        on_stale: OnStale | None = None,
    ) -> Require:
        """A dependency for what :class:`signet_gateway.Requirement` says."""
        requirement = Requirement(
            scopes=scopes,
            roles=roles,
            permissions=permissions,
            organization=organization,
            acr=acr,
            max_age=max_age,
            max_stale=max_stale,
            on_stale=on_stale,
        )
        return Require(Guard(self, requirement))

    async def astart(self) -> None:
        """Start before the first token, in the application's lifespan; raise
        StartError when the server is out of reach."""
        await run_in_threadpool(self.start)

    async def __call__(self, request: Request) -> Claims:
        """As a dependency itself it asks only for a good token."""
        return await Require(Guard(self))(request)
