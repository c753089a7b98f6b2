"""No server holds us: all who ask by HTTP give up within their bounds, and notice meanwhile that they may not go on."""

import gzip
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from tests.kit.fakes import MemoryVault
from tests.kit.raw_server import Script, a_raw_server, endlessly, once, slowly
from tests.kit.scripted_archive import BOUNDARY, JANE, MERCY, SERIES, STUDY
from tests.kit.scripted_fhir import LAKESIDE, WHO
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.fhir.attachments import download
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.http import HttpClient, HttpLimits
from transfer.bytes_seen import Announced
from transfer.errors import ChangedMeanwhile, TooLarge, TransferError, Unavailable, Unexpected, Unheard, Unreachable
from transfer.identifiers import PacketId
from transfer.sources import KeepGoing, go_on

pytestmark = pytest.mark.servers

LIMITS = HttpLimits(connect_seconds=2, silence_seconds=0.4, page_seconds=0.8, stream_seconds=0.8)
#: so long that nothing but the permission ends it
PATIENT = HttpLimits(connect_seconds=2, silence_seconds=60, page_seconds=60, stream_seconds=60)
#: seconds that a machine which does other things, too, may take longer
SLACK = 3.0

Ask = Callable[[str, HttpLimits, KeepGoing], object]


def _fhir(url: str, limits: HttpLimits, keep_going: KeepGoing) -> object:
    return FhirSourceClient(url, "t", http=limits).find_patient(WHO, LAKESIDE, keep_going=keep_going)


def _attachment(url: str, limits: HttpLimits, keep_going: KeepGoing) -> object:
    client = HttpClient(url, None, limits)
    said = Announced(media_type="application/pdf")
    return sum(map(len, download(client, f"{url}/Binary/1", said, keep_going, most_of_resource=1 << 20)))


def _qido(url: str, limits: HttpLimits, keep_going: KeepGoing) -> object:
    return DicomwebClient(url, "t", http=limits).studies(JANE, MERCY, keep_going=keep_going)


def _wado(url: str, limits: HttpLimits, keep_going: KeepGoing) -> object:
    return DicomwebClient(url, "t", http=limits).fetch_series(
        STUDY, SERIES, expected=frozenset(["1"]), institution=MERCY, vault=MemoryVault(), keep_going=keep_going
    )


ASKING: dict[str, Ask] = {"fhir": _fhir, "attachment": _attachment, "qido": _qido, "wado": _wado}

OK = b"HTTP/1.1 200 OK\r\n"
HEAD = OK + b'Content-Type: multipart/related; type="application/dicom"; boundary="' + BOUNDARY.encode() + b'"\r\n'
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
PART = f"--{BOUNDARY}\r\n\r\n".encode()
CHUNKED_PART = b"%x\r\n%s\r\n" % (len(PART), PART)

DRIPPING: dict[str, Script] = {
    "header lines": slowly(OK, again=b"X-More: 1\r\n"),
    "one header line": slowly(OK, b"X-More: ", again=b"1"),
    "a status line": slowly(b"HTTP/1.1 200 ", again=b"O"),
    "interim answers": slowly(again=b"HTTP/1.1 100 Continue\r\n\r\n"),
    "silence": slowly(again=b"", pause=0.2),
    "silence within the head": slowly(OK, again=b"", pause=0.2),
    "a body": slowly(HEAD + b"\r\n", PART, again=b" "),
    "a body of which the length is told": slowly(HEAD + b"Content-Length: 1000000\r\n\r\n", PART, again=b" "),
    "chunks": slowly(CHUNKED, CHUNKED_PART, again=b"1\r\n \r\n"),
    "the length of a chunk": slowly(CHUNKED, CHUNKED_PART, again=b"0"),
    "a chunk extension": slowly(CHUNKED, CHUNKED_PART, b"1;x=", again=b"1"),
    "trailers": slowly(CHUNKED, CHUNKED_PART, b"0\r\n", again=b"X-More: 1\r\n"),
}
GIANT: dict[str, Script] = {
    "header lines": endlessly(OK, again=b"X-More: 1\r\n" * 10),
    "long header lines": endlessly(OK, again=b"X-More: " + b"1" * 60_000 + b"\r\n"),
    "one header line": endlessly(OK, b"X-More: ", again=b"1" * 8192),
    "a status line": endlessly(b"HTTP/1.1 200 ", again=b"O" * 8192),
    "interim answers": endlessly(again=b"HTTP/1.1 100 Continue\r\n\r\n" * 50),
    "header lines of interim answers": endlessly(again=b"HTTP/1.1 100 Continue\r\nX-More: 1\r\n\r\n" * 50),
}
FRAMING: dict[str, Script] = {
    "a chunk extension": endlessly(CHUNKED, CHUNKED_PART, b"1;x=", again=b"1" * 8192),
    "chunk extensions": endlessly(CHUNKED, CHUNKED_PART, again=b"1;x=" + b"1" * 60_000 + b"\r\n \r\n"),
    "trailers": endlessly(CHUNKED, CHUNKED_PART, b"0\r\n", again=b"X-More: 1\r\n" * 100),
    "one trailer": endlessly(CHUNKED, CHUNKED_PART, b"0\r\nX-More: ", again=b"1" * 8192),
}


