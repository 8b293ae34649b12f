"""Verifies access tokens of a Signet server in the process that receives them.

No call per request, and no token accepted after it was revoked but within a
bound that the verifier itself knows::

    verifier = Verifier("https://id.example.com", "https://api.example.com",
                        client_id="gateway", client_secret=secret)
    claims = verifier.verify(token)

:class:`Verifier` and :class:`Guard` are the two to know; the modules
``django``, ``rest_framework`` and ``fastapi`` put them in front of an
application. A verifier starts with its first token, in the process that serves
it: a server that forks after loading the application has one in each worker.

Go's package ``gateway`` is the elder sister: the vectors in
``gateway/testdata`` hold both to the same verdicts.
"""

from .claims import Claims
from .errors import (
    Expired,
    Insufficient,
    Malformed,
    NotYet,
    Refused,
    Revoked,
    SessionEnded,
    Stale,
    StartError,
    Unknown,
    UnknownKey,
    WrongAudience,
    WrongIssuer,
)
from .guard import Guard, Refusal, Requirement
from .verifier import Observer, Verifier

__all__ = [
    "Claims",
    "Expired",
    "Guard",
    "Insufficient",
    "Malformed",
    "NotYet",
    "Observer",
    "Refusal",
    "Refused",
    "Requirement",
    "Revoked",
    "SessionEnded",
    "Stale",
    "StartError",
    "Unknown",
    "UnknownKey",
    "Verifier",
    "WrongAudience",
    "WrongIssuer",
]
