"""The process in front of Orthanc: it keeps it where only loopback is, and hands in what comes to some ports.

A socket belongs to the network namespace it was made in. So the ports are opened first, on the machine's own loopback;
then this process moves into a new namespace, which has no interface but its own loopback, and starts Orthanc there.
What connects to a port is handed on. Orthanc itself can be reached by nobody else, and can reach nobody.

    python -m transfer.embedded.orthanc_server --port 20042:8042 --run /usr/sbin/Orthanc orthanc.json
    python -m transfer.embedded.orthanc_server --try          ends with 0 if such a namespace may be made here
"""

import argparse
import asyncio
import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import sys
from functools import partial
from pathlib import Path
from typing import Final

# sched.h, linux/sockios.h, net/if.h
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1

_PIECE: Final = 256 << 10
#: seconds Orthanc may take to end
_MAX_WAIT_SECONDS: Final = 8.0


def move_apart() -> None:
    """Into a network namespace of our own with loopback up; who is not root becomes so in a user namespace only.

    Before any thread is started: a user namespace is refused to a process with several (unshare(2)).

    Raises:
        OSError: the machine forbids it.
    """
    user, group = os.getuid(), os.getgid()
    try:
        _unshare(_CLONE_NEWNET)
    except PermissionError:
        _unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))


def _unshare(flags: int) -> None:
    if ctypes.CDLL(None, use_errno=True).unshare(flags):
        raise OSError(ctypes.get_errno(), "unshare")


async def serve(outside: dict[socket.socket, int], command: list[str]) -> int:
    """Run Orthanc and hand connections in to their ports until it ends, or until we are told to stop."""
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    orthanc = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    servers = [await asyncio.start_server(partial(_hand_in, port), sock=sock) for sock, port in outside.items()]
    ended, told = asyncio.create_task(orthanc.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait({ended, told}, return_when=asyncio.FIRST_COMPLETED)
    for server in servers:
        server.close()
    if ended.done():
        return ended.result() or 1  # nobody asked it to
    orthanc.terminate()
    try:
        await asyncio.wait_for(asyncio.shield(ended), _MAX_WAIT_SECONDS)
    except TimeoutError:
        orthanc.kill()
        await ended
    return 0


async def _hand_in(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:  # not up yet, or just ended
        writer.close()
        return
    # cancelled when this process ends: nobody is there to be told
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(_carry(reader, inner_writer), _carry(inner_reader, writer))
    for each in (writer, inner_writer):
        each.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One direction, to its end. A side that is gone ends the other too, for it will be told by its own broken pipe."""
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()
        return
    writer.transport.abort()


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs Orthanc behind one port on loopback.")
    parser.add_argument("--try", dest="is_trial", action="store_true")
    parser.add_argument("--port", action="append", default=[], metavar="OUTSIDE:INSIDE")
    parser.add_argument("--run", nargs=argparse.REMAINDER)
    asked = parser.parse_args()
    pairs = [map(int, pair.split(":")) for pair in asked.port]
    ports = {socket.create_server(("127.0.0.1", outside), backlog=128): inside for outside, inside in pairs}
    try:
        move_apart()
    except OSError as error:
        sys.stderr.write(f"this machine forbids a network namespace ({error.strerror})\n")
        return 1
    return 0 if asked.is_trial else asyncio.run(serve(ports, asked.run))


if __name__ == "__main__":
    sys.exit(main())
