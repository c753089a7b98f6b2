"""What the HTTP doors bear of callers nobody knows, on real sockets."""

import asyncio
import gc
import socket
import ssl
from asyncio import sslproto
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvicorn
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from tests.kit.peers.certificates import certificates, client_hello
from transfer.metrics import exposed
from transfer.serving import http as serving
from transfer.serving.budget import ConnectionLimits
from transfer.serving.counting import door_of
from transfer.serving.http import MAX_HEAD_BYTES, MAX_PIPELINED, BoundedProtocol, is_of, server
from transfer.serving.proxies import TrustedProxies

pytestmark = pytest.mark.servers

KNOWN = b"X-Known: lab\r\n"
NOBODY = b""


class Caller:
    """A socket and nothing that helps."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def asks(self, shown: bytes = KNOWN, more: bytes = b"") -> bytes:
        await self.send(b"GET /who HTTP/1.1\r\nHost: x\r\n" + shown + more + b"\r\n")
        return await self.head()

    async def head(self) -> bytes:
        return await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)

    async def is_closed(self, seconds: float = 5.0) -> bool:
        try:
            async with asyncio.timeout(seconds):
                while await self.reader.read(65536):
                    pass
        except TimeoutError:
            return False
        except ConnectionError:
            pass
        return True


Connect = Callable[..., Awaitable[Caller]]


async def _who(request: Request) -> PlainTextResponse:
    shown = request.headers.get("x-known")
    if shown is None:
        return PlainTextResponse("", status_code=401)
    if not is_of(request.scope, shown):
        return PlainTextResponse("", status_code=429)
    if wait := request.query_params.get("wait"):
        await asyncio.sleep(float(wait))
    return PlainTextResponse("")


def at_the_door(journey: Callable[[Connect, uvicorn.Server], Awaitable[None]], **how: object) -> None:
    async def run() -> None:
        door = server(
            Starlette(
                routes=[
                    Route("/who", _who, methods=["GET", "POST"]),
                    *(Route(f"/{one.__name__[1:]}", one) for one in (_long, _pieces, _whole)),
                ]
            ),
            "127.0.0.1",
            0,
            **how,
        )  # type: ignore[arg-type]
        running = asyncio.create_task(door.serve())
        while not door.started:
            await asyncio.sleep(0.005)
        port = door.servers[0].sockets[0].getsockname()[1]
        callers = []

        async def connect(host: str = "127.0.0.1") -> Caller:
            callers.append(Caller(*await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))))
            return callers[-1]

        try:
            await journey(connect, door)
        finally:
            for caller in callers:
                caller.writer.transport.abort()
            door.should_exit = True
            await running

    asyncio.run(run())


def answers_counted(door: str, code: int) -> float:
    samples = [one for family in text_string_to_metric_families(exposed().decode()) for one in family.samples]
    wanted = {"door": door, "code": str(code)}
    return sum(one.value for one in samples if one.name == "transfer_door_answers_total" and one.labels == wanted)


def test_each_answer_is_counted_by_its_door_and_status():
    before = answers_counted("pages", 200), answers_counted("desk", 401)

    async def known(connect: Connect, door: uvicorn.Server) -> None:
        caller = await connect()
        await caller.asks()
        await caller.asks()

    async def nobody(connect: Connect, door: uvicorn.Server) -> None:
        await (await connect()).asks(NOBODY)

    at_the_door(known)
    at_the_door(nobody, door=lambda _path: "desk")

    assert (answers_counted("pages", 200), answers_counted("desk", 401)) == (before[0] + 2, before[1] + 1)


@pytest.mark.parametrize(
    ("path", "door"),
    [("/fhir", "fhir"), ("/fhir/Consent", "fhir"), ("/packets/x/packet.tar", "packets"), ("/c/", "pages")],
)
def test_a_path_is_counted_as_its_door_and_never_as_it_is(path, door):
    assert door_of(path) == door


def test_a_caller_nobody_knows_gets_one_answer_and_a_known_one_goes_on():
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        unknown, known = await connect(), await connect()
        assert b" 401 " in (answer := await unknown.asks(NOBODY))
        assert b"connection: close" in answer
        assert await unknown.is_closed()
        for _ in range(3):
            assert b" 200 " in (answer := await known.asks())
            assert b"close" not in answer

    at_the_door(journey)


def test_a_byte_now_and_then_does_not_keep_a_connection_after_its_answer(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "KEEP_ALIVE_SECONDS", 0.3)
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.3)

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        for between in (b"\r\n", b"G"):
            known = await connect()
            await known.asks()
            for _ in range(20):
                if known.writer.transport.is_closing() or known.reader.at_eof():
                    break
                known.writer.write(between)
                await asyncio.sleep(0.1)
            assert await known.is_closed(0.1)

    at_the_door(journey)


#: bytes of an answer that a slow line takes a while for, and of a piece of it
LONG, A_PIECE = 1 << 20, 1 << 18


async def _long(request: Request) -> StreamingResponse:
    is_of(request.scope, "lab")
    return StreamingResponse(iter([b"x" * A_PIECE] * (LONG // A_PIECE)), headers={"content-length": str(LONG)})


async def _pieces(request: Request) -> StreamingResponse:
    is_of(request.scope, "lab")
    return StreamingResponse(iter([b"x" * LONG] * 8))


async def _whole(request: Request) -> PlainTextResponse:
    is_of(request.scope, "lab")
    return PlainTextResponse(b"x" * 4 * LONG)


@pytest.mark.parametrize("after", [b"", b"Connection: close\r\n"])
@pytest.mark.parametrize("is_tls", [False, True])
def test_the_end_of_a_long_answer_waits_for_a_slow_line_as_long_as_it_moves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, after: bytes, is_tls: bool
):
    monkeypatch.setattr(serving, "KEEP_ALIVE_SECONDS", 0.3)
    monkeypatch.setattr(serving, "FLUSH_SECONDS", 1.0)
    known = certificates(tmp_path / "tls") if is_tls else None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if known:
        context.load_cert_chain(known.files["certificate"], known.files["key"])

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        line = socket.socket()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 << 10)
        line.settimeout(0)
        await asyncio.get_running_loop().sock_connect(line, door.servers[0].sockets[0].getsockname())
        trust = known.client() if known else None
        reader, writer = await asyncio.open_connection(
            sock=line, ssl=trust, server_hostname="localhost" if trust else None, limit=16 << 10
        )
        writer.write(b"GET /long HTTP/1.1\r\nHost: x\r\n" + after + b"\r\n")
        await reader.readuntil(b"\r\n\r\n")
        came = 0
        while came < LONG and (piece := await reader.read(8 << 10)):
            came += len(piece)
            await asyncio.sleep(0.04)
        writer.transport.abort()
        assert came == LONG

    at_the_door(journey, tls=context if known else None)


@pytest.mark.parametrize("asked", [1, 2])
def test_whoever_reads_nothing_of_an_answer_is_cut_though_it_asks_for_more(monkeypatch: pytest.MonkeyPatch, asked: int):
    monkeypatch.setattr(serving, "FLUSH_SECONDS", 0.2)
    path = [b"/pieces", b"/whole"][asked - 1]  # of pieces the second waits; of a whole answer the next one's head

    async def journey(_: Connect, door: uvicorn.Server) -> None:
        line, loop = socket.socket(), asyncio.get_running_loop()
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 10)
        line.settimeout(0)
        with line:
            await loop.sock_connect(line, door.servers[0].sockets[0].getsockname())
            for _ in range(asked):
                await loop.sock_sendall(line, b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            assert await _within(5, lambda: bool(door.server_state.connections)), "it is not taken"
            assert await _within(5, lambda: not door.server_state.connections), "it is not cut"

    at_the_door(journey)


async def _within(seconds: float, holds: Callable[[], bool]) -> bool:
    """Whether it holds before so long."""
    until = asyncio.get_running_loop().time() + seconds
    while not (held := holds()) and asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.01)
    return held


def test_a_head_that_does_not_come_to_its_end_is_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.3)

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        silent, slow = await connect(), await connect()
        await slow.send(b"GET /who HT")
        await asyncio.sleep(0.2)
        await slow.send(b"TP/1.1\r\n")
        assert await silent.is_closed(1.0)
        assert await slow.is_closed(0.3)

    at_the_door(journey)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /who HTTP/1.1\r\nX-A: " + b"a" * MAX_HEAD_BYTES,
        b"GET /who HTTP/1.1\r\n" + b"X-A: aaaaaaaaaaaa\r\n" * 1024 + b"\r\n",
        b"GET /" + b"a" * MAX_HEAD_BYTES + b" HTTP/1.1\r\n\r\n",
        b"X" * (MAX_HEAD_BYTES + 1),
    ],
)
def test_a_head_over_its_bound_is_refused_whole_or_unfinished(head: bytes):
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        caller = await connect()
        await caller.send(head)
        answer = await caller.head()
        assert b" 431 " in answer or (head.startswith(b"XX") and b" 400 " in answer)
        await caller.send(b"a" * 65536)
        assert await caller.is_closed()

    at_the_door(journey)


@pytest.mark.parametrize("endless", [b"X-A: " + b"a" * 4096 + b"\r\n", b"a" * 4096])
def test_trailers_and_what_frames_a_body_are_bounded_like_a_head(endless: bytes):
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        known = await connect()
        await known.send(b"POST /who?wait=2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n" + KNOWN + b"\r\n")
        await known.send(b"1\r\na\r\n" + (b"0\r\nX-B: " if endless.startswith(b"a") else b"0\r\n"))
        sent = 0
        while sent < 4 << 20 and not door_refused(door):
            await known.send(endless)
            sent += len(endless)
            await asyncio.sleep(0)
        assert sent < 1 << 20

    at_the_door(journey)


def door_refused(door: uvicorn.Server) -> bool:
    return all(each._is_refused for each in door.server_state.connections)  # type: ignore[union-attr]


def test_requests_ahead_of_their_answers_are_bounded_and_the_one_under_way_is_answered():
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        known = await connect()
        one = b"GET /who?wait=0.2 HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"\r\n"
        await known.send(one * (MAX_PIPELINED + 1))
        for _ in range(MAX_PIPELINED + 1):
            assert b" 200 " in await known.head()
        await known.send(one * 1000)
        assert b" 200 " in await known.head()
        assert await known.is_closed()

    at_the_door(journey)


@pytest.mark.parametrize("length", [b"Content-Length: 5000000\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_who_has_not_sent_all_of_a_refused_request_reads_the_answer_and_is_cut(
    length: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(serving, "LINGER_SECONDS", 0.3)

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        caller = await connect()
        await caller.send(b"POST /who HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n")
        piece = b"a" * 5000 if b"Length" in length else b"1388\r\n" + b"a" * 5000 + b"\r\n"
        for _ in range(20):
            await caller.send(piece)
        assert b" 401 " in await caller.head()
        assert await caller.is_closed()

    at_the_door(journey)


def test_a_full_door_serves_who_comes_and_cuts_the_oldest_of_the_address_with_most():
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        crowd = [await connect("127.0.0.2") for _ in range(6)]
        for each in crowd:
            await each.send(b"GET /who HTTP/1.1\r\nX-A: ")
        honest = await connect()
        assert b" 200 " in await honest.asks()
        assert await crowd[0].is_closed()
        for _ in range(20):
            await connect("127.0.0.3")
        assert b" 200 " in await honest.asks(), "whoever is known gives way to nobody"

    at_the_door(journey, limits=ConnectionLimits(unknown=6))


def test_an_institution_with_too_much_under_way_is_told_so_and_another_is_served():
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        busy = [await connect() for _ in range(2)]
        for each in busy:
            await each.send(b"GET /who?wait=0.5 HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"\r\n")
        await asyncio.sleep(0.1)
        assert b" 429 " in await (await connect()).asks()
        assert b" 200 " in await (await connect()).asks(b"X-Known: other\r\n")
        assert [b" 200 " in await each.head() for each in busy] == [True, True]
        assert b" 200 " in await (await connect()).asks()

    at_the_door(journey, limits=ConnectionLimits(known_per_owner=2))


def test_a_trusted_proxys_callers_are_counted_by_the_address_it_passes_on():
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        proxied = [await connect("127.0.0.9") for _ in range(4)]
        slow = [b"GET /who?wait=0.4 HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 198.51.100.7\r\nX-Known: a%d\r\n\r\n" % n
                for n in range(2)]  # fmt: skip
        for each, request in zip(proxied, slow, strict=False):
            await each.send(request)
        await asyncio.sleep(0.1)
        assert b" 200 " in await proxied[2].asks(more=b"X-Forwarded-For: 198.51.100.8\r\n")
        assert b"connection: close" in await proxied[3].asks(NOBODY, b"X-Forwarded-For: 198.51.100.7\r\n")
        assert b" 200 " in await proxied[2].asks(more=b"X-Forwarded-For: 198.51.100.9\r\n")
        counted = {each._counted.owner for each in door.server_state.connections}  # type: ignore[union-attr]
        assert {getattr(each, "host", each) for each in counted} == {"127.0.0.9", "a0", "a1"}

    at_the_door(journey, proxies=TrustedProxies(["127.0.0.9"]), limits=ConnectionLimits(unknown=2))


def test_nobody_else_is_believed_where_it_comes_from():
    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        liars = [await connect("127.0.0.2") for _ in range(4)]
        for number, each in enumerate(liars):
            await each.send(b"GET /who HTTP/1.1\r\nX-Forwarded-For: 198.51.100.%d\r\nX-A: " % number)
        await asyncio.sleep(0.05)
        assert {each._counted.host for each in door.server_state.connections} == {"127.0.0.2"}  # type: ignore[union-attr]

    at_the_door(journey, proxies=TrustedProxies(["127.0.0.9"]))


def test_a_proxy_header_says_who_calls_and_is_read_of_trusted_proxies_alone():
    header = b"PROXY TCP4 198.51.100.7 192.0.2.1 56324 443\r\n"

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        by_proxy, without, liar = await connect("127.0.0.9"), await connect("127.0.0.9"), await connect("127.0.0.2")
        await by_proxy.send(header)
        assert b" 200 " in await by_proxy.asks()
        assert {each._counted.host for each in door.server_state.connections} >= {"198.51.100.7"}  # type: ignore[union-attr]
        await without.send(b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await without.is_closed()
        await liar.send(header)
        assert b" 400 " in await liar.head()

    at_the_door(journey, proxies=TrustedProxies(["127.0.0.9"]), has_proxy_header=True)


def test_a_port_that_is_taken_is_an_error():
    async def run() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            await server(Starlette(), "127.0.0.1", taken.getsockname()[1]).serve()

    with pytest.raises(OSError, match="in use"):
        asyncio.run(run())


def test_without_files_to_open_callers_wait_and_are_served(monkeypatch: pytest.MonkeyPatch):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        lines = []
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, hard))
        try:
            port = door.servers[0].sockets[0].getsockname()[1]
            for _ in range(100):
                line = socket.socket()
                lines.append(line)
                line.settimeout(0)
                line.connect_ex(("127.0.0.1", port))
                await asyncio.sleep(0)
        except OSError:
            pass
        await asyncio.sleep(0.1)
        for line in lines:
            line.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert b" 200 " in await (await connect()).asks()

    at_the_door(journey)


@pytest.fixture
def uncollected():
    """Circles stay while a test runs: what is gone then is freed by itself."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def _alive(kind: type) -> int:
    return sum(isinstance(each, kind) for each in gc.get_objects())


