"""The other process that opens documents and makes their pages, watched from here.

One process makes the pages of many documents, small ones first. Where it dies of one, or is held up by it, another
process goes on with the next; the one in hand is tried once more at the end, with more time and alone.
"""

import json
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final

from transfer.adapters import warm_process
from transfer.adapters.packet.shown import IN_THE_PDF
from transfer.errors import Unavailable

#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.packet.pdf_merge")
#: processor seconds for a document the first time, and when it is tried again
SECONDS: Final = 8
SECONDS_AGAIN: Final = 40
#: processor seconds for all documents of a packet; what is left then gets no pages
SECONDS_ALL: Final = 240
#: by the clock, and only as a last resort: nothing that takes so long comes to an end
_LAST_RESORT: Final = 600
PAGES_EACH: Final = 3_000
PAGES_ALL: Final = 20_000


@dataclass(frozen=True, slots=True)
class Made:
    """The pages of one document."""

    how: str
    pages: int
    pdf: bytes
    #: letters for which no face is here, by script
    undrawn: Mapping[str, int]


class Died(Exception):
    """The process ended without an answer, or gave none in time."""


class Maker:
    """A process that is asked one thing at a time; a new one after each that died."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Maker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, job: Mapping[str, Any], data: Sequence[bytes]) -> tuple[dict[str, Any], bytes]:
        """Raises: Died."""
        process = self._running()
        watch = threading.Timer(_LAST_RESORT, process.kill)
        watch.daemon = True
        watch.start()
        try:
            assert process.stdin is not None and process.stdout is not None  # for the type
            told = json.dumps(job).encode()
            process.stdin.write(struct.pack(">Q", len(told)) + told)
            process.stdin.write(struct.pack(">Q", sum(map(len, data))))
            for piece in data:
                process.stdin.write(piece)
            process.stdin.flush()
            return json.loads(self._frame(process)), self._frame(process)
        except (OSError, ValueError):
            self._end()
            raise Died from None
        finally:
            watch.cancel()

    @staticmethod
    def _frame(process: "subprocess.Popen[bytes]") -> bytes:
        assert process.stdout is not None
        head = process.stdout.read(8)
        if len(head) < 8:
            raise OSError("no answer")
        (length,) = struct.unpack(">Q", head)
        frame = process.stdout.read(length)
        if len(frame) < length:
            raise OSError("half an answer")
        return frame

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._process is None:
            pipe, way = subprocess.PIPE, warm_process.way(self._command)
            try:
                self._process = subprocess.Popen(
                    way.args, pass_fds=way.pass_fds, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, env={}
                )
            except OSError:
                raise Died from None
        return self._process

    def _end(self) -> None:
        if (process := self._process) is not None:
            self._process = None
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with suppress(OSError):
                        stream.close()


@dataclass(frozen=True, slots=True)
class Sent:
    """A document on its way to the other process: what is drawn of it, and its bytes, or why they are not sent."""

    drawn: Mapping[str, Any]
    data: bytes | None
    why: str | None = None

    def said(self, *, seconds: int, why: str | None = None) -> dict[str, Any]:
        return {**self.drawn, "why": why or self.why, "seconds": seconds}


def made(maker: Maker, spec: Mapping[str, Any], sent: Sequence[Sent]) -> dict[int, Made]:
    """The pages of each document by its number, whatever the others do.

    Raises:
        Unavailable: the process does not run.
    """
    work = _Work(maker, {key: spec[key] for key in ("created_at", "footer")})
    waiting = sorted(sent, key=lambda one: (len(one.data or b""), one.drawn["number"]))
    again = [one for one in waiting if not work.do(one, SECONDS)]
    for one in again:
        work.do_again(one)
    return work.done


class _Work:
    def __init__(self, maker: Maker, spec: Mapping[str, Any]) -> None:
        self._maker, self._spec = maker, spec
        self.done: dict[int, Made] = {}
        self._seconds = 0.0
        self._pages = 0

    def do(self, one: Sent, seconds: int) -> bool:
        """Make its pages; whether they are what they will be."""
        if one.data is not None and self._seconds > SECONDS_ALL:
            one = Sent(one.drawn, None, "left-out")
        try:
            how = self._ask(one, seconds)
        except Died:
            self._seconds += seconds
            return False
        return how in IN_THE_PDF or how != "too-long"

    def do_again(self, one: Sent) -> None:
        """For the last time. What dies once more gets a page that says so."""
        if self.do(one, SECONDS_AGAIN) or one.drawn["number"] in self.done:
            return
        try:
            self._ask(Sent(one.drawn, None, "left-out"), SECONDS)
        except Died:
            raise Unavailable("the process that makes the packet's PDF does not run") from None

    def _ask(self, one: Sent, seconds: int) -> str:
        most = max(min(PAGES_ALL - self._pages, PAGES_EACH), 1)
        job = {
            "spec": self._spec,
            "document": one.said(seconds=seconds),
            "sent": one.data is not None,
            "most": most,
        }
        told, pdf = self._maker.ask(job, [one.data or b""])
        self._seconds += told["seconds"]
        before = self.done.get(one.drawn["number"])
        self._pages += told["pages"] - (before.pages if before else 0)
        self.done[one.drawn["number"]] = Made(told["how"], told["pages"], pdf, told["undrawn"])
        return str(told["how"])


def whole(
    maker: Maker, spec: Mapping[str, Any], sent: Sequence[Sent], pages: Mapping[int, Made]
) -> tuple[dict[str, Any], bytes]:
    """All of them as one PDF.

    Where joining dies twice, the pages of half of them are left out, the largest first, then of half of the rest, and
    so on: it comes to an end whatever a page does.

    Raises:
        Unavailable: the process does not run.
    """
    waiting = sorted(sent, key=lambda one: -len(pages[one.drawn["number"]].pdf))
    is_first, pages = True, dict(pages)
    while True:
        try:
            return _joined(maker, spec, sent, pages)
        except Died:
            if is_first:
                is_first = False
                continue
        if not waiting:
            raise Unavailable("the process that makes the packet's PDF does not run")
        half = (len(waiting) + 1) // 2
        pages |= made(maker, spec, [Sent(one.drawn, None, "left-out") for one in waiting[:half]])
        waiting = waiting[half:]


def _joined(
    maker: Maker, spec: Mapping[str, Any], sent: Sequence[Sent], pages: Mapping[int, Made]
) -> tuple[dict[str, Any], bytes]:
    """Raises: Died."""
    parts = [
        {
            "document": one.drawn,
            "how": pages[one.drawn["number"]].how,
            "pages": pages[one.drawn["number"]].pages,
            "length": len(pages[one.drawn["number"]].pdf),
        }
        for one in sent
    ]
    return maker.ask({"spec": spec, "parts": parts}, [pages[one.drawn["number"]].pdf for one in sent])
