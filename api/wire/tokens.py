"""Tokens: signed, short-lived, good for one call, usable again to resume it.

A token travels in the client's hello, never in a URL. The key is the operator's (VIVA_SECRET), or
one made once and kept in the data folder.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import jwt

from domain.errors import PeerError, VivaError

_AUDIENCE = "viva.v1"
_ALGORITHM = "HS256"
_SHORTEST_SECRET = 32


class WeakSecretError(VivaError):
    """The signing key is too short to be one."""


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is what a client shows; `expires_at` is UTC, to the second."""

    text: str
    expires_at: datetime

    @property
    def expires(self) -> str:
        """ISO 8601."""
        return self.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")


class TokenMint:
    """Issues and checks the tokens of one key. Raises `WeakSecretError` for a key of less than 32
    characters."""

    def __init__(self, secret: str, lifetime_s: int) -> None:
        if len(secret) < _SHORTEST_SECRET:
            raise WeakSecretError(
                f"VIVA_SECRET has fewer than {_SHORTEST_SECRET} characters: set it to a long random text."
            )
        self._secret = secret
        self.lifetime_s = lifetime_s

    def issue(self, call_id: UUID) -> Token:
        """A token for this call, good from now on."""
        now = datetime.now(UTC).replace(microsecond=0)
        expires_at = now + timedelta(seconds=self.lifetime_s)
        claims = {"sub": str(call_id), "aud": _AUDIENCE, "iat": now, "exp": expires_at}
        return Token(jwt.encode(claims, self._secret, algorithm=_ALGORITHM), expires_at)

    def call_of(self, text: str) -> UUID:
        """The call that a token is good for. Raises `PeerError` (token_expired, token_invalid)."""
        try:
            claims = jwt.decode(
                text, self._secret, algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": ["sub", "exp"]}
            )
            return UUID(claims["sub"])
        except jwt.ExpiredSignatureError as error:
            raise PeerError("token_expired", "The token has expired: open a call again with POST /calls.") from error
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise PeerError(
                "token_invalid", "The token is not one of ours: use the newest one that this server gave you."
            ) from error


def kept_secret(folder: Path) -> str:
    """The signing key in `folder`, made on first use, readable by its owner only."""
    path = folder / "secret"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f"secret.{secrets.token_hex(4)}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        try:
            path.hardlink_to(fresh)  # the first process wins; the others read its file
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text()
