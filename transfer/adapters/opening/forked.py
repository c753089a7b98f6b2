"""Work with a library that may hold up, or end, whoever calls it: in a fork of the process that opens documents.

What such work finds is worth having and never needed: everything else is found without it.

A fork costs far more than to look at most documents. So one is kept for the small documents of one patient, one after
another (`end_kept`); a large document has one of its own. Neither has the channels of who forked it.
"""

import importlib
import os
import resource
import signal
import struct
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import BinaryIO, Final, NoReturn

Work = Callable[[bytes], Iterable[bytes]]

#: bytes of a document that is sent to the fork that is kept
SMALL: Final = 1 << 20
#: questions that one fork is asked, several of them about one document, and seconds of CPU that it has for all
MOST: Final = 16
_SECONDS_ALL: Final = 120
#: more than a process that opens documents has open
_MOST_CHANNELS: Final = 4096
#: of a question: the length of the name of the work, its seconds of CPU, the length of the document
_HEAD: Final = struct.Struct(">HIQ")
#: the length of a piece of an answer; 0 ends it
_PIECE: Final = struct.Struct(">I")


def said_apart(work: Work, data: bytes, *, seconds: int, most: int) -> bytes:
    """What the work says of a document, as far as it came within the seconds of CPU and the bytes.

    `work` is a function of a module. The caller has one thread.
    """
    global _kept
    if len(data) > SMALL:
        return _said_alone(work, data, seconds=seconds, most=most)
    if _kept is None or _kept.is_spent:
        end_kept()
        _kept = _KeptFork()
    is_new = _kept.is_new
    said, is_whole = _kept.ask(work, data, seconds=seconds, most=most)
    if is_whole:
        return said
    end_kept()
    # Silence may be the end of the fork, of which this document knows nothing: of memory, or of what came before.
    return said if said or is_new else _said_alone(work, data, seconds=seconds, most=most)


def end_kept() -> None:
    """End the fork that is kept, if there is one: what is opened next is another patient's."""
    global _kept
    if _kept is not None:
        _kept.end()
        _kept = None


def permitted(seconds: int) -> int:
    """So many seconds of CPU, or the fewer that whoever started this process left it."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    return seconds if most == resource.RLIM_INFINITY else min(seconds, most)


def _said_alone(work: Work, data: bytes, *, seconds: int, most: int) -> bytes:
    here, there = os.pipe()
    worker = os.fork()
    if worker == 0:
        _work_and_end(work, data, there, seconds)
    os.close(there)
    with os.fdopen(here, "rb") as saying:
        said = saying.read(most)
    os.waitpid(worker, 0)
    return said


def _work_and_end(work: Work, data: bytes, to: int, seconds: int) -> NoReturn:
    try:
        _let_go_of_channels(but=(to,))
        resource.setrlimit(resource.RLIMIT_CPU, (permitted(seconds), permitted(seconds)))
        with os.fdopen(to, "wb", buffering=0) as out:
            for piece in work(data):
                out.write(piece)
    finally:
        os._exit(0)


def _let_go_of_channels(but: Iterable[int]) -> None:
    """What breaks in here can neither read the next document nor answer for who forked us. Who asks and ends is seen
    by its end: nobody else holds the other ends.
    """
    os.dup2(2, 0)
    os.dup2(2, 1)
    beginning = 3
    for channel in sorted(but):
        os.closerange(beginning, channel)
        beginning = channel + 1
    os.closerange(beginning, _MOST_CHANNELS)


class _KeptFork:
    """A fork that is asked about one document after another."""

    def __init__(self) -> None:
        its_questions, questions = os.pipe()
        answers, its_answers = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            _serve(its_questions, its_answers)
        os.close(its_questions)
        os.close(its_answers)
        self._questions, self._answers = os.fdopen(questions, "wb"), os.fdopen(answers, "rb")
        self._left = MOST

    @property
    def is_new(self) -> bool:
        return self._left == MOST

    @property
    def is_spent(self) -> bool:
        return not self._left

    def ask(self, work: Work, data: bytes, *, seconds: int, most: int) -> tuple[bytes, bool]:
        """What it says, and whether that is all of it."""
        self._left -= 1
        name, said = f"{work.__module__}:{work.__qualname__}".encode(), b""
        try:
            self._questions.write(_HEAD.pack(len(name), seconds, len(data)) + name + data)
            self._questions.flush()
        except OSError:
            return b"", False
        while len(head := self._answers.read(_PIECE.size)) == _PIECE.size:
            (length,) = _PIECE.unpack(head)
            if not length:
                return said, True
            room = most - len(said)
            said += self._answers.read(min(length, room))
            if length > room:
                break
        return said, False

    def end(self) -> None:
        os.kill(self._pid, signal.SIGKILL)
        for channel in (self._questions, self._answers):
            with suppress(OSError):
                channel.close()
        os.waitpid(self._pid, 0)


_kept: _KeptFork | None = None


def _serve(questions: int, answers: int) -> NoReturn:
    try:
        _let_go_of_channels(but=(questions, answers))
        resource.setrlimit(resource.RLIMIT_CPU, (permitted(_SECONDS_ALL), permitted(_SECONDS_ALL)))
        with os.fdopen(questions, "rb") as asked, os.fdopen(answers, "wb", buffering=0) as out:
            while len(head := asked.read(_HEAD.size)) == _HEAD.size:
                _answer(head, asked, out)
    finally:
        os._exit(0)


def _answer(head: bytes, asked: BinaryIO, out: BinaryIO) -> None:
    named, seconds, length = _HEAD.unpack(head)
    module, _, name = asked.read(named).decode().partition(":")
    data = asked.read(length)
    used = resource.getrusage(resource.RUSAGE_SELF)
    within = int(used.ru_utime + used.ru_stime) + 1 + seconds
    most = permitted(_SECONDS_ALL)
    resource.setrlimit(resource.RLIMIT_CPU, (min(within, most), most))
    # who asks may have loaded it after this fork began
    for piece in getattr(importlib.import_module(module), name)(data):
        if piece:
            out.write(_PIECE.pack(len(piece)) + piece)
    out.write(_PIECE.pack(0))
