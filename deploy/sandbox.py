"""All stand-in institutions in one container: each listens on the container's own loopback, as it insists on, and what
reaches the container's port is handed on to it.

    python deploy/sandbox.py GATEWAY:MLLP_PORT

The configurations are the secrets `sandbox_<name>`. If one institution ends, all end, and the container is begun again.
"""

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path

SECRETS = Path("/run/secrets")
NAMES = ("oncology", "pathology", "archive", "center")
#: an institution's own port is this much above the one others reach it at
ABOVE = 1000


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(1 << 16):
            writer.write(piece)
            await writer.drain()
        writer.write_eof()


async def forward(listen: tuple[str, int], to: tuple[str, int]) -> asyncio.Server:
    """Hand every connection on, both ways, until either end closes."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(*to)
        except OSError:
            writer.close()
            return
        with contextlib.closing(writer), contextlib.closing(there_writer):
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))

    return await asyncio.start_server(connected, *listen)


async def main(gateway: str) -> int:
    host, _, mllp = gateway.rpartition(":")
    institutions = []
    for name in NAMES:
        path = SECRETS / f"sandbox_{name}"
        port = json.loads(path.read_text(encoding="utf-8"))["port"]
        arguments = ("-m", "transfer.sandbox", name, "--config", str(path))
        institutions.append(await asyncio.create_subprocess_exec(sys.executable, *arguments))
        await forward(("0.0.0.0", port - ABOVE), ("127.0.0.1", port))  # noqa: S104 - within the container's network
    await forward(("127.0.0.1", int(mllp)), (host, int(mllp)))
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    waits = [asyncio.create_task(one.wait()) for one in institutions] + [asyncio.create_task(asked.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in institutions:
        with contextlib.suppress(ProcessLookupError):
            one.terminate()
        await one.wait()
    return 0 if asked.is_set() else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1])))
