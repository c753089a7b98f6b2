"""The HL7 v2 senders: python-hl7 (its asyncio client and its command `mllp_send`) and node-hl7-client."""

import asyncio
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.peers import installed

_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement as the sender reads it: MSA-1, MSA-2, and the first component of MSH-9."""

    code: str
    of: str
    type: str


def python_hl7() -> list[Path]:
    return [installed.python(), installed.ROOT / "peers" / "python" / "send.py"]


def node_hl7() -> list[Path]:
    # modules are looked for beside the file that imports them
    node, there = installed.program("node"), installed.installed("node peers", "node/node_modules/node-hl7-client")
    script = there.parents[1] / "send.mjs"
    script.write_bytes((installed.ROOT / "peers" / "node" / "send.mjs").read_bytes())
    return [node, script]


async def send(program: Sequence[Path], port: int, messages: Sequence[bytes]) -> list[Answer]:
    """Send the messages over one connection, each when the one before is answered."""
    lines = b"".join(message.hex().encode() + b"\n" for message in messages)
    said = await run([*program, str(port)], lines)
    return [Answer(**json.loads(line)) for line in said.splitlines()]


async def mllp_send(port: int, file: Path) -> bytes:
    """python-hl7's command: it sends what stands in the file and prints what it receives, unread."""
    command = [installed.installed("python peers", "python/bin/mllp_send"), "--loose", "--quiet", "--file", str(file)]
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
