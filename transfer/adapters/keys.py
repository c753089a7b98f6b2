"""Keys in a folder: one file of 32 random bytes each, 0600 in a folder 0700, outside the database.

Beside them lies what a ledger restored to an earlier time must be told: which keys were destroyed (`destroyed`, a name
a line) and which permissions ended (`ended/`, a file each). Both are written to the copy of the keys, too, where there
is one (`transfer.adapters.keys_copy`).
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from transfer.adapters.held_keys import MOST_BYTES, HeldKeys, KeysMoved
from transfer.adapters.keys_copy import (
    DESTROYED,
    ENDED,
    MOVED,
    KeysCopy,
    add_line,
    overwrite,
    secrets_in,
    settle,
    write_note,
)
from transfer.errors import NotAllowed
from transfer.sealing import SITE, KeyGone, KeyName


class FolderKeys(HeldKeys):
    """`Keys` in a folder. Every process reads the file anew, so that a destroyed key is gone for all at once."""

    def __init__(self, folder: Path, copy: KeysCopy | None = None, *, begins: bool = True) -> None:
        """`begins`: draw the site's key if there is none. Without it an empty folder stays one: it may be a disk that
        is not mounted, or about to be moved to.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._copy = copy
        if begins:
            self.make(SITE)

    def make(self, name: KeyName) -> None:
        if not self.has(name):
            super().make(name)

    def offer(self, name: KeyName, secret: bytes) -> bytes:
        path = self._path(name)
        if not path.exists():
            self._check_stayed()
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _one_at_a_time(path.parent):
                self._add(path, secret)
        return self.fetch(name)

    def _add(self, path: Path, secret: bytes) -> None:
        if path.exists():
            return
        # One name for whichever is being made: what a killed process left there is written over by the next.
        fresh = path.with_name(".new")
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
        settle(path.parent)

    def fetch(self, name: KeyName) -> bytes:
        # for every batch of messages: by `open` it takes four times as long
        try:
            file = os.open(f"{self._folder}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise KeyGone(name) from None
        try:
            secret = os.read(file, MOST_BYTES)
        finally:
            os.close(file)
        if not any(secret):  # overwritten by who destroys it
            raise KeyGone(name)
        return secret

    def destroy(self, name: KeyName) -> None:
        self._check_stayed()
        path = self._path(name)
        if path.exists() and not self.was_destroyed(name):
            add_line(self._folder / DESTROYED, name)
        overwrite(path)
        if self._copy:
            self._copy.destroy(self._folder, name)

    def has(self, name: KeyName) -> bool:
        return os.path.exists(f"{self._folder}/{name}")  # noqa: PTH110  for every batch, too

    def was_destroyed(self, name: KeyName) -> bool:
        return name in self.destroyed()

    def note_end(self, permission: str, how: str) -> None:
        write_note(self._folder, permission, how)
        if self._copy:
            self._copy.note_end(self._folder, permission, how)

    def noted_ends(self) -> Mapping[str, str]:
        return {path.name: path.read_text() for path in (self._folder / ENDED).glob("[!.]*")}

    def names(self) -> list[KeyName]:
        return sorted(KeyName(name) for name in secrets_in(self._folder))

    def destroyed(self) -> list[KeyName]:
        try:
            return [KeyName(line) for line in (self._folder / DESTROYED).read_text().splitlines()]
        except FileNotFoundError:
            return []

    def name_destroyed(self, name: KeyName) -> None:
        self.destroy(name)
        if not self.was_destroyed(name):
            add_line(self._folder / DESTROYED, name)

    def moved(self) -> str:
        try:
            return (self._folder / MOVED).read_text().strip()
        except FileNotFoundError:
            return ""

    def say_moved(self, where: str) -> None:
        if where and where != self.moved():
            (self._folder / MOVED).unlink(missing_ok=True)
            add_line(self._folder / MOVED, where)
        elif not where:
            (self._folder / MOVED).unlink(missing_ok=True)
            settle(self._folder)

    def forget(self) -> int:
        """Destroy all that is kept here, without a word that anything was destroyed: it was moved. Says how many.

        Raises:
            NotAllowed: nothing was moved.
        """
        if not self.moved():
            raise NotAllowed("these keys were not moved: nothing else has them")
        names = self.names()
        for name in names:
            overwrite(self._path(name))
        return len(names)

    def has_copy(self) -> bool:
        return self._copy is not None

    def take_copy(self, passphrase: str) -> int:
        if self._copy is None:
            raise NotAllowed("TRANSFER_KEYS_COPY does not say where the copy of the keys is")
        return self._copy.take(self._folder, passphrase)

    def _check_stayed(self) -> None:
        if self.moved():
            raise KeysMoved("the keys that were here are kept elsewhere now")

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