@pytest.fixture(params=ASKING)
def ask(request: pytest.FixtureRequest) -> Ask:
    return ASKING[request.param]


class _little_memory:  # noqa: N801 - a word in a `with`
    """Nothing is held that a bound in bytes would not let through."""

    def __enter__(self) -> None:
        tracemalloc.start()

    def __exit__(self, *_: object) -> None:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 << 20


@dataclass(frozen=True, slots=True)
class Ended:
    """How one asking ended, after how many seconds."""

    error: TransferError | None
    seconds: float


def all_ask(url: str, limits: HttpLimits, keep_going: Callable[[], KeepGoing]) -> dict[str, Ended]:
    """All who ask, at the same time, each with a `keep_going` of its own."""

    def asked(ask: Ask) -> Ended:
        began, error = time.monotonic(), None
        try:
            ask(url, limits, keep_going())
        except TransferError as caught:
            error = caught
        return Ended(error, time.monotonic() - began)

    with ThreadPoolExecutor(len(ASKING)) as pool:
        return dict(zip(ASKING, pool.map(asked, ASKING.values()), strict=True))


@pytest.mark.parametrize("script", DRIPPING.values(), ids=DRIPPING)
def test_a_server_that_drips_is_given_up_within_the_bounds(script: Script):
    with a_raw_server(script) as url:
        for who, ended in all_ask(url, LIMITS, lambda: go_on).items():
            assert isinstance(ended.error, Unavailable), who
            assert ended.seconds < LIMITS.page_seconds + SLACK, who


@pytest.mark.parametrize("script", DRIPPING.values(), ids=DRIPPING)
def test_an_ended_permission_is_noticed_while_a_server_drips(script: Script):
    def until_it_ends() -> KeepGoing:
        begun = time.monotonic()

        def keep_going() -> None:
            if time.monotonic() - begun > 0.6:
                raise ChangedMeanwhile("the epoch moved")

        return keep_going

    with a_raw_server(script) as url:
        for who, ended in all_ask(url, PATIENT, until_it_ends).items():
            assert isinstance(ended.error, ChangedMeanwhile), who
            assert ended.seconds < 1.6 + SLACK, who


@pytest.mark.parametrize("script", GIANT.values(), ids=GIANT)
def test_a_head_without_end_is_not_read(ask: Ask, script: Script):
    with a_raw_server(script) as url, _little_memory(), pytest.raises(TooLarge):
        ask(url, PATIENT, go_on)


@pytest.mark.parametrize("script", FRAMING.values(), ids=FRAMING)
def test_framing_without_end_is_not_read(ask: Ask, script: Script):
    began = time.monotonic()
    with a_raw_server(script) as url, _little_memory(), pytest.raises((TooLarge, Unavailable)):
        ask(url, PATIENT, go_on)

    assert time.monotonic() - began < PATIENT.page_seconds / 3


