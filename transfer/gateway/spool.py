"""A message that is still arriving: a file without a name, gone with its process."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from transfer.staging import CHUNK


class Spool:
    """`Sink` over such a file, in a folder of ours."""

    def __init__(self, folder: Path) -> None:
        self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115  closed by whoever is done with it

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)

    def discard(self) -> None:
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """From its beginning."""
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk
