"""Django REST framework: an authentication class and a permission class.

::

    REST_FRAMEWORK = {
        "DEFAULT_AUTHENTICATION_CLASSES": ["signet_gateway.rest_framework.SignetAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    }

    class Orders(APIView):
        permission_classes = [requires(scopes=["orders:read"])]

``request.auth`` are the claims, ``request.user`` is a :class:`Caller`. The
settings are those of :mod:`signet_gateway.django`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from .claims import Claims
from .django import authorization, get_verifier
from .guard import Guard, Refusal, Requirement
from .verifier import OnStale

__all__ = ["Caller", "SignetAuthentication", "requires"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as the token tells; no row of a database."""

    claims: Claims
    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False
    is_active: ClassVar[bool] = True

    @property
    def pk(self) -> str:
        """The subject: throttles count by it."""
        return self.claims.sub

    def __str__(self) -> str:
        return self.claims.sub


class _Refused(APIException):
    """A refusal in the framework's terms; it writes auth_header and wait itself."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__()
        self.status_code = refusal.status
        self.detail = refusal.body  # type: ignore[assignment]
        if refusal.challenge:
            self.auth_header = refusal.challenge
        if refusal.status == 503:
            self.wait = 1


class SignetAuthentication(BaseAuthentication):
    """Takes bearer tokens; requests without one are for the next class."""

    requirement = Requirement()
    """Of a subclass: for max_stale and on_stale of its views."""

    def authenticate(self, request: Request) -> tuple[Any, Claims] | None:
        said = authorization(request._request)
        if not said or not said[0].lower().startswith("bearer "):
            return None
        try:
            claims = Guard(get_verifier(), self.requirement).check(said)
        except Refusal as refusal:
            raise _Refused(refusal) from refusal
        return Caller(claims), claims

    def authenticate_header(self, request: Request) -> str:
        return Guard(get_verifier()).missing().challenge


def requires(
    *,
    scopes: Sequence[str] = (),
    roles: Sequence[str] = (),
    permissions: Sequence[str] = (),
    organization: str = "",
    acr: str = "",
    max_age: float = 0,
    max_stale: float | None = None,
    on_stale: OnStale | None = None,
) -> type[BasePermission]:
    """A permission class that asks the token for what
    :class:`signet_gateway.Requirement` says."""
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

    class Requires(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            if not isinstance(request.auth, Claims):
                return False
            guard = Guard(get_verifier(), requirement)
            try:
                if requirement.permissions:
                    guard.check(authorization(request._request))
                else:
                    guard.judge(request.auth)
            except Refusal as refusal:
                raise _Refused(refusal) from refusal
            return True

    return Requires
