"""The HTTP door: FHIR bodies from an institution that has a token, well and badly sent."""

import base64
import hashlib
import json
import random
import re
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.campaigns.hostile.mutations import mutated
from tests.campaigns.hostile.samples import Language, Sample
from transfer.gateway.fhir_door import MAX_HELD

DOOR = "http"
#: in a status' place: it hung up without a word; it neither answered nor hung up
HUNG_UP, SILENT = 0, -1
_PATIENCE = 20.0
#: in `Location`, or in the first entry of a transaction's response
_ARRIVAL = re.compile(rb"/(a[0-9a-z]{15})\b")
#: not an ordinary file of hers: a release form posted where the path names another type changes nothing
_TYPES = ("Consent", "Task")


@dataclass(frozen=True, slots=True)
class Door:
    """Where it is, and what one institution shows there."""

    url: str
    token: str
    #: seconds without a byte from it until it is taken for hung
    patience: float = _PATIENCE

    def head(self, path: str, length: int | str | None, content_type: str = "application/fhir+json") -> bytes:
        lines = [
            f"POST {path} HTTP/1.1",
            f"Host: {urlsplit(self.url).netloc}",
            f"Authorization: Bearer {self.token}",
            f"Content-Type: {content_type}",
            "Connection: close",
            "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}",
        ]
        return "\r\n".join([*lines, "", ""]).encode()

    def connected(self) -> socket.socket:
        at = urlsplit(self.url)
        return socket.create_connection((at.hostname or "", at.port or 80), timeout=self.patience)


@dataclass(frozen=True, slots=True)
class Answered:
    file: str
    mutation: str
    digest: bytes
    #: or `HUNG_UP`, `SILENT`
    status: int
    #: the issue's code and text
    reason: str
    seconds: float
    #: our id for it, where it was taken
    arrival: str | None = None


def posts(samples: list[Sample], names: frozenset[str] | None = None) -> Iterator[tuple[str, str, bytes]]:
    """File, mutation and body. What is no FHIR comes as itself, and as the document of an answer."""
    for sample in samples:
        if sample.language is Language.FHIR:
            yield from ((sample.file, name, body) for name, body in mutated(sample, names))
        else:
            yield sample.file, "not FHIR", sample.body


def post(
    door: Door, file: str, mutation: str, body: bytes, *, path: str = "/fhir", told: int | None = None
) -> Answered:
    """One body; `told`: the length that its head says, where that is another."""
    began = time.monotonic()
    with door.connected() as line:
        with suppress(OSError):
            line.sendall(door.head(path, len(body) if told is None else told) + body)
            if told is not None and told > len(body):
                line.shutdown(socket.SHUT_WR)
        status, reason, received = _answer(line)
    found = _ARRIVAL.search(received)
    return Answered(
        file, mutation, hashlib.sha256(body).digest(), status, reason,
        time.monotonic() - began, found[1].decode() if found else None,
    )  # fmt: skip


def answered(line: socket.socket) -> tuple[int, str]:
    """Status, and the issue's code and text."""
    status, reason, _ = _answer(line)
    return status, reason


def _answer(line: socket.socket) -> tuple[int, str, bytes]:
    """The same, and all that was received."""
    received = b""
    try:
        while more := line.recv(65536):
            received += more
    except TimeoutError:
        return SILENT, f"neither answered nor hung up in {line.gettimeout()} s", received
    except OSError:
        pass  # it hung up; what it said before stands
    return *_said(received), received


def _said(received: bytes) -> tuple[int, str]:
    head, _, body = received.partition(b"\r\n\r\n")
    said = head.split(b" ", 2)
    if len(said) < 2 or not said[1].isdigit():
        return HUNG_UP, "hung up"
    return int(said[1]), _issue(body)


def _issue(body: bytes) -> str:
    with suppress(ValueError, LookupError, TypeError):
        issue = json.loads(body)["issue"][0]
        return f"{issue['code']}: {issue['details']['text']}"
    return body.decode("latin-1", "replace").splitlines()[0][:60] if body else ""


# --- bodies that do harm by what they are -----------------------------------------------------------------------------


