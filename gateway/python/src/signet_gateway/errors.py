"""Why a token is refused."""


class Refused(Exception):
    """A token is refused. ``reason`` is one word, as /auth/validate writes it."""

    reason = "malformed"


class Malformed(Refused):
    """Not an access token."""


class UnknownKey(Refused):
    """Signed by an unknown key."""

    reason = "unknown_key"


class WrongIssuer(Refused):
    """Of another issuer."""

    reason = "wrong_issuer"


class WrongAudience(Refused):
    """For another API."""

    reason = "wrong_audience"


class Expired(Refused):
    """Expired."""

    reason = "expired"


class NotYet(Refused):
    """Not valid yet."""

    reason = "not_yet"


class Revoked(Refused):
    """The token, its grant, its person, client, organization or key."""

    reason = "revoked"


class SessionEnded(Refused):
    """The person has signed out, or was."""

    reason = "session_ended"


class Stale(Refused):
    """Roles changed since; a refresh brings a good token, without a new login."""

    reason = "stale_permissions"


class Unknown(Refused):
    """Nobody can say now whether the token was revoked: answer 503."""

    reason = "unknown"


class Insufficient(Refused):
    """A good token that lacks a permission."""

    reason = "insufficient"


class StartError(Exception):
    """The server is out of reach, or refuses the client."""


class WouldBlock(Exception):
    """The answer needs the network, and the caller has no time for that."""
