"""All stand-in institutions in one container: each listens on the container's own loopback, as it insists on, and what
reaches the container's port is handed on to it.

    python deploy/sandbox.py GATEWAY:MLLP_PORT [--tls]

The configurations are the secrets `sandbox_<name>`. If one institution ends, all end, and the container is begun again.
`--tls`: the doors speak TLS themselves (deploy/compose.tls.yaml). The institutions trust the authorities in the file
that SSL_CERT_FILE names, as any client of OpenSSL does; what they send by MLLP is wrapped on its way.
"""

import asyncio
import contextlib
import json
import os
import signal
import ssl
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
        if writer.can_write_eof():
            writer.write_eof()
        else:  # TLS ends both ways at once
            writer.close()


async def forward(listen: tuple[str, int], to: tuple[str, int], tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Hand every connection on, both ways, until either end closes; `tls`: over TLS from here on."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection(*to, ssl=tls)
        except OSError:
            writer.close()
            return
        with contextlib.closing(writer), contextlib.closing(there_writer):
            await asyncio.gather(_pump(reader, there_writer), _pump(there_reader, writer))

    return await asyncio.start_server(connected, *listen)


def by_tls(configuration: Path, folder: Path) -> Path:
    """The same configuration towards doors that speak TLS, for its owner alone."""
    said = json.loads(configuration.read_text(encoding="utf-8"))
    said["gateway_url"] = said["gateway_url"].replace("http://", "https://", 1)
    path = folder / f"{configuration.name}.json"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(said, file)
    return path


async def main(gateway: str, *how: str) -> int:
    host, _, mllp = gateway.rpartition(":")
    tls = ssl.create_default_context() if "--tls" in how else None
    institutions = []
    for name in NAMES:
        path = SECRETS / f"sandbox_{name}"
        port = json.loads(path.read_text(encoding="utf-8"))["port"]
        if tls:
            path = by_tls(path, Path("/tmp"))  # noqa: S108 - the container's own memory
        arguments = ("-m", "transfer.sandbox", name, "--config", str(path))
        institutions.append(await asyncio.create_subprocess_exec(sys.executable, *arguments))
        await forward(("0.0.0.0", port - ABOVE), ("127.0.0.1", port))  # noqa: S104 - within the container's network
    await forward(("127.0.0.1", int(mllp)), (host, int(mllp)), tls)
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
    sys.exit(asyncio.run(main(*sys.argv[1:])))
