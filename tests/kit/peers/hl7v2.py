"""HL7 v2 over MLLP by others: python-hl7 (its asyncio client and server, its command `mllp_send`), node-hl7-client and
node-hl7-server.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit.peers import installed
from tests.kit.peers.running import running
from transfer.embedded import ports
from transfer.embedded.orthanc import INSIDE

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement as the sender reads it: MSA-1, MSA-2, and the first component of MSH-9."""

    code: str
    of: str
    type: str


def python_hl7(what: str = "send") -> list[Path]:
    return [installed.python(), installed.ROOT / "peers" / "python" / f"{what}.py"]


def node_hl7(what: str = "send") -> list[Path]:
    # modules are looked for beside the file that imports them
    node, there = installed.program("node"), installed.installed("node peers", "node/node_modules/node-hl7-client")
    script = there.parents[1] / f"{what}.mjs"
    script.write_bytes((installed.ROOT / "peers" / "node" / f"{what}.mjs").read_bytes())
    return [node, script]


@contextmanager
def python_server(folder: Path) -> Iterator[int]:
    """A receiver, and the port it listens at."""
    port = ports.free(["hl7"])["hl7"]
    with running([*python_hl7("serve"), str(port)], folder=folder, answers=lambda: ports.answers(port)):
        yield port


@contextmanager
def node_server(folder: Path) -> Iterator[int]:
    """The same. It would listen on every address, so it runs apart, as Orthanc does and behind the same front."""
    port = ports.free(["hl7"])["hl7"]
    front = [sys.executable, "-m", "transfer.embedded.orthanc_server", "--port", f"{port}:{INSIDE}", "--run"]
    with running([*front, *node_hl7("serve"), str(INSIDE)], folder=folder, answers=lambda: acknowledges(port)):
        yield port


def acknowledges(port: int) -> bool:
    """It answers a message: behind the front, taking a connection proves nothing."""
    ping = b"MSH|^~\\&|A|B|C|D|20260101000000||ADT^A01^ADT_A01|0|P|2.5.1\rEVN|A01|20260101\r"
    try:
        return b"MSA|" in ask(port, ping, seconds=1.0)
    except OSError:
        return False


def ask(port: int, message: bytes, seconds: float = 20.0) -> bytes:
    """Send one message and give the payload of the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(b"\x0b" + message + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            if not (piece := connection.recv(65_536)):
                raise ConnectionError("it closed without an answer")
            answer += piece
    return answer.strip(b"\x0b\x1c\r")


async def send(program: Sequence[Path], port: int, messages: Sequence[bytes]) -> list[Answer]:
    """Send the messages over one connection, each when the one before is answered."""
    lines = b"".join(message.hex().encode() + b"\n" for message in messages)
    said = await run([*program, str(port)], lines)
    return [Answer(**json.loads(line)) for line in said.splitlines()]


async def mllp_send(port: int, file: Path) -> bytes:
    """python-hl7's command: it sends what stands in the file and prints what it receives, unread."""
    command: list[str | Path] = [
        installed.installed("python peers", "python/bin/mllp_send"),
        "--loose",
        "--quiet",
        "--file",
        str(file),
    ]
    return await run([*command, "--port", str(port), "127.0.0.1"], b"")


async def run(command: Sequence[Path | str], data: bytes) -> bytes:
    pipe = asyncio.subprocess.PIPE
    # of ours it gets nothing, least of all a path to import from
    environment = {"PATH": os.environ["PATH"]}
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
    try:
        said, complained = await asyncio.wait_for(process.communicate(data), _SECONDS)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, complained.decode(errors="replace")[-2000:]
    return said
