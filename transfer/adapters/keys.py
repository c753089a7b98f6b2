"""Keys in a folder: one file of 32 random bytes each, 0600 in a folder 0700, outside the database.

Beside them lies what a ledger restored to an earlier time must be told: which keys were destroyed (`destroyed`, a name
a line) and which permissions ended (`ended/`, a file each). Both are written to the copy of the keys, too, where there
is one (`transfer.adapters.keys_copy`).
"""

import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from transfer.adapters.keys_copy import DESTROYED, ENDED, KeysCopy, add_line, settle, write_note
from transfer.errors import Unreadable
from transfer.sealing import SITE, KeyGone, KeyName

_LENGTH: Final = 32
_NONCE: Final = 12  # SP 800-38D 5.2.1.1


class FolderKeys:
    """`Keys` in a folder. Every process reads the file anew, so that a destroyed key is gone for all at once."""

    def __init__(self, folder: Path, copy: KeysCopy | None = None) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._copy = copy
        self.make(SITE)

    def make(self, name: KeyName) -> None:
        path = self._path(name)
        if path.exists():
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _one_at_a_time(path.parent):
            if path.exists():
                return
            # One name for whichever is being made: what a killed process left there is written over by the next.
            fresh = path.with_name(".new")
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(os.urandom(_LENGTH))
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
            settle(path.parent)

    def seal(self, name: KeyName, content: bytes, *, about: str) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + AESGCM(self._key(name)).encrypt(nonce, content, about.encode())

    def unseal(self, name: KeyName, sealed: bytes, *, about: str) -> bytes:
        try:
            return AESGCM(self._key(name)).decrypt(sealed[:_NONCE], sealed[_NONCE:], about.encode())
        except (InvalidTag, ValueError):  # the latter where it is shorter than any sealed thing
            raise Unreadable(f"{about} is not what was sealed") from None

    def hmac(self, name: KeyName, content: bytes) -> bytes:
        return hmac.new(self._key(name), b"hmac\0" + content, hashlib.sha256).digest()

    def destroy(self, name: KeyName) -> None:
        path = self._path(name)
        if path.exists() and not self.was_destroyed(name):
            add_line(self._folder / DESTROYED, name)
        try:
            with path.open("r+b") as file:
                file.write(bytes(_LENGTH))
                file.flush()
                os.fsync(file.fileno())
        except FileNotFoundError:
            pass
        else:
            path.unlink(missing_ok=True)
            settle(path.parent)
        if self._copy:
            self._copy.destroy(self._folder, name)

    def has(self, name: KeyName) -> bool:
        return self._path(name).exists()

    def was_destroyed(self, name: KeyName) -> bool:
        try:
            return name in (self._folder / DESTROYED).read_text().splitlines()
        except FileNotFoundError:
            return False

    def note_end(self, permission: str, how: str) -> None:
        write_note(self._folder, permission, how)
        if self._copy:
            self._copy.note_end(self._folder, permission, how)

    def noted_ends(self) -> Mapping[str, str]:
        return {path.name: path.read_text() for path in (self._folder / ENDED).glob("[!.]*")}

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


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Whoever else makes a key in this folder waits. The lock goes with the process that holds it."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
