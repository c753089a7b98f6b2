"""The MLLP door on real sockets: nothing acknowledged that is not kept, nothing kept twice, nobody holds it up."""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import example, given
from hypothesis import strategies as st

from tests.kit import acknowledgements
from tests.kit.memory_message_store import MemoryMessageStore
from transfer.adapters.hl7v2 import ErrorCode
from transfer.doors import MllpDoor
from transfer.errors import Unavailable
from transfer.gateway.mllp import MllpLimits, MllpServer, StoreOutcome, StoreResult, doors
from transfer.gateway.mllp.frames import Scanner
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution, Institutions
from transfer.serving.budget import ConnectionLimits

pytestmark = pytest.mark.servers

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
LAB = InstitutionId("commhosp-lab")
DOOR = MllpDoor(port=0, sending_application="LISAPP", sending_facility="COMMHOSP")
REPORT = (SAMPLES / "oru_path_final_ed_pdf.hl7").read_bytes()


def framed(payload: bytes) -> bytes:
    return b"\x0b" + payload + b"\x1c\r"


def a_message(number: int = 1, *, body: bytes = b"", mode: bytes = b"", application: bytes = b"LISAPP") -> bytes:
    msh = b"MSH|^~\\&|%s|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01^ORU_R01|%d|P|2.5.1|||%s\r"
    return msh % (application, number, mode) + body


