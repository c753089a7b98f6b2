"""A process that has loaded what the bounded processes read others' files with: each of those is then a fork of it.

To load the libraries takes such a process longer than most documents do. Whatever tasks are forks of begins the warm
process once (`begin`); who starts a bounded process asks `way` how. What runs there is as alone as before: the warm
process begins with -I and an empty environment, is told nothing, and opens no file of ours once it is ready. A fork of
it is given its three channels, bounds itself, and has nothing of the forks before it.

It ends when every process that could ask it has ended.
"""

import gc
import importlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

#: the processes that may be forks of it
MODULES: Final = (
    "transfer.adapters.opening.child",
    "transfer.adapters.packet.pdf_merge",
    "transfer.adapters.packet.thumbnail_process",
)
#: what they load when they need it
_LIBRARIES: Final = (
    "PIL.BmpImagePlugin",
    "PIL.GifImagePlugin",
    "PIL.ImageSequence",
    "PIL.JpegImagePlugin",
    "PIL.PngImagePlugin",
    "PIL.PpmImagePlugin",
    "docx",
    "lxml.etree",
    "lxml.html",
    "pikepdf",
    "pydicom.pixels",
    "pypdfium2",
    "striprtf.striprtf",
    "transfer.adapters.opening.dicom",
    "transfer.adapters.opening.documents",
    "transfer.adapters.opening.heard",
    "transfer.adapters.opening.pdf_pictures",
    "transfer.adapters.opening.pdf_seen",
    "transfer.adapters.opening.pdf_words",
    "transfer.adapters.opening.stand_ins",
    "transfer.adapters.opening.words_instead",
    "transfer.adapters.opening.tiff",
    "transfer.adapters.own_patient",
    "transfer.adapters.packet.narrative",
    "transfer.adapters.packet.pdf_carried",
    "transfer.adapters.packet.pdf_parts",
    "transfer.adapters.packet.pdf_whole",
    "transfer.reported_parts",
    "transfer.written_patients",
)
#: what parses the faces that pages are written with
_FACES: Final = "transfer.adapters.packet.pdf_text"
#: more than a process that only loads and forks has open
_MOST_CHANNELS: Final = 4096
_COMMAND: Final = (sys.executable, "-I", "-m", __name__)
#: a process with threads of its own cannot be forked safely
_ENVIRONMENT: Final = {"OPENBLAS_NUM_THREADS": "1"}
#: Hands its channels over, and ends as the fork ended that was given them, or ends that fork by its own end. Where
#: there is no warm process any more it becomes the bounded process itself. It loads nothing, to begin at once.
_CLIENT: Final = """
import _socket, os, sys
module = sys.argv[2]
mine, theirs = _socket.socketpair()
channels = b"".join(n.to_bytes(4, sys.byteorder) for n in (0, 1, 2, theirs.fileno()))
asked = _socket.socket(fileno=int(sys.argv[1]))
try:
    asked.sendmsg([module.encode()], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, channels)])
except OSError:
    pass
theirs.close()
asked.close()
if not mine.recv(1):
    os.execv(sys.executable, [sys.executable, "-I", "-m", module])
os.closerange(0, 3)
code = mine.recv(4)
os._exit(int.from_bytes(code, sys.byteorder) if code else 1)
"""

#: by which it is asked; forks of who began it have it, too
_line: socket.socket | None = None
_process: "subprocess.Popen[bytes] | None" = None


@dataclass(frozen=True, slots=True)
class ProcessStart:
    """How to start a process: arguments of `subprocess.Popen`."""

    args: Sequence[str]
    pass_fds: Sequence[int] = ()


def begin() -> None:
    """Begin the warm process of this process and of all its forks. A second call does nothing.

    Raises:
        OSError: it could not be started; bounded processes load their libraries themselves then, as before.
    """
    global _line, _process
    if _line is not None:
        return
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        quiet = subprocess.DEVNULL
        _process = subprocess.Popen(_COMMAND, stdin=its.fileno(), stdout=quiet, stderr=quiet, env=_ENVIRONMENT)
    _line = ours


def way(command: Sequence[str]) -> ProcessStart:
    """How to run this command: as a fork of the warm process, where there is one and it runs one of `MODULES`."""
    *before, module = command
    if _line is None or before != [sys.executable, "-I", "-m"] or module not in MODULES:
        return ProcessStart(command)
    asked = _line.fileno()
    try:
        os.fstat(asked)
    except OSError:  # whoever forked us has closed what it did not know
        return ProcessStart(command)
    return ProcessStart((sys.executable, "-I", "-S", "-c", _CLIENT, str(asked), module), (asked,))


def main() -> None:
    """Load all, then fork for each who asks, until nobody can ask any more."""
    line = socket.socket(fileno=os.dup(0))
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)  # of the line nobody else may have the end, or who asks waits for ever
    _load()
    signal.signal(signal.SIGCHLD, _count_ended)
    while True:
        asked, channels, _, _ = socket.recv_fds(line, 256, 4)
        if not asked:
            return
        if len(channels) == 4 and asked.decode() in MODULES and not os.fork():
            line.close()
            _watch(asked.decode(), channels)
        for channel in channels:
            os.close(channel)


def _count_ended(*_: object) -> None:
    """Processor time of a child that nobody waits for is counted nowhere."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _load() -> None:
    """What cannot be loaded is left to the process that needs it, which can say so."""
    for name in (*MODULES, *_LIBRARIES):
        with suppress(Exception):
            importlib.import_module(name)
    with suppress(Exception):
        importlib.import_module(_FACES).prepare()
    gc.freeze()  # forks share what is loaded


def _watch(module: str, channels: Sequence[int]) -> NoReturn:
    """Say how the process ended; end it where nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    process = os.fork()
    if not process:
        _become(module, channels[:3])
    for channel in channels[:3]:
        os.close(channel)
    waiting = socket.socket(fileno=channels[3])
    with suppress(OSError):
        waiting.send(b"+")  # it has the channels: nobody else may read them now
    ended = os.pidfd_open(process)
    if waiting.fileno() in select.select([ended, waiting.fileno()], [], [])[0]:
        os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    with suppress(OSError):
        waiting.send((code if code >= 0 else 128 - code).to_bytes(4, sys.byteorder))
    os._exit(0)


def _become(module: str, channels: Sequence[int]) -> NoReturn:
    """The bounded process: it has its channels, and no other way to anybody."""
    code = 1
    try:
        for number, channel in enumerate(channels):
            os.dup2(channel, number)
        os.closerange(3, _MOST_CHANNELS)
        importlib.import_module(module).main()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)  # what it says and its code are all that is seen of it


if __name__ == "__main__":
    main()
