"""An engine sends for several facilities over one port: each message is its own institution's, and nobody else's."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.kit import acknowledgements
from tests.kit.fakes import MemoryVault
from tests.kit.peers.certificates import Certificates, certificates
from transfer.arrivals import Grant
from transfer.embedded import ports
from transfer.gateway.intake import Intake
from transfer.gateway.mllp import MllpLimits, MllpServer, doors
from transfer.gateway.mllp import certificates as listed
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.tls import doors_context
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.ledger import Ledger
from transfer.ledger.arrivals import IN_ROW
from transfer.serving.budget import ConnectionLimits
from transfer.settings import Settings

pytestmark = pytest.mark.servers

NORTH, SOUTH, WEST = "mercy-north", "mercy-south", "mercy-west"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls") / "known", "engine", "other")


@pytest.fixture
def intake(ledger: Ledger) -> Iterator[Intake]:
    intake = Intake(ledger)
    yield intake
    asyncio.run(intake.close())


def a_facility(name: str, port: int, **more: object) -> Institution:
    door = {"port": port, "sending_application": "LIS", "sending_facility": name.upper(), **more}
    return Institution(id=name, name=name, time_zone="UTC", grants=frozenset({Grant.RECORDS}), mllp_door=door)


def a_message(facility: str, number: int = 1, *, application: str = "LIS", body: str = "") -> bytes:
    msh = f"MSH|^~\\&|{application}|{facility.upper()}|US|US|20260105101500||ORU^R01^ORU_R01|{number}|P|2.5.1"
    return f"{msh}\rPID|1||{number}\r{body}".encode()


@dataclass(frozen=True)
class Doors:
    """What was opened, and how it is reached."""

    server: MllpServer
    port: int

    async def says(self, *payloads: bytes, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> list[str]:
        """Codes of the answers; `turned away` where there is none."""
        told, writer = [], None
        try:
            how = {"ssl": tls, "server_hostname": "localhost"} if tls else {}
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(host, 0), **how)
            for payload in payloads:
                writer.write(b"\x0b" + payload + b"\x1c\r")
                raw = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 10)
                told.append(acknowledgements.read(raw[1:-2])[0])
        except (OSError, EOFError):
            told.append("turned away")
        finally:
            if writer:
                writer.transport.abort()
        return told


@asynccontextmanager
async def open_doors(
    intake: Intake, folder: Path, partners: list[Institution], known: Certificates | None = None, **more: object
) -> AsyncIterator[Doors]:
    institutions = Institutions(partners)
    names = {"TRANSFER_GATEWAY_HTTP": "127.0.0.1:8080"}
    if known:
        names |= {
            "TRANSFER_TLS_CERTIFICATE": str(known.files["certificate"]),
            "TRANSFER_TLS_KEY": str(known.files["key"]),
            "TRANSFER_TLS_CLIENT_AUTHORITIES": str(known.files["authority"]),
        }
    context = doors_context(Settings.load(names, folder), institutions)
    store = LedgerMessageStore(intake, MemoryVault(), institutions, folder)
    server = MllpServer(doors(institutions), store, ssl_context=context, certificates=listed(institutions), **more)
    await server.start()
    try:
        yield Doors(server, server.port(InstitutionId(partners[0].id)))
    finally:
        await server.close(grace=1)


def a_port() -> int:
    return ports.free(["engine"])["engine"]


def kept(ledger: Ledger) -> list[tuple[str, bool]]:
    with ledger.transaction() as tx:
        rows = tx.rows("SELECT institution, conflicts FROM arrivals ORDER BY received_at, institution")
    return [(row.institution, row.conflicts) for row in rows]


def test_an_engine_speaks_for_three_facilities_and_a_number_repeats_at_each_alone(
    intake: Intake, ledger: Ledger, tmp_path: Path
):
    port = a_port()

    async def journey() -> list[str]:
        async with open_doors(intake, tmp_path, [a_facility(name, port) for name in (NORTH, SOUTH, WEST)]) as here:
            north = a_message(NORTH)
            return await here.says(north, a_message(SOUTH), a_message(WEST), north, a_message("nobody"))

    assert asyncio.run(journey()) == ["AA", "AA", "AA", "AA", "AR"]
    # the same number from three is three messages; the first one again is none, and conflicts with nobody's
    assert kept(ledger) == [(NORTH, False), (SOUTH, False), (WEST, False)]


@pytest.mark.parametrize(
    "msh",
    [
        {"facility": "mercy-east"},
        {"facility": "MERCY"},
        {"facility": ""},
        {"facility": NORTH, "application": "RIS"},
        {"facility": NORTH, "application": "lis"},
        {"facility": NORTH, "application": ""},
    ],
)
@pytest.mark.parametrize("size", [0, IN_ROW * 2])
def test_what_the_files_do_not_map_is_refused_and_nothing_of_it_kept(
    intake: Intake, ledger: Ledger, tmp_path: Path, msh: dict[str, str], size: int
):
    port = a_port()

    async def journey() -> list[str]:
        async with open_doors(intake, tmp_path, [a_facility(name, port) for name in (NORTH, SOUTH)]) as here:
            return await here.says(a_message(**msh, body="x" * size), a_message(SOUTH))

    assert asyncio.run(journey()) == ["AR", "AA"]
    assert kept(ledger) == [(SOUTH, False)]


def test_a_sender_speaks_for_those_its_certificate_is_listed_at_and_for_nobody_else_at_the_port(
    intake: Intake, ledger: Ledger, tmp_path: Path, known: Certificates
):
    port = a_port()
    engine, other = known.fingerprint("engine"), known.fingerprint("other")
    partners = [
        a_facility(NORTH, port, certificates=[engine]),
        a_facility(SOUTH, port, certificates=[engine]),
        a_facility(WEST, port, certificates=[other]),
        a_facility("riverside", port),
    ]
    every = [a_message(each.id) for each in partners]

    async def journey() -> dict[str, list[str]]:
        async with open_doors(intake, tmp_path, partners, known) as here:
            return {
                "engine": await here.says(*every, tls=known.client("engine")),
                "other": await here.says(*every, tls=known.client("other")),
                "none": await here.says(*every, tls=known.client(shows_certificate=False)),
                "nobody's": await here.says(*every, tls=known.client("client")),
                "plain": await here.says(*every),
            }

    assert asyncio.run(journey()) == {
        "engine": ["AA", "AA", "AR", "AR"],
        "other": ["AR", "AR", "AA", "AR"],
        "none": ["AR", "AR", "AR", "AA"],
        "nobody's": ["turned away"],
        "plain": ["turned away"],
    }
    assert sorted(name for name, _ in kept(ledger)) == sorted(each.id for each in partners)


def test_its_own_certificate_and_the_engines_are_both_good_and_the_engines_is_nobody_at_http(known: Certificates):
    own, engine = known.fingerprint("other"), known.fingerprint("engine")
    north = a_facility(NORTH, 2575, certificates=[engine]).model_copy(update={"certificates": frozenset({own})})

    assert listed({NORTH: north}) == {NORTH: {own, engine}}
    assert north.certificates == {own}


def test_a_sender_is_also_told_by_the_address_it_comes_from(intake: Intake, ledger: Ledger, tmp_path: Path):
    port = a_port()
    partners = [
        a_facility(NORTH, port, addresses=["127.0.0.2", "127.0.1.0/24"]),
        a_facility(SOUTH, port, addresses=["127.0.0.3"]),
    ]

    async def journey() -> list[list[str]]:
        async with open_doors(intake, tmp_path, partners) as here:
            hosts = ("127.0.0.2", "127.0.1.9", "127.0.0.3", "127.0.0.1")
            return [await here.says(a_message(NORTH), a_message(SOUTH), host=host) for host in hosts]

    assert asyncio.run(journey()) == [["AA", "AR"], ["AA", "AR"], ["AR", "AA"], ["turned away"]]


def test_an_address_written_as_ipv6_is_the_same_address():
    door = a_facility(NORTH, 2575, addresses=["192.0.2.0/28", "2001:db8::/32"]).mllp_door

    assert door
    assert [door.admits(host) for host in ("::ffff:192.0.2.3", "2001:db8::1%eth0", "192.0.2.16", "fe80::1", None)] == [
        *(True, True, False, False, False)
    ]


@pytest.mark.parametrize("size", [0, IN_ROW])
@pytest.mark.parametrize("envelope", [b"", b"FHS|^~\\&|LIS|MERCY-NORTH\r"])
def test_a_frame_of_several_institutions_is_refused_and_one_of_a_single_one_kept(
    intake: Intake, ledger: Ledger, tmp_path: Path, envelope: bytes, size: int
):
    port = a_port()
    first = a_message(NORTH, body="OBX|1|TX|1||" + "x" * size + "\r")

    async def journey() -> list[str]:
        async with open_doors(intake, tmp_path, [a_facility(name, port) for name in (NORTH, SOUTH)]) as here:
            mixed, single = envelope + first + a_message(SOUTH, 2), envelope + first + a_message(NORTH, 2)
            return await here.says(mixed, single)

    assert asyncio.run(journey()) == ["AE", "AA"]
    assert kept(ledger) == [(NORTH, False)]


def test_a_flood_of_one_sender_leaves_the_others_at_the_port_their_connections(
    intake: Intake, ledger: Ledger, tmp_path: Path, known: Certificates
):
    port = a_port()
    partners = [
        a_facility(NORTH, port, certificates=[known.fingerprint("engine")]),
        a_facility(SOUTH, port, certificates=[known.fingerprint("engine")]),
        a_facility(WEST, port, certificates=[known.fingerprint("other")]),
    ]

    async def journey() -> list[list[str]]:
        limits = MllpLimits(connections=ConnectionLimits(known_per_owner=3))
        async with open_doors(intake, tmp_path, partners, known, limits=limits) as here:
            tls = known.client("engine")
            flood = [
                await asyncio.open_connection("127.0.0.1", port, ssl=tls, server_hostname="localhost") for _ in range(3)
            ]
            while len(here.server._connections) < 3:
                await asyncio.sleep(0.01)
            told = [
                await here.says(a_message(WEST), tls=known.client("other")),
                await here.says(a_message(SOUTH), tls=tls),
            ]
            assert await flood[0][0].read(1) == b"", "of its own, the one unused for longest gives way"
            while len(here.server._connections) > 2:
                await asyncio.sleep(0.01)
            for _, writer in flood:
                writer.transport.abort()
            while len(here.server._connections):
                await asyncio.sleep(0.01)
            return [*told, await here.says(a_message(SOUTH), tls=tls)]

    assert asyncio.run(journey()) == [["AA"], ["AA"], ["AA"]]


def test_files_that_could_not_be_told_apart_are_refused_with_what_to_do():
    one = a_facility(NORTH, 2575)
    two = a_facility(SOUTH, 2575, sending_facility="MERCY-NORTH^2.16.840.1.113883.19^ISO")

    with pytest.raises(ValueError, match=r"mercy-north and mercy-south name one mllp_door\.port.*port of its own"):
        Institutions([one, two])
    elsewhere = a_facility(SOUTH, 2576, sending_facility="MERCY-NORTH^2.16.840.1.113883.19^ISO")
    assert len(Institutions([one, elsewhere])) == 2