@pytest.mark.parametrize("coding", [b"gzip", b"GZIP", b"deflate", b"br", b"gzip, gzip"])
def test_what_is_compressed_unasked_is_not_unpacked(ask: Ask, coding: bytes):
    bomb = gzip.compress(bytes(64 << 20))
    script = once(HEAD + b"Content-Encoding: " + coding + b"\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb)

    with a_raw_server(script) as url, _little_memory(), pytest.raises(Unexpected):
        ask(url, PATIENT, go_on)


@pytest.mark.parametrize("coding", [b"", b"identity", b"Identity, identity", b","])
def test_what_says_that_it_is_plain_is_read(coding: bytes):
    script = once(OK + b"Content-Encoding: " + coding + b"\r\nContent-Length: 2\r\n\r\n[]")

    with a_raw_server(script) as url, closing(HttpClient(url, None, LIMITS)) as client:
        assert client.ask("GET", client.base, accept="*/*", keep_going=go_on).body == b"[]"


def test_a_head_that_ends_with_the_connection_is_no_answer(ask: Ask):
    with a_raw_server(once(OK + b"Content-Type: application/dicom+json\r\nX-Half")) as url:
        with pytest.raises(Unreachable):
            ask(url, LIMITS, go_on)


@pytest.mark.parametrize("size", [1, 1000])
def test_a_body_in_tiny_chunks_is_a_body(size: int):
    body = bytes(range(250)) * 400
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = b"".join(b"%x;why=not\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Sum: 1\r\n\r\n"
    head = b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Transfer-Encoding: chunked\r\n\r\n"

    with a_raw_server(once(head + chunks)) as url:
        reply = HttpClient(url, None, PATIENT).ask("GET", url, accept="*/*", keep_going=go_on)

    assert reply.body == body


def test_more_than_is_taken_is_refused_at_its_length_or_at_its_bytes():
    limits = replace(PATIENT, page_bytes=1 << 20)
    told = once(OK + b"Content-Length: 99999999\r\n\r\n")

    for script in (told, endlessly(OK + b"\r\n", again=bytes(65536))):
        with a_raw_server(script) as url, _little_memory(), pytest.raises(TooLarge):
            HttpClient(url, None, limits).ask("GET", url, accept="*/*", keep_going=go_on)


@pytest.mark.parametrize("script", DRIPPING.values(), ids=DRIPPING)
def test_a_receiver_that_drips_is_unheard_within_the_bounds_and_may_have_it(script: Script):
    with a_raw_server(script) as url:
        client, began = ReceiverClient(url, "t", LIMITS), time.monotonic()
        with pytest.raises(Unheard) as caught:
            client.submit(b"{}")
        with pytest.raises(Unavailable):
            client.has(PacketId("c00000000001-p1"))

    assert caught.value.maybe_received
    assert time.monotonic() - began < 2 * LIMITS.page_seconds + SLACK


def test_a_receiver_that_drips_is_cut_at_once_from_another_thread():
    with a_raw_server(DRIPPING["header lines"]) as url:
        client = ReceiverClient(url, "t", PATIENT)
        threading.Timer(0.5, client.cut).start()
        began = time.monotonic()
        with pytest.raises(Unheard) as caught:
            client.submit(b"{}")

    assert caught.value.maybe_received
    assert time.monotonic() - began < 0.5 + SLACK


EMPTY = once(OK + b"Content-Length: 2\r\n\r\n[]")


def test_a_kept_connection_that_the_server_closes_costs_no_answer():
    with a_raw_server(EMPTY, hangs_up=True) as url:
        client = HttpClient(url, None, LIMITS)
        for is_safe, method in ((None, "GET"), (True, "POST"), (None, "GET")):
            reply = client.ask(method, url, accept="*/*", keep_going=go_on, is_safe=is_safe)
            assert reply.body == b"[]"


def test_what_is_not_safe_is_sent_once():
    with a_raw_server(EMPTY, hangs_up=True) as url:
        client = HttpClient(url, None, LIMITS)
        client.ask("GET", url, accept="*/*", keep_going=go_on)
        with pytest.raises(Unreachable):
            client.ask("POST", url, accept="*/*", keep_going=go_on, body=b"{}")


def test_whether_to_go_on_is_asked_before_it_is_sent_again():
    answered = []

    def script() -> Iterator[bytes]:
        answered.append(1)
        return EMPTY()

    def stop() -> None:
        raise ChangedMeanwhile("the epoch moved")

    with a_raw_server(script, hangs_up=True) as url:
        client = HttpClient(url, None, LIMITS)
        client.ask("GET", url, accept="*/*", keep_going=go_on)
        with pytest.raises(ChangedMeanwhile):
            client.ask("GET", url, accept="*/*", keep_going=stop)

    assert len(answered) == 1


def test_a_fresh_connection_that_the_server_closes_is_lost():
    with a_raw_server(once()) as url:
        with pytest.raises(Unreachable):
            HttpClient(url, None, LIMITS).ask("GET", url, accept="*/*", keep_going=go_on)


@pytest.mark.parametrize("wrong", [{"page_seconds": 0}, {"silence_seconds": -1}, {"head_bytes": 0}, {"page_bytes": 0}])
def test_a_bound_that_is_none_cannot_be_set(wrong: dict[str, int]):
    with pytest.raises(ValueError, match="bound"):
        HttpLimits(**wrong)


@pytest.mark.parametrize("url", ["ftp://x/", "http://user@host/", "http://host/?a=b", "http://host/#a", "nonsense"])
def test_a_base_url_must_be_one(url: str):
    for client in (DicomwebClient, lambda at: FhirSourceClient(at, "t"), lambda at: ReceiverClient(at, "t")):
        with pytest.raises(ValueError, match="base URL"):
            client(url)


def test_it_is_told_nothing_through_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with a_raw_server(EMPTY) as url:
        assert _qido(url, LIMITS, go_on) == []
