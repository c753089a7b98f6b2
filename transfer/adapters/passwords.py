"""Passwords as Argon2id keeps them (RFC 9106), in the form in which other programs read them, too (PHC string)."""

import os
import unicodedata
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

#: the second recommended choice of RFC 9106, section 4: 64 MiB, 3 passes, 4 lanes
_MEMORY_KIB: Final = 64 << 10
_PASSES: Final = 3
_LANES: Final = 4
_SALT_BYTES: Final = 16
_LENGTH: Final = 32


def hashed(password: str) -> str:
    """What is kept of a password; each time another. It takes some 50 ms and 64 MiB."""
    made = Argon2id(
        salt=os.urandom(_SALT_BYTES), length=_LENGTH, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB
    )
    return made.derive_phc_encoded(_bytes(password))


def is_password(password: str, kept: str) -> bool:
    """Whether it is the password that this was kept of. It takes as long either way."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password), kept)
    except InvalidKey:
        return False
    return True


def _bytes(password: str) -> bytes:
    """However a keyboard composes its letters (NIST SP 800-63B-4, section 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password).encode()
