"""Django: a middleware that says who calls, and a decorator for what a view asks.

In the settings::

    MIDDLEWARE = [..., "signet_gateway.django.SignetMiddleware"]
    SIGNET = {"ISSUER": "https://id.example.com", "AUDIENCE": "https://api.example.com",
              "CLIENT_ID": "gateway", "CLIENT_SECRET": os.environ["GATEWAY_SECRET"]}

A view that is decorated with :func:`require` is reached only by requests whose
token is good and holds what is asked; ``request.signet`` are the claims. For all
other views a bearer token that is there must be good, and ``request.signet`` is
None without one; with ``SIGNET["EVERY_VIEW"] = True`` they need one, unless they
are marked :func:`public`.

Members of ``SIGNET`` are the parameters of :class:`signet_gateway.Verifier` in
capitals.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.deprecation import MiddlewareMixin

from .claims import Claims
from .errors import WouldBlock
from .guard import Guard, Refusal, Requirement
from .verifier import OnStale, Verifier

__all__ = ["SignetMiddleware", "get_verifier", "public", "require"]

_View = TypeVar("_View", bound=Callable[..., Any])
_lock = threading.Lock()
_verifier: Verifier | None = None
_OWN = frozenset(["EVERY_VIEW"])


def get_verifier() -> Verifier:
    """The verifier that ``settings.SIGNET`` describes, one for the process."""
    global _verifier
    if _verifier is None:
        with _lock:
            if _verifier is None:
                _verifier = _configured(getattr(settings, "SIGNET", None))
    return _verifier


def _configured(said: object) -> Verifier:
    if not isinstance(said, dict):
        raise ImproperlyConfigured("SIGNET is missing in the settings: ISSUER and AUDIENCE at least")
    try:
        return Verifier(**{name.lower(): value for name, value in said.items() if name not in _OWN})
    except (TypeError, ValueError) as e:
        raise ImproperlyConfigured(f"SIGNET: {e}") from e


def _changed(*, setting: str, **_: object) -> None:
    """Forget the verifier when a test overrides the settings."""
    global _verifier
    if setting == "SIGNET" and _verifier is not None:
        _verifier.close()
        _verifier = None


setting_changed.connect(_changed)


def authorization(request: HttpRequest) -> list[str]:
    """The values of the Authorization header; servers join several into one."""
    value = request.META.get("HTTP_AUTHORIZATION")
    return [] if value is None else [str(value)]


def _answer(refusal: Refusal) -> JsonResponse:
    return JsonResponse(refusal.body, status=refusal.status, headers=refusal.headers)


def _set(request: HttpRequest, claims: Claims | None) -> None:
    request.signet = claims  # type: ignore[attr-defined]


class SignetMiddleware(MiddlewareMixin):
    """Sets ``request.signet``, and refuses tokens that are not good."""

    def process_request(self, request: HttpRequest) -> None:
        _set(request, None)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Judge by the view's own rules, if it has any: then it does so itself."""
        if getattr(view, "signet_guarded", False):
            return None
        said = authorization(request)
        bearer = bool(said) and said[0].lower().startswith("bearer ")
        every = getattr(settings, "SIGNET", {}).get("EVERY_VIEW", False) and not getattr(view, "signet_public", False)
        if not (bearer or every):
            return None
        try:
            _set(request, Guard(get_verifier()).check(said))
        except Refusal as refusal:
            return _answer(refusal)
        return None


def public(view: _View) -> _View:
    """Mark a view that EVERY_VIEW leaves open."""
    view.signet_public = True  # type: ignore[attr-defined]
    return view


def require(
    *,
    scopes: Sequence[str] = (),
    roles: Sequence[str] = (),
    permissions: Sequence[str] = (),
    organization: str = "",
    acr: str = "",
    max_age: float = 0,
    max_stale: float | None = None,
    on_stale: OnStale | None = None,
) -> Callable[[_View], _View]:
    """Let requests reach a view only with a good token that holds what is asked
    (:class:`signet_gateway.Requirement`). Works for views with ``async def``,
    and for classes with ``method_decorator(require(...), name="dispatch")``."""
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

    def decorate(view: _View) -> _View:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                guard, said = Guard(get_verifier(), requirement), authorization(request)
                try:
                    try:
                        claims = guard.check(said, io=False)
                    except WouldBlock:  # rare: then in a thread
                        claims = await sync_to_async(guard.check, thread_sensitive=False)(said)
                except Refusal as refusal:
                    return _answer(refusal)
                _set(request, claims)
                return await view(request, *args, **kwargs)

        else:

            @functools.wraps(view)
            def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
                try:
                    claims = Guard(get_verifier(), requirement).check(authorization(request))
                except Refusal as refusal:
                    return _answer(refusal)
                _set(request, claims)
                return view(request, *args, **kwargs)

        guarded.signet_guarded = True  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate
