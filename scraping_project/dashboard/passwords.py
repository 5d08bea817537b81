"""Passwords as they are kept: plain, or as an Argon2id string."""

import os
from hmac import compare_digest

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

PREFIX = "$argon2id$"
#: OWASP's least for Argon2id (Password Storage Cheat Sheet): 2 passes, 1 lane, 19 MiB.
_PASSES, _LANES, _KIB = 2, 1, 19_456
_SALT_BYTES, _HASH_BYTES = 16, 32
_WRONG = "Keys do not match."


def hashed(password: str) -> str:
    """Returns the password's Argon2id string, in PHC's form."""
    derived = Argon2id(
        salt=os.urandom(_SALT_BYTES),
        length=_HASH_BYTES,
        iterations=_PASSES,
        lanes=_LANES,
        memory_cost=_KIB,
    )
    return derived.derive_phc_encoded(password.encode())


def matches(kept: str, password: str) -> bool:
    """Tells whether a password is the one that is kept."""
    if not kept.startswith(PREFIX):
        return compare_digest(kept.encode(), password.encode())
    try:
        Argon2id.verify_phc_encoded(password.encode(), kept)
    except InvalidKey:
        return False
    return True


def is_readable(kept: str) -> bool:
    """Tells whether what is kept can be compared with anything: false for a broken Argon2id string."""
    if not kept.startswith(PREFIX):
        return True
    try:
        Argon2id.verify_phc_encoded(b"", kept)
    except InvalidKey as error:
        return str(error) == _WRONG  # a string that cannot be read raises the same, with another text
    except (ValueError, MemoryError):
        return False
    return True
