"""A PostgreSQL of the site's own, reached by TCP and TLS as its URL says."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from tests.kit.clusters import Emptier
from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.stream_server import a_stream_server
from transfer.adapters.keys import FolderKeys
from transfer.embedded import ports
from transfer.embedded.postgres import Postgres
from transfer.facts import Origin
from transfer.ledger import Ledger

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("postgres") / "tls")


@contextmanager
def by_tls(server: Postgres, known: Certificates) -> Iterator[int]:
    """A port where TLS ends before the server: the wheel's PostgreSQL is built without. It begins as the protocol says
    (PostgreSQL 18, 54.2.12): a request of 8 bytes, answered S, then the handshake.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(known.files["certificate"], known.files["key"])
    said = conninfo_to_dict(server.url("app"))
    address = Path(str(said["host"])) / f".s.PGSQL.{said.get('port', 5432)}"

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, EOFError):
            if (await reader.readexactly(8))[4:] != b"\x04\xd2\x16\x2f":
                writer.close()  # plain text is not taken
                return
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(context)
            behind, before = await asyncio.open_unix_connection(address)
            await asyncio.gather(pass_on(reader, before), pass_on(behind, writer))

    with a_stream_server(take, ports.free(["postgres"])["postgres"]) as port:
        yield port


def test_the_ledger_is_reached_by_tls_and_nobody_else_is_taken_for_it(
    migrated: Postgres, emptier: Emptier, known: Certificates, keys: FolderKeys, tmp_path: Path
) -> None:
    emptier.empty()
    said = conninfo_to_dict(migrated.url("app"))
    strangers = certificates(tmp_path / "strangers")

    def url(port: int, how: str, host: str = "localhost") -> str:
        return f"postgresql://{said['user']}:{said['password']}@{host}:{port}/{said['dbname']}?connect_timeout=5&{how}"

    with by_tls(migrated, known) as port:
        verified = f"sslmode=verify-full&sslrootcert={known.files['authority']}"
        ledger = Ledger(url(port, verified), keys, Origin(process="test"))
        with ledger.transaction() as tx:
            assert tx.value("SELECT count(*) FROM arrivals") == 0
        ledger.close()
        for wrong in (
            {"how": f"sslmode=verify-full&sslrootcert={strangers.files['authority']}"},
            {"how": f"{verified}&hostaddr=127.0.0.1", "host": "ledger.example.org"},
            {"how": "sslmode=disable"},
        ):
            with pytest.raises(psycopg.OperationalError):
                psycopg.connect(url(port, **wrong))
