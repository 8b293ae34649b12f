"""A site for the tests: views of each kind."""

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from signet_gateway.django import public, require
from signet_gateway.rest_framework import requires


def _who(request: HttpRequest) -> JsonResponse:
    claims: Any = request.signet  # type: ignore[attr-defined]
    return JsonResponse({"sub": claims and claims.sub})


def plain(request: HttpRequest) -> JsonResponse:
    return _who(request)


@public
def lobby(request: HttpRequest) -> JsonResponse:
    return _who(request)


@require(scopes=["orders:read"])
def orders(request: HttpRequest) -> JsonResponse:
    return _who(request)


@require(scopes=["orders:delete"])
def deletion(request: HttpRequest) -> JsonResponse:
    return _who(request)


@require(on_stale="accept")
def calm(request: HttpRequest) -> JsonResponse:
    return _who(request)


@require(scopes=["orders:read"])
async def later(request: HttpRequest) -> JsonResponse:
    return _who(request)


class Orders(APIView):
    permission_classes = [requires(scopes=["orders:read"])]

    def get(self, request: Request) -> Response:
        claims: Any = request.auth
        return Response({"sub": request.user.pk, "org": claims.org_slug})


class Deletion(APIView):
    permission_classes = [requires(scopes=["orders:delete"])]

    def get(self, request: Request) -> Response:
        return Response({})


class Voiding(APIView):
    permission_classes = [requires(permissions=["void:invoice"])]

    def get(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("plain", plain),
    path("lobby", lobby),
    path("orders", orders),
    path("deletion", deletion),
    path("calm", calm),
    path("later", later),
    path("rest/orders", Orders.as_view()),
    path("rest/deletion", Deletion.as_view()),
    path("rest/voiding", Voiding.as_view()),
]