class Sender:
    """A peer: a socket and nothing that helps."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self) -> tuple[str, str]:
        """Code and control id of the next acknowledgement."""
        raw = await asyncio.wait_for(self.reader.readuntil(b"\x1c\r"), 5)
        assert raw[:1] == b"\x0b"
        return acknowledgements.read(raw[1:-2])

    async def is_closed(self) -> bool:
        try:
            return await asyncio.wait_for(self.reader.read(1), 5) == b""
        except ConnectionError:
            return True


def at_the_door(
    journey: Callable[[Callable[[], Awaitable[Sender]], MllpServer], Awaitable[None]],
    message_store: MemoryMessageStore,
    limits: MllpLimits | None = None,
    **more: object,
) -> None:
    """Run a journey against a listening server with one door."""

    async def run() -> None:
        server = MllpServer({LAB: DOOR}, message_store, limits=limits, **more)
        await server.start()
        senders = []

        async def connect(**how: object) -> Sender:
            senders.append(Sender(*await asyncio.open_connection("127.0.0.1", server.port(LAB), **how)))
            return senders[-1]

        try:
            await journey(connect, server)
        finally:
            for sender in senders:
                sender.writer.transport.abort()
            await server.close(grace=1)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("stream", "answers"),
    [
        ("stream_two_frames", [("CA", "71601"), ("CA", "71608")]),
        ("stream_junk_between", [("CA", "71601"), ("CA", "71608")]),
        ("stream_unterminated", [("CA", "71601")]),
        ("stream_lone_1c_in_payload", [("CA", "71601")]),
    ],
)
def test_each_sample_stream_is_answered_for_what_it_holds(stream, answers):
    message_store = MemoryMessageStore()
    data = (SAMPLES / f"{stream}.mllp").read_bytes()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(data)
        assert [await sender.answer() for _ in answers] == answers
        await asyncio.sleep(0.05)
        assert message_store.calls == len(answers)

    at_the_door(journey, message_store)

    assert all(framed(payload) in data for payload in message_store.payloads)


@pytest.mark.parametrize(
    ("end", "said"),
    [(b"\x1c", "FS alone"), (b"\x1c\n", "FS LF"), (b"", None), (b"\n", None), (b"\x1c\r", None)],
)
@pytest.mark.parametrize("is_cut", [True, False])
def test_a_frame_that_ends_by_another_mark_is_told(end, said, is_cut, caplog):
    data = b"\x0b" + a_message(1) + end

    async def journey(connect, server):
        sender = await connect()
        await sender.send(data[: -len(end)] if end and is_cut else data)
        if end and is_cut:
            for byte in end:
                await asyncio.sleep(0.01)
                await sender.send(bytes((byte,)))
        await asyncio.sleep(0.5)

    message_store = MemoryMessageStore()
    at_the_door(journey, message_store, MllpLimits(frame_seconds=0.2))

    told = [record.message for record in caplog.records if "instead of FS CR" in record.message]
    assert [f"ends with {said} " in message for message in told] == ([True] if said else [])
    assert [str(ending) for _, ending in message_store.endings] == ([said] if said else [])


def test_a_stream_may_be_cut_anywhere():
    data = b"noise" + framed(a_message(1, body=b"NTE|1||a\x1cb\x1c\x1cc\r")) + b"\r\n" + framed(a_message(2))

    async def journey(connect, server):
        for cut in range(len(data) + 1):
            message_store.payloads.clear()
            message_store._known.clear()
            sender = await connect()
            await sender.send(data[:cut])
            await asyncio.sleep(0.002)  # long enough to arrive by itself
            await sender.send(data[cut:])
            assert [await sender.answer(), await sender.answer()] == [("AA", "1"), ("AA", "2")]
            assert len(message_store.payloads) == 2
            assert framed(message_store.payloads[0]) in data
            sender.writer.close()

    message_store = MemoryMessageStore()
    at_the_door(journey, message_store)


def frames_of(pieces: list[bytes]) -> list[bytes]:
    scanner, found, current = Scanner(), [], b""
    for piece in pieces:
        at = 0
        while at < len(piece):
            stretch, at, is_end = scanner.step(piece, at)
            current += stretch
            if is_end:
                found.append(current)
                current = b""
    return found


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.mllp")), ids=lambda path: path.stem)
def test_frames_of_the_sample_streams_are_the_same_at_every_cut(path):
    stream = path.read_bytes()
    whole = frames_of([stream])

    assert len(whole) == stream.count(b"\x1c\r")
    assert frames_of([bytes((byte,)) for byte in stream]) == whole
    assert all(frames_of([stream[:cut], stream[cut:]]) == whole for cut in range(len(stream)))


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b.replace(b"\x1c\r", b"").rstrip(b"\x1c")), max_size=5),
    st.lists(st.integers(0, 200), max_size=20),
)
@example([b"a\x1c" * 40 + b"b"], [])
@example([b"a\x1c" * 40 + b"b"], [86])  # between 0x1C and CR
def test_frames_come_out_the_same_however_the_bytes_arrive(payloads, cuts):
    stream = b"".join(b"x\x1c\r" + framed(payload) for payload in payloads)
    places = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})

    assert frames_of([stream[a:b] for a, b in pairwise(places)]) == payloads
    assert frames_of([bytes((byte,)) for byte in stream]) == payloads


def test_nothing_is_acknowledged_before_it_is_kept():
    message_store = MemoryMessageStore(seconds=0.3)

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(a_message()))
        await asyncio.sleep(0.1)
        assert (message_store.in_flight, message_store.payloads) == (1, [])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(sender.reader.read(1), 0.05)
        assert await sender.answer() == ("AA", "1")
        assert message_store.payloads == [a_message()]

    at_the_door(journey, message_store)


def test_a_duplicate_gets_the_same_answer_and_other_bytes_are_stored_too():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        for name in ("oru_path_final_ed_pdf", "oru_path_final_ed_pdf", "nasty_duplicate_control_id"):
            await sender.send(framed((SAMPLES / f"{name}.hl7").read_bytes()))
            assert await sender.answer() == ("CA", "71001")

    at_the_door(journey, message_store)

    assert len(message_store.payloads) == 2


@pytest.mark.parametrize(
    ("mode", "kept", "answer"),
    [
        (b"", StoreResult(StoreOutcome.UNAVAILABLE), ("AR", "1")),
        (b"AL|NE", StoreResult(StoreOutcome.UNAVAILABLE), ("CE", "1")),
        (b"", Unavailable("the ledger is away"), ("AR", "1")),
        (b"", RuntimeError("a fault with a patient's name in it"), ("AR", "1")),
        (b"", StoreResult(StoreOutcome.REFUSED, ErrorCode.UNSUPPORTED_TYPE), ("AR", "1")),
        (b"AL|NE", StoreResult(StoreOutcome.REFUSED, ErrorCode.UNSUPPORTED_TYPE), ("CR", "1")),
        (b"", StoreResult(StoreOutcome.REFUSED, ErrorCode.MISSING_FIELD), ("AE", "1")),
    ],
)
def test_what_is_not_kept_is_never_acknowledged_as_kept(mode, kept, answer, caplog):
    message_store = MemoryMessageStore(answers=[kept])

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(a_message(mode=mode)))
        assert await sender.answer() == answer
        await sender.send(framed(a_message(2)))
        assert await sender.answer() == ("AA", "2")

    at_the_door(journey, message_store)

    assert "patient" not in caplog.text


def test_a_sender_that_wants_no_answers_gets_none_and_is_cut_off_when_nothing_is_kept():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(a_message(1, mode=b"NE|NE")) + framed(a_message(2)))
        assert await sender.answer() == ("AA", "2")
        message_store.answers = [StoreResult(StoreOutcome.UNAVAILABLE)]
        await sender.send(framed(a_message(3, mode=b"NE|NE")))
        assert await sender.is_closed()

    at_the_door(journey, message_store)

    assert len(message_store.payloads) == 2


@pytest.mark.parametrize(
    "payload",
    [
        a_message(application=b"SOMEBODY"),
        a_message().replace(b"COMMHOSP", b"OTHER"),
        a_message().replace(b"|P|", b"|T|"),
        b"",
        b"not a message",
        a_message(application=b"SOMEBODY", body=b"NTE|1||" + b"x" * 200_000),
    ],
)
def test_what_is_not_this_institutions_is_refused_and_not_stored(payload):
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(payload))
        assert (await sender.answer())[0] == "AR"
        await sender.send(framed(a_message(2)))
        assert await sender.answer() == ("AA", "2")

    at_the_door(journey, message_store)

    assert len(message_store.payloads) == 1
    assert message_store.sinks == []


def test_an_acknowledgement_is_not_acknowledged():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed((SAMPLES / "ack_aa.hl7").read_bytes()) + framed(a_message(2)))
        assert await sender.answer() == ("AA", "2")

    at_the_door(journey, message_store)

    assert len(message_store.payloads) == 1


def test_a_batch_is_kept_whole_and_answered_once():
    message_store = MemoryMessageStore()
    payload = (SAMPLES / "batch_fhs_bhs_bad_count.hl7").read_bytes()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(payload))
        assert await sender.answer() == ("CA", "71601")

    at_the_door(journey, message_store)

    assert message_store.payloads == [payload]


def test_what_is_sent_ahead_is_answered_in_order_one_at_a_time():
    message_store = MemoryMessageStore(seconds=0.001)

    async def journey(connect, server):
        sender = await connect()
        sending = asyncio.create_task(sender.send(b"".join(framed(a_message(n)) for n in range(300))))
        assert [await sender.answer() for _ in range(300)] == [("AA", str(n)) for n in range(300)]
        await sending

    at_the_door(journey, message_store)

    assert (message_store.most_in_flight, len(message_store.payloads)) == (1, 300)


def test_what_is_sent_ahead_waits_with_its_sender_and_not_in_our_memory():
    message_store = MemoryMessageStore(seconds=0.005)
    waiting = []

    async def journey(connect, server):
        sender = await connect()
        sending = asyncio.create_task(
            sender.send(b"".join(framed(a_message(n, body=b"x" * 50_000)) for n in range(100)))
        )
        for _ in range(100):
            await sender.answer()
            waiting.append(len(next(iter(server._connections))._waiting))
        await sending

    at_the_door(journey, message_store)

    assert max(waiting) <= 1 << 19


def test_connections_are_served_side_by_side():
    message_store = MemoryMessageStore(seconds=0.1)

    async def journey(connect, server):
        senders = [await connect() for _ in range(10)]
        for n, sender in enumerate(senders):
            await sender.send(framed(a_message(n)))
        assert [await sender.answer() for sender in senders] == [("AA", str(n)) for n in range(10)]

    at_the_door(journey, message_store)

    assert message_store.most_in_flight == 10


def test_a_long_message_goes_to_its_sink_while_it_arrives():
    message_store = MemoryMessageStore()
    payload = a_message(body=b"OBX|1|ED|x||^a^pdf^Base64^" + b"QUJD\x1c" * 600_000 + b"QUJD\r")

    async def journey(connect, server):
        sender = await connect()
        await sender.send(b"\x0b" + payload[:1_000_000])
        await asyncio.sleep(0.1)
        assert len(message_store.sinks[0].held) > 900_000
        await sender.send(payload[1_000_000:] + b"\x1c\r")
        assert await sender.answer() == ("AA", "1")

    at_the_door(journey, message_store)

    assert hashlib.sha256(message_store.payloads[0]).digest() == hashlib.sha256(payload).digest()
    assert not message_store.sinks[0].is_discarded


def test_a_long_message_that_never_ends_is_forgotten():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(b"\x0b" + a_message(body=b"x" * 200_000))
        await asyncio.sleep(0.05)
        sender.writer.transport.abort()
        await asyncio.sleep(0.05)
        assert message_store.sinks[0].is_discarded
        assert len(server._connections) == 0

    at_the_door(journey, message_store)

    assert message_store.calls == 0


@pytest.mark.parametrize("how", [{"has_sinks": False}, {"sink_holds": 100_000}, {"sink_holds": 10}])
def test_a_long_message_for_which_there_is_no_room_is_sent_again_later(how):
    message_store = MemoryMessageStore(**how)

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(a_message(body=b"x" * 500_000)))
        assert await sender.answer() == ("AR", "1")
        await sender.send(framed(a_message(2)))
        assert await sender.answer() == ("AA", "2")

    at_the_door(journey, message_store)

    assert all(sink.is_discarded for sink in message_store.sinks)


@pytest.mark.parametrize("size", [2_000_000, 150_000])
def test_a_message_beyond_the_bound_is_refused_and_the_connection_closed(size):
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        sending = asyncio.create_task(sender.send(framed(a_message(7, body=b"x" * size)) + framed(a_message(8))))
        assert await sender.answer() == ("AR", "7")
        assert await sender.is_closed()
        sending.cancel()

    at_the_door(journey, message_store, MllpLimits(frame_bytes=100_000))

    assert message_store.calls == 0
    assert all(sink.is_discarded for sink in message_store.sinks)


def test_a_sender_that_dribbles_a_message_is_cut_off():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        sender.writer.write(b"\x0b")
        for byte in a_message()[:10]:
            sender.writer.write(bytes((byte,)))
            await asyncio.sleep(0.05)
        assert await sender.is_closed()

    at_the_door(journey, message_store, MllpLimits(frame_seconds=0.3))

    assert message_store.calls == 0


def test_a_silent_sender_is_cut_off_and_one_that_waits_for_us_is_not():
    message_store = MemoryMessageStore(seconds=0.8)

    async def journey(connect, server):
        silent, waiting = await connect(), await connect()
        await waiting.send(framed(a_message()))
        assert await silent.is_closed()
        assert await waiting.answer() == ("AA", "1")

    at_the_door(journey, message_store, MllpLimits(idle_seconds=0.3))


def test_a_sender_that_never_reads_our_answers_does_not_fill_our_memory():
    message_store = MemoryMessageStore()
    talkative = a_message().replace(b"|1|P", b"|" + b"1" * 15_000 + b"|P")  # our answer is as long

    async def journey(connect, server):
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.settimeout(0)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", server.port(LAB)))
        sending = asyncio.get_running_loop().sock_sendall(sock, framed(talkative) * 5_000)
        with pytest.raises((TimeoutError, ConnectionError)):
            await asyncio.wait_for(sending, 20)
        sock.close()
        assert len(server._connections) == 0

    at_the_door(journey, message_store, MllpLimits(frame_seconds=0.5))

    assert message_store.calls < 5_000


def test_noise_without_messages_ends_the_connection():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        sender = await connect()
        await sender.send(b"noise " * 10)
        await sender.send(framed(a_message()))
        assert await sender.answer() == ("AA", "1")
        await sender.send(b"noise " * 1000)
        assert await sender.is_closed()

    at_the_door(journey, message_store, MllpLimits(bytes_outside_frames=1000))


@pytest.mark.parametrize("limits", [ConnectionLimits(unknown_per_address=3), ConnectionLimits(unknown=3)])
def test_where_the_door_is_full_the_oldest_half_frame_gives_way(limits):
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        half = [await connect() for _ in range(3)]
        for each in half:
            await each.send(framed(a_message())[:-2])
        sender = await connect()
        await sender.send(framed(a_message()))
        assert await sender.answer() == ("AA", "1")
        assert await half[0].is_closed()
        assert len(server._connections) == 3

    at_the_door(journey, message_store, MllpLimits(connections=limits))


def test_who_had_a_message_stored_keeps_its_connection_whoever_else_comes():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        known = await connect()
        await known.send(framed(a_message(1)))
        assert await known.answer() == ("AA", "1")
        for _ in range(9):
            await (await connect()).send(framed(a_message())[:-2])
        await known.send(framed(a_message(2)))
        assert await known.answer() == ("AA", "2")
        assert len(server._connections) == 4

    at_the_door(journey, message_store, MllpLimits(connections=ConnectionLimits(unknown=3)))


def test_one_senders_connections_are_bounded_and_the_one_unused_longest_gives_way():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        senders = [await connect() for _ in range(4)]
        for number, each in enumerate([*senders[:3], senders[0], senders[3]]):
            await each.send(framed(a_message(number)))
            assert await each.answer() == ("AA", str(number))
        assert await senders[1].is_closed()
        assert len(server._connections) == 3

    at_the_door(journey, message_store, MllpLimits(connections=ConnectionLimits(known_per_owner=3)))


def test_a_message_that_is_being_stored_gives_way_to_nobody():
    message_store = MemoryMessageStore(seconds=0.5)

    async def journey(connect, server):
        storing = [await connect() for _ in range(2)]
        for number, each in enumerate(storing):
            await each.send(framed(a_message(number)))
        await asyncio.sleep(0.1)
        assert await (await connect()).is_closed()
        assert [await each.answer() for each in storing] == [("AA", "0"), ("AA", "1")]

    at_the_door(journey, message_store, MllpLimits(connections=ConnectionLimits(unknown=2)))


def test_of_long_messages_on_their_way_the_longest_gives_way_before_the_disk_is_full():
    message_store = MemoryMessageStore()

    async def journey(connect, server):
        greedy, modest = await connect(), await connect()
        await greedy.send(b"\x0b" + a_message(1, body=b"x" * 900_000))
        await modest.send(b"\x0b" + a_message(2, body=b"x" * 300_000))
        assert await greedy.is_closed()
        await modest.send(b"\x1c\r")
        assert await modest.answer() == ("AA", "2")

    at_the_door(journey, message_store, MllpLimits(connections=ConnectionLimits(spooled_bytes=1_000_000)))


def test_a_sender_that_closes_its_side_still_gets_its_answers():
    message_store = MemoryMessageStore(seconds=0.05)

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(a_message(1)) + framed(a_message(2)))
        sender.writer.write_eof()
        assert [await sender.answer(), await sender.answer()] == [("AA", "1"), ("AA", "2")]
        assert await sender.is_closed()

    at_the_door(journey, message_store)


def test_closing_answers_what_is_in_flight():
    message_store = MemoryMessageStore(seconds=0.2)

    async def journey(connect, server):
        sender = await connect()
        await sender.send(framed(a_message(1)) + framed(a_message(2)))
        await asyncio.sleep(0.05)
        await server.close()
        assert await sender.answer() == ("AA", "1")
        assert await sender.is_closed()

    at_the_door(journey, message_store)

    assert len(message_store.payloads) == 1


def test_a_sender_that_leaves_while_its_message_is_kept_disturbs_nobody():
    message_store = MemoryMessageStore(seconds=0.1)

    async def journey(connect, server):
        sender, other = await connect(), await connect()
        await sender.send(framed(a_message(1)))
        await asyncio.sleep(0.02)
        sender.writer.transport.abort()
        await other.send(framed(a_message(2)))
        assert await other.answer() == ("AA", "2")

    at_the_door(journey, message_store)

    assert len(message_store.payloads) == 2


def test_each_port_is_one_institution():
    message_store = MemoryMessageStore()
    other = InstitutionId("mercy-imaging")
    door = MllpDoor(port=0, sending_application="RIS", sending_facility="MERCY")

    async def run():
        server = MllpServer({LAB: DOOR, other: door}, message_store)
        await server.start()
        sender = Sender(*await asyncio.open_connection("127.0.0.1", server.port(other)))
        await sender.send(framed(a_message()))
        assert (await sender.answer())[0] == "AR"
        sender.writer.close()
        await server.close()
        await server.close()

    asyncio.run(run())

    assert message_store.calls == 0


def test_when_a_port_is_taken_none_is_opened():
    async def run():
        with socket.create_server(("127.0.0.1", 0)) as taken:
            door = DOOR.model_copy(update={"port": taken.getsockname()[1]})
            server = MllpServer({InstitutionId("mercy-imaging"): DOOR, LAB: door}, MemoryMessageStore())
            with pytest.raises(OSError, match="in use"):
                await server.start()
            with pytest.raises(KeyError):
                server.port(InstitutionId("mercy-imaging"))

    asyncio.run(run())


def test_the_doors_are_those_of_the_institutions_files():
    known = Institutions(
        [
            Institution(id=LAB, name="Lab", time_zone="UTC", mllp_door=DOOR),
            Institution(id="mercy-imaging", name="Archive", time_zone="UTC"),
        ]
    )

    assert doors(known) == {LAB: DOOR}


def a_certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's and a trusting client's TLS settings."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    path = folder / "door.pem"
    path.write_bytes(key.private_bytes(pem, private, serialization.NoEncryption()) + made.public_bytes(pem))
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=made.public_bytes(pem).decode())


def test_the_same_holds_over_tls_and_plain_text_gets_nowhere(tmp_path):
    message_store = MemoryMessageStore()
    server_side, client_side = a_certificate(tmp_path)

    async def journey(connect, server):
        plain = await connect()
        await plain.send(framed(a_message()))
        assert await plain.is_closed()
        sender = await connect(ssl=client_side, server_hostname="localhost")
        await sender.send(b"".join(framed(a_message(n, body=b"x" * 100_000)) for n in range(5)))
        assert [await sender.answer() for _ in range(5)] == [("AA", str(n)) for n in range(5)]

    at_the_door(journey, message_store, ssl_context=server_side)

    assert len(message_store.payloads) == 5
