"""Who has documents opened: starts the process, feeds it, watches it, and says what is wrong with each.

One process opens many documents. One that a document kills or holds up takes no other document with it.
"""

import json
import selectors
import struct
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from threading import Lock
from typing import Final

from transfer.adapters import warm_process
from transfer.adapters.opening.wire import ANSWER, MOST_SAID
from transfer.errors import Unavailable
from transfer.flaws import Flaw
from transfer.identifiers import PatientId
from transfer.institutions import Institution
from transfer.opened import OpenedDocument

#: bytes of one document; what is larger is opened by no program of ours
LARGEST: Final = 256 << 20
#: bytes of an image that are looked at: its beginning and its end
BEGINNING: Final = 16 << 20
END: Final = 64 << 10
#: of the clock on the wall, for a start and for a document. The process itself is bounded in CPU time, which a busy
#: machine does not use up
SECONDS: Final = 300
#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.opening.child")


#: what the process knows of the institution a document came from: its words for issuers and numbers, and nothing else
_WORDS: Final = {
    *("id", "name", "time_zone", "issuers", "default_issuer", "other_number_types", "placeholders"),
}
_UNREADABLE: Final = OpenedDocument(flaws=frozenset({Flaw.UNREADABLE}))


class _Ended(Exception):
    """The process ended, or was ended, with a document in hand."""


class OpeningProcess:
    """A `transfer.opened.Opener`: the process starts with the first document, and `close` ends it.

    Threads may share one: they take turns.
    """

    def __init__(self, command: Sequence[str] = COMMAND, *, seconds: float = SECONDS) -> None:
        self._command, self._seconds = command, seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = Lock()
        #: whose the document before was, if that is known
        self._patient: PatientId | None = None

    def document(
        self,
        content_type: str,
        length: int,
        chunks: Iterable[bytes],
        source: Institution,
        patient: PatientId | None = None,
    ) -> OpenedDocument:
        """See `transfer.opened.Opener`."""
        if length > LARGEST:
            return _UNREADABLE
        data = b"".join(chunks)
        words = source.model_dump(mode="json", include=_WORDS)
        told = {"content_type": content_type, "length": len(data), "size": len(data), "source": words}
        return self._open(told, data, patient)

    def image(self, length: int, chunks: Iterable[bytes]) -> frozenset[Flaw]:
        """See `transfer.opened.Opener`."""
        beginning, end = bytearray(), bytearray()
        for chunk in chunks:
            beginning += chunk[: BEGINNING - len(beginning)]
            end = (end + chunk)[-END:]
        told = {"content_type": "application/dicom", "length": length, "size": len(beginning) + len(end)}
        return self._open({**told, "beginning": len(beginning)}, bytes(beginning + end), None).flaws

    def close(self) -> None:
        """End the process, if there is one. A document afterwards starts another."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        process.wait()

    def _open(self, told: dict[str, object], data: bytes, patient: PatientId | None) -> OpenedDocument:
        """What ends two processes, a fresh one among them, cannot be opened by us."""
        with self._lock:
            told = {**told, "is_anew": patient is None or patient != self._patient}
            self._patient = patient
            for _ in range(2):
                process = self._started()
                try:
                    return ANSWER.validate_json(self._ask(process, told, data))
                except (_Ended, OSError, ValueError):
                    self.close()
        return _UNREADABLE

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        self.close()
        pipe, way = subprocess.PIPE, warm_process.way(self._command)
        try:
            self._process = subprocess.Popen(
                way.args, pass_fds=way.pass_fds, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env={}
            )
            if _line(self._process, SECONDS) != b"ready\n":
                raise _Ended
        except (OSError, _Ended):
            self.close()
            raise Unavailable("the process that opens documents does not run") from None
        return self._process

    def _ask(self, process: subprocess.Popen[bytes], told: dict[str, object], data: bytes) -> bytes:
        assert process.stdin is not None  # it was started with one
        head = json.dumps(told).encode()
        for piece in (struct.pack(">I", len(head)), head, data):
            process.stdin.write(piece)
        process.stdin.flush()
        return _line(process, self._seconds)


def _line(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """The next line it writes.

    Raises:
        _Ended: it ended, or wrote nothing for so long, or too much.
    """
    assert process.stdout is not None  # it was started with one
    read, until = b"", time.monotonic() + seconds
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ)
        while not read.endswith(b"\n"):
            if len(read) > MOST_SAID or not waiting.select(max(until - time.monotonic(), 0)):
                raise _Ended
            piece = process.stdout.read1(65536)  # type: ignore[attr-defined]  # it is buffered
            if not piece:
                raise _Ended
            read += piece
    return read
