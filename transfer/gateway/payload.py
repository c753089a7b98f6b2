"""A message on its way in: in memory while it is short, then in a file without a name, gone with its process."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from transfer.ledger.arrivals import IN_ROW
from transfer.staging import CHUNK

#: bytes of a payload that stay in memory and go into the arrival's row; a longer one goes to a `Sink` as it arrives
IN_MEMORY = IN_ROW


class Sink(Protocol):
    """Where a long payload goes while it arrives."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes, at most 256 KiB of them. Called on the event loop: nothing slower than a local disk.

        Raises:
            Unavailable, OSError: there is no room now; the sender is told so and may come again.
        """

    def discard(self) -> None:
        """Forget everything. Called once: by whoever stored the payload, or by whoever does not want it."""

    def chunks(self) -> Iterator[bytes]:
        """Everything written, from its beginning."""

    def file(self) -> BinaryIO:
        """Everything written, as one file. It is the sink's: it is not closed by who reads it."""


class Spool:
    """`Sink` over a file without a name, in a folder of ours.

    Raises:
        OSError: the folder takes no file.
    """

    def __init__(self, folder: Path) -> None:
        self._file = cast(BinaryIO, tempfile.TemporaryFile(dir=folder))  # noqa: SIM115  closed by whoever is done with it

    def write(self, chunk: bytes) -> None:
        self._file.write(chunk)

    def discard(self) -> None:
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        self._file.seek(0)
        while chunk := self._file.read(CHUNK):
            yield chunk

    def file(self) -> BinaryIO:
        self._file.flush()
        return self._file


class Payload:
    """What has arrived of one message, hashed as it comes."""

    __slots__ = ("_buffer", "_hash", "length", "sink")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._hash = hashlib.sha256()
        #: bytes so far
        self.length = 0
        self.sink: Sink | None = None

    def add(self, chunk: bytes) -> None:
        """Raises: as `Sink.write`."""
        self.length += len(chunk)
        self._hash.update(chunk)
        if self.sink is None:
            self._buffer += chunk
        else:
            self.sink.write(chunk)

    def in_memory(self) -> bytes:
        """What is not in a sink."""
        return bytes(self._buffer)

    def spill(self, sink: Sink) -> None:
        """From now on into the sink, beginning with what is here. Raises: as `Sink.write`."""
        self.sink = sink
        sink.write(bytes(self._buffer))
        self._buffer = bytearray()

    def sha256(self) -> str:
        """Of what has arrived, lower-case hex."""
        return self._hash.hexdigest()

    def discard(self) -> None:
        """Forget it. Doing so again does nothing."""
        self._buffer = bytearray()
        sink, self.sink = self.sink, None
        if sink is not None:
            sink.discard()
