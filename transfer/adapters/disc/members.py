"""The files of a disc: those of a ZIP file, or of a folder. Nothing is unpacked, and no link is followed."""

import os
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Final, Protocol

from transfer.discs import DEPTH, FILES, DiscRefused, WhyNoDisc

#: ZIP 4.4.4: bit 0 of the general purpose flags
_ENCRYPTED: Final = 1


class Members(Protocol):
    """The files of a disc by their paths, of which `/` divides the parts."""

    def paths(self) -> Iterator[str]:
        """Each once, in order. Raises `DiscRefused` where there are too many."""

    def open(self, path: str) -> IO[bytes]:
        """Raises `OSError`, `zipfile.BadZipFile` and what zlib raises, also while it is read."""


class Zipped:
    """A ZIP file. A member that is a link is left away; of two with one path the last counts."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
            raise DiscRefused(WhyNoDisc.UNREADABLE) from None
        found = self._zip.infolist()
        if len(found) > FILES:
            raise DiscRefused(WhyNoDisc.TOO_MANY_FILES)
        if any(one.flag_bits & _ENCRYPTED for one in found):
            raise DiscRefused(WhyNoDisc.PASSWORD)
        self._members: Mapping[str, zipfile.ZipInfo] = {
            one.filename: one for one in found if not one.is_dir() and not _is_link(one)
        }

    def paths(self) -> Iterator[str]:
        return iter(sorted(self._members))

    def open(self, path: str) -> IO[bytes]:
        return self._zip.open(self._members[path])


def _is_link(member: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(member.external_attr >> 16)


class Folder:
    """A folder. What is no plain file is left away: links, devices, pipes."""

    def __init__(self, root: str) -> None:
        self._root = root

    def paths(self) -> Iterator[str]:
        found = sorted(self._below(self._root, "", DEPTH))
        if len(found) > FILES:
            raise DiscRefused(WhyNoDisc.TOO_MANY_FILES)
        return iter(found)

    def _below(self, folder: str, path: str, depth: int) -> Iterator[str]:
        seen = 0
        with os.scandir(folder) as entries:
            for entry in entries:
                seen += 1
                if seen > FILES:
                    raise DiscRefused(WhyNoDisc.TOO_MANY_FILES)
                if entry.is_file(follow_symlinks=False):
                    yield f"{path}{entry.name}"
                elif entry.is_dir(follow_symlinks=False) and depth:
                    yield from self._below(entry.path, f"{path}{entry.name}/", depth - 1)

    def open(self, path: str) -> IO[bytes]:
        # what became a link or a pipe meanwhile is not followed, and not waited for
        descriptor = os.open(Path(self._root, path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("no plain file")
        return os.fdopen(descriptor, "rb")
