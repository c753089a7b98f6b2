"""Keys in a folder: one file of 32 random bytes each, 0600 in a folder 0700, outside the database."""

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transfer.errors import Unreadable
from transfer.sealing import SITE, KeyGone, KeyName

_LENGTH: Final = 32
_NONCE: Final = 12  # SP 800-38D 5.2.1.1


class FolderKeys:
    """`Keys` in a folder. Every process reads the file anew, so that a destroyed key is gone for all at once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self.make(SITE)

    def make(self, name: KeyName) -> None:
        path = self._path(name)
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}.new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(os.urandom(_LENGTH))
            file.flush()
            os.fsync(file.fileno())
        try:
            # A link is made or not made: two who make the same key at once end with one.
            os.link(fresh, path)
            _settle(path.parent)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()

    def seal(self, name: KeyName, content: bytes, *, about: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key(name)).encrypt(nonce, content, about.encode())

    def unseal(self, name: KeyName, sealed: bytes, *, about: str) -> bytes:
        try:
            return AESGCM(self._key(name)).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except InvalidTag:
            raise Unreadable(f"{about} is not what was sealed") from None

    def hmac(self, name: KeyName, content: bytes) -> bytes:
        return hmac.new(self._key(name), b"hmac\0" + content, hashlib.sha256).digest()

    def destroy(self, name: KeyName) -> None:
        path = self._path(name)
        try:
            with path.open("r+b") as file:
                file.write(bytes(_LENGTH))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            return
        path.unlink(missing_ok=True)
        _settle(path.parent)

    def _key(self, name: KeyName) -> bytes:
        try:
            key = self._path(name).read_bytes()
        except FileNotFoundError:
            raise KeyGone(name) from None
        if len(key) != _LENGTH or key == bytes(_LENGTH):
            raise KeyGone(name)
        return key

    def _path(self, name: KeyName) -> Path:
        return self._folder / name


def _settle(folder: Path) -> None:
    """Make a new or removed name in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