@pytest.mark.parametrize(
    "said", [b"GET / HTTP/1.1\r\n\r\n", client_hello() + b"\x15\x03\x03\x00\x02\x02\x28", client_hello()]
)
def test_a_handshake_that_fails_or_has_to_give_way_leaves_nothing(uncollected, tmp_path, said: bytes):
    shown = certificates(tmp_path / "tls").files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown["certificate"], shown["key"])
    before = _alive(sslproto.SSLProtocol)  # a test that failed may hold some

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        for _ in range(5):
            await (await connect()).send(said)
        last = await connect()
        last.writer.transport.abort()
        for _ in range(100):
            if _alive(sslproto.SSLProtocol) <= before + 1:
                break
            await asyncio.sleep(0.05)
        assert _alive(sslproto.SSLProtocol) <= before + 1

    at_the_door(journey, tls=context, limits=ConnectionLimits(unknown=1))


def test_requests_ahead_of_their_answers_leave_nothing_once_the_connection_is_lost(uncollected):
    before = _alive(BoundedProtocol)

    async def journey(connect: Connect, door: uvicorn.Server) -> None:
        caller = await connect()
        await caller.send(
            b"GET /who?wait=0.2 HTTP/1.1\r\nHost: x\r\n" + KNOWN + b"\r\n" + b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n" * 2
        )
        await asyncio.sleep(0.1)
        assert _alive(BoundedProtocol) == before + 1
        caller.writer.transport.abort()
        for _ in range(100):
            if _alive(BoundedProtocol) == before:
                break
            await asyncio.sleep(0.05)
        assert _alive(BoundedProtocol) == before

    at_the_door(journey)
