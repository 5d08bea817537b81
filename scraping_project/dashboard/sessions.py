"""Sessions that live in a cookie alone, so that a login works while Redis and the database are away."""

import hmac
import os
from base64 import urlsafe_b64encode
from contextlib import suppress
from dataclasses import dataclass
from errno import EINVAL
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from scraping_project.dashboard.accounts import Accounts, Identity, Role

COOKIE = "dashboard_session"
#: Seconds that a session lasts.
LASTS = 12 * 3600
_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has logged in, and what tells this session from their others."""

    identity: Identity
    id: str


class _Kept(msgspec.Struct):
    name: str
    role: Role
    id: str


class Sessions:
    """Makes cookies and reads them; its keys follow the passwords and a random file.

    A changed password ends all sessions. Several copies of the dashboard share sessions by the file alone.
    """

    def __init__(self, accounts: Accounts, secret: bytes) -> None:
        derived = HKDF(SHA256(), 2 * _KEY_BYTES, salt=accounts.fingerprint(), info=b"dashboard").derive(
            secret
        )
        self._cookies = Fernet(urlsafe_b64encode(derived[:_KEY_BYTES]))
        self._forms = derived[_KEY_BYTES:]

    def begin(self, identity: Identity) -> str:
        """Returns the cookie of a new session."""
        kept = _Kept(identity.name, identity.role, token_urlsafe(16))
        return self._cookies.encrypt(msgspec.json.encode(kept)).decode()

    def read(self, cookie: str) -> Session | None:
        """Returns the session of a cookie; None for one that is old, or not ours."""
        try:
            kept = msgspec.json.decode(self._cookies.decrypt(cookie.encode(), ttl=LASTS), type=_Kept)
        except (InvalidToken, UnicodeEncodeError):
            return None
        return Session(Identity(kept.name, kept.role), kept.id)

    def form_token(self, session_id: str) -> str:
        """Returns what a form of this session carries, and no page of others knows."""
        return hmac.new(self._forms, session_id.encode(), sha256).hexdigest()

    def is_form_token(self, session_id: str, token: str) -> bool:
        return hmac.compare_digest(self.form_token(session_id).encode(), token.encode())


def secret_in(data_dir: Path) -> bytes:
    """Returns the random bytes of the file ``dashboard.key``, which is made when it is missing.

    Raises:
        OSError: It can be neither read nor made, or holds too little.
    """
    path, made = data_dir / "dashboard.key", data_dir / f".dashboard.key.{token_urlsafe(8)}"
    data_dir.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123
            file.write(os.urandom(_KEY_BYTES))
        with suppress(FileExistsError):  # another copy was faster
            path.hardlink_to(made)
        made.unlink()
    secret = path.read_bytes()
    if len(secret) < _KEY_BYTES:  # whoever knew it could make cookies
        raise OSError(EINVAL, "it is cut off: remove it", str(path))
    return secret
