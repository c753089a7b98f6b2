"""A packet as a ZIP file, for people whose machine opens one by a click: the same files with the bytes of the tar."""

import zipfile
from collections.abc import Iterator
from typing import Final, cast

from transfer.near_places import read_each
from transfer.packet import Plan
from transfer.staging import Vault

#: of every file: what a file was made on says nothing here
_MADE: Final = (1980, 1, 1, 0, 0, 0)


class _Sink:
    """Keeps what was written until it is taken. It cannot go back, so sizes stand behind each file (APPNOTE 4.3.9)."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._written.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def taken(self) -> Iterator[bytes]:
        written, self._written = self._written, []
        yield from written


def zip_stream(plan: Plan, vault: Vault) -> Iterator[bytes]:
    """The packet's ZIP, file by file in the plan's order, uncompressed. How long it is shows only at its end.

    Raises:
        Unreadable: the store gave other bytes than were kept. What was yielded before is not whole.
    """
    sink = _Sink()
    with zipfile.ZipFile(cast("zipfile._ZipWritable", sink), "w", zipfile.ZIP_STORED) as made:
        files = read_each(vault, (entry.location for entry in plan.entries if entry.location.length))
        for entry in plan.entries:
            known = zipfile.ZipInfo(f"{plan.packet}/{entry.path}", _MADE)
            known.file_size = entry.location.length
            with made.open(known, "w", force_zip64=entry.location.length >= zipfile.ZIP64_LIMIT) as file:
                for chunk in next(files) if entry.location.length else ():
                    file.write(chunk)
                    yield from sink.taken()
            yield from sink.taken()
    yield from sink.taken()