def bombs(limit: int) -> Iterator[tuple[str, bytes]]:
    """Small to send, large to read: each just below the door's own bound of size, or just above."""
    below = limit - 4096
    yield "lists in lists", b"[" * below
    yield "lists beside lists", b'{"resourceType":"Bundle","entry":[' + b"[]," * (below // 3) + b"[]]}"
    yield "objects beside objects", b'{"resourceType":"Bundle","entry":[' + b'{"a":{}},' * (below // 9) + b"{}]}"
    yield "small keys", b"{" + b",".join(b'"%x":0' % n for n in range(below // 11)) + b"}"
    yield "small texts", b'{"resourceType":"Bundle","entry":[' + b'"aa",' * (below // 5) + b'""]}'
    yield "numbers", b'{"resourceType":"Bundle","entry":[' + b"1e9," * (below // 4) + b"0]}"
    yield "one text, wide", b'{"resourceType":"Consent","status":"' + "\U0001f600".encode() + b"a" * below + b'"}'
    yield "one text of escapes", b'{"resourceType":"Consent","status":"' + b"\\u00e9" * (below // 6) + b'"}'
    yield "a long attachment", _consent(b"QUFB" * (below // 4))
    yield "a long attachment, beside a wide name", _consent(b"QUFB" * (below // 4 - 64), "\U0001f600".encode())
    yield "a long attachment that may be heard", _consent(_packed(b'{"x":"Consent' + b"A" * (below * 3 // 4 - 64)))
    keys = b",".join(b'"%x":{}' % n for n in range(MAX_HELD * 3 // 4 // 11))
    yield "an attachment of small keys, just held", _consent(_packed(b'{"resourceType":"Consent",' + keys + b"}"))
    yield "a number without end", b'{"resourceType":"Consent","status":' + b"9" * below + b"}"
    yield "blanks", b'{"resourceType":"Consent",' + b" " * below + b'"status":"active"}'
    yield "more than is taken", _consent(b"QUFB" * (limit // 4 + 4096))


def _packed(content: bytes) -> bytes:
    return base64.b64encode(content)


def _consent(data: bytes, name: bytes = b"A") -> bytes:
    return (
        b'{"resourceType":"Consent","status":"active","identifier":[{"system":"urn:x","value":"' + name + b'"}],'
        b'"sourceAttachment":{"contentType":"application/pdf","data":"' + data + b'"}}'
    )


def never_ending(door: Door, seconds: float) -> tuple[str, int, str]:
    """A chunked body that goes on until it is stopped."""
    sent, until = 0, time.monotonic() + seconds
    with door.connected() as line:
        with suppress(OSError):
            line.sendall(door.head("/fhir", None) + b'8\r\n{"text":\r\n')
            while time.monotonic() < until:
                line.sendall(b"100000\r\n" + b"1" * (1 << 20) + b"\r\n")
                sent += 1
        status, reason = answered(line)
    return f"a body without end, stopped after {sent} MB", status, reason


def slow(door: Door, lines: int, *, in_head: bool) -> list[socket.socket]:
    """Callers that begin and go on by a byte now and then."""
    waiting = []
    for number in range(lines):
        line = door.connected()
        head = door.head("/fhir", 1 << 20)
        line.sendall(head[: 40 + number % 20] if in_head else head + b'{"a":')
        waiting.append(line)
    return waiting


@dataclass(frozen=True, slots=True)
class Begun:
    """A body that lacks its last byte, and the digest of all of it."""

    line: socket.socket
    digest: bytes
    lines: int


def many_large(door: Door, lines: int, size: int, chance: random.Random) -> list[Begun]:
    """Large bodies at the same time, each but for its last byte: all of them are in the door's hands."""
    waiting = []
    for _ in range(lines):
        line = door.connected()
        body = _consent(b"QUFB" * (size // 4), b"%x" % chance.getrandbits(64))
        with suppress(OSError):
            line.sendall(door.head("/fhir/Consent", len(body)) + body[:-1])
        waiting.append(Begun(line, hashlib.sha256(body).digest(), lines))
    return waiting


def ended(begun: Begun) -> Answered:
    """What it is answered once its last byte is there."""
    began = time.monotonic()
    with begun.line as line:
        with suppress(OSError):
            line.sendall(b"}")
        status, reason = answered(line)
    file, mutation = f"{begun.lines} large bodies", "at the same time"
    return Answered(file, mutation, begun.digest, status, reason, time.monotonic() - began)
