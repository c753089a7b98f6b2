"""A folder that a fax server or a scanner writes to. Whole files are taken from it; no name in it is believed."""

import os
import secrets
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from transfer.discs import WhyNoDisc
from transfer.errors import Unavailable
from transfer.incoming import LARGEST, WhyRefused

#: a file is whole once nobody has written to it for so long, and it is the same in two looks
QUIET_SECONDS: Final = 5.0
DONE, REFUSED = "done", "refused"
#: files of one look
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file by what changes while it is written."""

    inode: int
    size: int
    written: int


class WatchedFolder:
    """A `transfer.paper_lines.PaperLine`. Files that were taken in lie in `done` there, others in `refused`."""

    def __init__(self, name: str, folder: Path, *, quiet_seconds: float = QUIET_SECONDS) -> None:
        self.name = name
        self._folder = folder
        self._quiet = quiet_seconds
        self._seen: dict[str, _Seen] = {}

    def waiting(self) -> Iterator["FileDelivered"]:
        """As `PaperLine.waiting`. A file that is seen for the first time waits for the next look."""
        before, self._seen = self._seen, self._look()
        whole = [name for name, seen in self._seen.items() if before.get(name) == seen and self._is_quiet(seen)]
        for name in sorted(whole, key=lambda one: self._seen[one].written):
            yield FileDelivered(self._folder, name)

    def _look(self) -> dict[str, _Seen]:
        try:
            for made in (DONE, REFUSED):
                (self._folder / made).mkdir(mode=0o700, exist_ok=True)
            with os.scandir(self._folder) as entries:
                return dict(list(_files(entries))[:_MOST])
        except OSError:
            raise Unavailable("a folder of papers cannot be read") from None

    def _is_quiet(self, seen: _Seen) -> bool:
        return time.time() - seen.written / 1e9 >= self._quiet


def _files(entries: Iterator["os.DirEntry[str]"]) -> Iterator[tuple[str, _Seen]]:
    """Plain files alone: no link leads out of the folder. What begins with a dot is being written by its name."""
    for entry in entries:
        if entry.is_file(follow_symlinks=False) and not entry.name.startswith("."):
            said = entry.stat(follow_symlinks=False)
            yield entry.name, _Seen(said.st_ino, said.st_size, said.st_mtime_ns)


class FileDelivered:
    """A `transfer.paper_lines.Delivered`: one file."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name

    @property
    def files(self) -> tuple[bytes, ...]:
        try:
            with self._opened() as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return ()
                return (file.read(LARGEST + 1),)
        except OSError:
            raise Unavailable("a file of a folder of papers cannot be read") from None

    def zip_file(self) -> IO[bytes] | None:
        try:
            file = self._opened()
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and file.read(2) == b"PK":
                return file
            file.close()
        except OSError:
            raise Unavailable("a file of a folder of papers cannot be read") from None
        return None

    def _opened(self) -> IO[bytes]:
        # a name that became a link meanwhile is not followed
        descriptor = os.open(self._folder / self._name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        return os.fdopen(descriptor, "rb")

    def keep(self) -> None:
        self._move(DONE)

    def refuse(self, why: WhyRefused | WhyNoDisc) -> None:
        self._move(REFUSED, f"{why}-")

    def _move(self, to: str, beginning: str = "") -> None:
        """Under a name of ours: theirs may be anybody's, and a second of the same name is another file."""
        try:
            (self._folder / self._name).rename(self._folder / to / f"{beginning}{secrets.token_hex(8)}")
        except FileNotFoundError:
            return
        except OSError:
            raise Unavailable("a file of a folder of papers cannot be moved") from None
