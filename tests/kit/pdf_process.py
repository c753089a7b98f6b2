"""The process that makes a packet's PDF, forked off one that has its libraries loaded.

Loading them takes longer than most packets take to draw, and tests make hundreds of packets. It is bounded, told and
watched as the product's own, which `tests/adapters/packet/test_packet_pdf.py` and whatever runs in Airflow start.
"""

import atexit
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
import traceback
from functools import cache, partial
from pathlib import Path

from transfer.adapters.packet import assembly, pdf
from transfer.embedded.process import spawn

#: Hands its three channels over and ends as the process ended that was given them. It loads nothing.
_CLIENT = """
import _socket, os, sys
line = _socket.socket(_socket.AF_UNIX)
line.connect(sys.argv[1])
channels = b"".join(n.to_bytes(4, sys.byteorder) for n in (0, 1, 2))
line.sendmsg([b"."], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, channels)])
code = int.from_bytes(line.recv(4), "big", signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
sys.exit(code)
"""


@cache
def kept_warm() -> None:
    """From now on packets of this process get their PDF from such a process. It ends with this one."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    line = folder / "pdf"
    process = spawn(
        [sys.executable, "-I", __file__, str(line)],
        log=folder / "log",
        environment={},
        folder=folder,
        dies_with_us=signal.SIGTERM,
    )
    until = time.monotonic() + 60
    while not line.exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < until, "the process for PDFs does not come up"
        time.sleep(0.02)
    starter = os.getpid()

    def end() -> None:
        if os.getpid() == starter:
            process.terminate()
            process.wait()
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    command = (sys.executable, "-I", "-S", "-c", _CLIENT, str(line))
    assembly.bookmarked = partial(pdf.bookmarked, command=command)  # type: ignore[attr-defined]


def _serve(path: Path) -> None:
    """A process for whoever calls, and one that watches it."""
    from transfer.adapters.packet import pdf_merge, pdf_parts, pdf_text, pdf_whole

    pdf_text.drawable(pdf_merge.__name__ + pdf_parts.__name__ + pdf_whole.__name__)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(path.with_suffix(".new")))
        door.listen(64)
        path.with_suffix(".new").rename(path)
        while True:
            line, _ = door.accept()
            with line:
                if not os.fork():
                    door.close()
                    _watch(line)


def _watch(line: socket.socket) -> None:
    """Say how it ended; it ends at once where nobody waits for it any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _, channels, _, _ = socket.recv_fds(line, 1, 3)
    process = os.fork()
    if not process:
        line.close()
        _make(channels)
    for channel in channels:
        os.close(channel)
    ended = os.pidfd_open(process)
    if line.fileno() in select.select([ended, line.fileno()], [], [])[0]:
        os.kill(process, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    try:
        line.sendall(code.to_bytes(4, "big", signed=True))
    finally:
        os._exit(0)


def _make(channels: list[int]) -> None:
    from transfer.adapters.packet import pdf_merge

    for number, channel in enumerate(channels):
        os.dup2(channel, number)
        os.close(channel)
    code = 1
    try:
        pdf_merge.main()
        sys.stdout.flush()
        code = 0
    except BaseException:  # noqa: BLE001 - what it says and its code are all that is seen of it
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
