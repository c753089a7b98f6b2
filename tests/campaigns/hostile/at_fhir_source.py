"""The FHIR source door: what a source answers when it is asked for a patient's documents."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

from tests.campaigns.hostile.child import Child
from tests.campaigns.hostile.mutations import mutated
from tests.campaigns.hostile.peer import Peer, Script, a_peer, answer, begun
from tests.campaigns.hostile.samples import Language, Sample
from tests.campaigns.hostile.table import Row
from tests.campaigns.hostile.watched import outside, row, strayed
from transfer.adapters.fhir.limits import FHIR_HTTP

DOOR = "fhir source"
_FHIR = "application/fhir+json"
_XML, _PDF = "text/xml", "application/pdf"
_PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [{"system": "urn:oid:1.2.3.4", "value": "0042"}],
    "name": [{"family": "Quillfeather", "given": ["Odalys"]}],
    "birthDate": "1961-02-03",
}


def all_of_it(
    samples: list[Sample], names: frozenset[str] | None = None, places: frozenset[str] | None = None
) -> Iterator[Row]:
    """Every sample as a page, as a resource on a page, as an attachment; then the attacks. None may stray."""
    with a_peer(lambda *_: iter(())) as peer, a_peer(lambda *_: iter([answer(b"", "text/plain")])) as elsewhere:
        with Child("fhir_source") as child:
            for file, mutation, place, script in (*_files(samples, names), *_attacks(peer, elsewhere)):
                if places is not None and place not in places:
                    continue
                peer.script = script
                became = row(child.ask(url=f"{peer.url}/fhir"), file, mutation, f"{DOOR}: {place}")
                yield outside(became) if place == "address" else became
        yield from strayed(elsewhere.visits, DOOR)


def _files(samples: list[Sample], names: frozenset[str] | None) -> Iterator[tuple[str, str, str, Script]]:
    for sample in samples:
        if sample.language is Language.FHIR:
            for name, body in mutated(sample, names):
                yield sample.file, name, "page", _answering(page=body)
                yield sample.file, name, "resource", _answering(page=_around(body))
        if sample.language in (Language.CDA, Language.OTHER):
            for name, body in mutated(sample, names):
                yield sample.file, name, "attachment", _answering(attachment=body)
        elif sample.language is not Language.STREAM:
            yield sample.file, "as itself", "attachment", _answering(attachment=sample.body)
        yield sample.file, "as itself", "inline", _answering(page=_page(_reference(data=sample.body)))


def _answering(*, page: bytes | None = None, attachment: bytes = b"") -> Script:
    """Well-behaved but for the page of DocumentReferences, or for the one attachment it speaks of."""

    def script(_method: str, path: str) -> Iterator[bytes]:
        if "/Patient" in path:
            yield answer(_page(_PATIENT), _FHIR)
        elif "/DocumentReference" in path:
            yield answer(_page(_reference(url="Binary/b1")) if page is None else page, _FHIR)
        elif "/Binary/" in path:
            yield answer(attachment, _XML)
        else:
            yield answer(_page(), _FHIR)

    return script


def _page(*resources: dict[str, Any], **more: Any) -> bytes:
    entries = [{"resource": each} for each in resources]
    return json.dumps({"resourceType": "Bundle", "type": "searchset", "entry": entries, **more}).encode()


def _around(body: bytes) -> bytes:
    return b'{"resourceType":"Bundle","type":"searchset","entry":[{"resource":' + body + b"}]}"


def _reference(*, data: bytes | None = None, url: str | None = None, content_type: str = _XML) -> dict[str, Any]:
    attachment = {"contentType": content_type} | ({"url": url} if url else {})
    attachment |= {"data": base64.b64encode(data).decode()} if data is not None else {}
    return {
        "resourceType": "DocumentReference",
        "id": "d1",
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "type": {"coding": [{"system": "http://loinc.org", "code": "11506-3"}]},
        "content": [{"attachment": attachment}],
    }


# --- attacks ----------------------------------------------------------------------------------------------------------


def _attacks(peer: Peer, elsewhere: Peer) -> Iterator[tuple[str, str, str, Script]]:
    """Attachments that point elsewhere, redirects, pages that never end, bombs."""
    for url in _elsewhere(peer, elsewhere):
        yield "an attachment", f"at {url.partition(':')[0]}…{url[-14:]}", "address", _answering(
            page=_page(_reference(url=url.replace("PORT", str(elsewhere.port))))
        )  # fmt: skip
        yield "the next page", f"at {url.partition(':')[0]}…{url[-14:]}", "address", _answering(
            page=_page(link=[{"relation": "next", "url": url.replace("PORT", str(elsewhere.port))}])
        )  # fmt: skip
    for status in ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"):
        yield "a redirect", status, "address", _always(answer(b"", _FHIR, status=status, Location=elsewhere.url))
        yield "a redirect of the attachment", status, "address", _attachment(
            answer(b"", _XML, status=status, Location=f"{elsewhere.url}/x")
        )  # fmt: skip
    yield "pages", "that never end", "page", _endless_pages
    yield "pages", "in a circle", "page", _answering(page=_page(link=[{"relation": "next", "url": "/fhir?page=1"}]))
    yield from ((name, "", "bomb", _answering(page=body)) for name, body in _bombs())
    yield "a page", "that never ends", "bomb", _streaming(b'{"resourceType":"Bundle","entry":[' + b"1," * 32768)
    yield (
        "a page",
        "of chunks that never end",
        "bomb",
        _streaming(b"10000\r\n" + b" " * 65536 + b"\r\n", "Transfer-Encoding: chunked"),
    )
    yield "a page", "a byte now and then", "slow", _dripping
    yield "a page", "headers without end", "bomb", _headers
    yield "a page", "longer than it says", "length", _always(answer(_page(_PATIENT), _FHIR, length=20))
    yield "a page", "shorter than it says", "length", _always(answer(_page(_PATIENT), _FHIR, length=1 << 40))
    yield (
        "a page",
        "compressed unasked",
        "bomb",
        _always(answer(b"\x1f\x8b" + bytes(999), _FHIR, Content_Encoding="gzip")),
    )
    yield "an attachment", "that never ends", "bomb", _attachment(begun(_PDF), again=b"%PDF-1.7 " * 8192)
    yield "an attachment", "shorter than it says", "length", _attachment(answer(b"%PDF", _PDF, length=1 << 30))


def _elsewhere(peer: Peer, elsewhere: Peer) -> Iterator[str]:
    """PORT is the port of what may not be reached."""
    yield from ("http://127.0.0.1:PORT/secret", "http://localhost:PORT/secret", "http://[::1]:PORT/secret")
    yield from ("http://0.0.0.0:PORT/", "http://2130706433:PORT/", "http://0x7f.1:PORT/", "//127.0.0.1:PORT/secret")
    yield from ("file:///etc/passwd", "ftp://127.0.0.1:PORT/x", "gopher://127.0.0.1:PORT/_x", "data:text/xml,<a/>")
    yield from ("http://169.254.169.254/latest/meta-data", f"http://user@127.0.0.1:{elsewhere.port}/x")
    yield from (f"{peer.url}@127.0.0.1:PORT/x", f"{peer.url}\\@127.0.0.1:PORT/x", f"{peer.url}#@127.0.0.1:PORT/")
    yield from (
        "/fhir/../../admin",
        "/fhir/%2e%2e/%2e%2e/admin",
        "Binary/b1\r\nHost: 127.0.0.1:PORT",
        "http://[",
        "\x00",
    )


def _bombs() -> Iterator[tuple[str, bytes]]:
    """As large as a page may be, dense or wide."""
    size = FHIR_HTTP.page_bytes - 4096
    head = b'{"resourceType":"Bundle","type":"searchset","entry":['
    yield "lists in lists", b"[" * size
    yield "lists beside lists", head + b"[]," * (size // 3) + b"[]]}"
    yield "objects", head + b'{"a":{}},' * (size // 9) + b"{}]}"
    yield "small texts", head + b'"aa",' * (size // 5) + b'""]}'
    yield "wide text", head + b'"' + "\U0001f600".encode() + b"a " * (size // 2) + b'"]}'
    yield "all wide text", head + b'"' + "\U0001f600".encode() * (size // 4) + b'"]}'
    yield "a long attachment", _page(_reference(data=b"A" * (size // 4 * 3 - 4096)))
    yield (
        "a long attachment, beside a wide name",
        _page(_reference(data=b"A" * (size // 4 * 3 - 8192)), id="\U0001f600"),
    )
    yield "as many as may be", head + b'{"resourceType":"Basic","id":"x"},' * 90_000 + b"{}]}"
    yield "far too large", head + b'"' + b"a" * (80 << 20) + b'"]}'


def _always(wire: bytes) -> Script:
    return lambda _method, _path: iter([wire])


def _attachment(head: bytes, again: bytes = b"") -> Script:
    well = _answering()

    def script(method: str, path: str) -> Iterator[bytes]:
        if "/Binary/" not in path:
            yield from well(method, path)
            return
        yield head
        while again:
            yield again

    return script


def _streaming(piece: bytes, *headers: str) -> Script:
    def script(_method: str, _path: str) -> Iterator[bytes]:
        yield begun(_FHIR, *headers)
        while True:
            yield piece

    return script


def _dripping(_method: str, _path: str) -> Iterator[bytes]:
    yield begun(_FHIR)
    while True:
        time.sleep(0.2)
        yield b" "


def _headers(_method: str, _path: str) -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    for number in range(1 << 30):
        yield f"X-{number}: {'a' * 8000}\r\n".encode()


def _endless_pages(_method: str, path: str) -> Iterator[bytes]:
    """Each leads to one that was never seen."""
    number = int(path.rpartition("=")[2]) if path.rpartition("=")[2].isdigit() else 0
    if "/Patient" in path:
        yield answer(_page(_PATIENT), _FHIR)
    else:
        yield answer(_page(link=[{"relation": "next", "url": f"/fhir?page={number + 1}"}]), _FHIR)
