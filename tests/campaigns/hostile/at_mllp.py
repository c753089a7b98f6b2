"""The MLLP door: frames from pathology's side of the line, well and badly framed."""

import hashlib
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice

from tests.campaigns.hostile.honest import a_report
from tests.campaigns.hostile.mutations import mutated
from tests.campaigns.hostile.samples import Language, Sample
from tests.campaigns.hostile.table import Outcome

DOOR = "mllp"
#: seconds we wait for an answer before we ask whether the door still listens on this line, and then for that one
_SOON, _PATIENCE = 0.3, 5.0

_ANSWER = re.compile(rb"\rMSA\|(\w\w)\|")
#: why: the code of ERR-3, and before 2.5 the words of MSA-3
_ERROR = re.compile(rb"\r(?:ERR\|[^|]*\|[^|]*\|(?=\d)|MSA\|[^|]*\|[^|]*\|)([\w ]+)")


@dataclass(frozen=True, slots=True)
class Sent:
    """One thing sent, and what the door answered: MSA-1 of each answer, and the number of the error."""

    file: str
    mutation: str
    #: of the payloads that an acknowledgement speaks of, in order
    digests: tuple[bytes, ...]
    answers: tuple[str, ...]
    errors: tuple[str, ...]
    #: hung up · silent · listening (it took no notice, and still answers what comes after)
    then: str
    seconds: float


def addressed(message: bytes, patient: bytes | None = None) -> bytes:
    """The message as if pathology had sent it (MSH-3, 4, 11), of this patient (PID-3 to PID-8) where one is given."""
    end = min((at for at in (message.find(b"\r"), message.find(b"\n")) if at >= 0), default=len(message))
    start = message.find(b"MSH")
    if start < 0 or start > end:
        return message
    mark = message[start + 3 : start + 4]
    fields = message[start:end].split(mark)
    if len(fields) > 10:
        fields[2:4], fields[10] = [b"PRAIRIELIS", b"PRAIRIE"], b"P"
    changed = message[:start] + mark.join(fields) + message[end:]
    if patient and mark == b"|":
        changed = re.sub(rb"(?<=[\r\n])PID\|[^\r\n]*", lambda _: patient, changed)
    return changed


def pushes(
    samples: list[Sample], patient: bytes | None, names: frozenset[str] | None = None
) -> Iterator[tuple[str, str, bytes]]:
    """File, mutation and payload. What is no HL7 comes as itself only: a picture, say, where messages are taken."""
    for sample in samples:
        if sample.language is Language.HL7:
            yield sample.file, "unchanged sender", sample.body
            ours = Sample(sample.file, sample.language, addressed(sample.body))
            yield from ((sample.file, name, body) for name, body in mutated(ours, names))
            if patient:
                yield sample.file, "of a known patient", addressed(sample.body, patient)
        elif sample.language is not Language.STREAM:
            yield sample.file, "not HL7", sample.body
            yield (
                sample.file,
                "not HL7, in a message",
                a_report(hashlib.sha256(sample.body).hexdigest()[:12]) + sample.body,
            )


def send(port: int, file: str, mutation: str, payload: bytes) -> Sent:
    """One frame on a line of its own."""
    return _exchange(port, file, mutation, b"\x0b" + payload + b"\x1c\r", _payloads(payload), wanted=1)


def stream(port: int, sample: Sample) -> Sent:
    """Bytes as they were recorded, whatever frames they hold."""
    frames = re.findall(rb"\x0b(.*?)\x1c\r", sample.body, re.DOTALL)
    return _exchange(port, sample.file, "as itself", sample.body, tuple(frames), wanted=len(frames))


def _payloads(payload: bytes) -> tuple[bytes, ...]:
    """A payload that holds the mark of the end is several to the door: only the first is a frame."""
    return (payload.split(b"\x1c\r")[0],)


def _exchange(port: int, file: str, mutation: str, wire: bytes, payloads: tuple[bytes, ...], wanted: int) -> Sent:
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE) as line:
        with suppress(OSError):
            line.settimeout(30)
            line.sendall(wire)
        answers, then = _answers(line, wanted)
    return Sent(
        file, mutation,
        tuple(hashlib.sha256(each).digest() for each in payloads),
        tuple(found[1].decode() for each in answers if (found := _ANSWER.search(each))),
        tuple(found[1].decode() for each in answers if (found := _ERROR.search(each))),
        then, time.monotonic() - began,
    )  # fmt: skip


def _answers(line: socket.socket, wanted: int) -> tuple[list[bytes], str]:
    line.settimeout(_SOON)
    received, probe = b"", b""
    while True:
        answers = received.split(b"\x1c\r")[:-1]
        if probe and probe in received:
            return [each for each in answers if probe not in each], "listening"
        if len(answers) >= wanted and not probe:
            return answers, "listening"
        try:
            more = line.recv(65536)
        except TimeoutError:
            if probe:
                return answers, "silent"
            probe = f"PROBE{time.monotonic_ns()}".encode()
            line.settimeout(_PATIENCE)
            with suppress(OSError):
                line.sendall(b"\x0b" + a_report(probe.decode()) + b"\x1c\r")
            continue
        except OSError:
            more = b""
        if not more:
            return answers, "hung up"
        received += more


# --- frames that are none ---------------------------------------------------------------------------------------------


def never_ending(port: int, megabytes: int, patience: float = 10.0) -> tuple[Outcome, str]:
    """A frame without an end, longer than one may be: the door says so and hangs up, or it hangs."""
    taken, answer = 0, b""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as line:
        try:
            with _broken_off():
                line.sendall(b"\x0b" + a_report("ENDLESS"))
                for _ in range(megabytes):
                    line.sendall(b"OBX|2|TX|X||" + b"a" * ((1 << 20) - 13) + b"\r")
                    taken += 1
            with _broken_off():
                answer = line.recv(65536)
        except TimeoutError:
            return Outcome.HUNG, f"{taken} MB taken, and no word in {patience} s"
    found = _ERROR.search(answer)
    return Outcome.REFUSED, f"error {found[1].decode()}" if found else f"hung up after {taken} MB"


@contextmanager
def _broken_off() -> Iterator[None]:
    """The door may hang up, but not be silent."""
    try:
        yield
    except TimeoutError:
        raise
    except OSError:
        pass


def slow(port: int, lines: int, seconds: float) -> list[socket.socket]:
    """Senders that give a byte now and then."""
    senders = []
    for number in range(lines):
        line = socket.create_connection(("127.0.0.1", port), timeout=5)
        line.sendall(b"\x0b" + a_report(f"SLOW{number}")[:40])
        senders.append(line)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for line in senders:
            with suppress(OSError):
                line.sendall(b"x")
        time.sleep(0.2)
    return senders


def interleaved(port: int, count: int) -> list[Sent]:
    """Frames on many lines at once, a piece of each in turn."""
    began = time.monotonic()
    lines = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(count)]
    reports = [a_report(f"TURN{n}-{time.monotonic_ns()}") for n in range(count)]
    wires = [b"\x0b" + report + b"\x1c\r" for report in reports]
    for at in range(0, max(map(len, wires)), 7):
        for line, wire in zip(lines, wires, strict=True):
            if piece := wire[at : at + 7]:
                line.sendall(piece)
    return [_turned(line, report, count, began) for line, report in zip(lines, reports, strict=True)]


def _turned(line: socket.socket, report: bytes, count: int, began: float) -> Sent:
    with line:
        answers, then = _answers(line, wanted=1)
    said = tuple(found[1].decode() for each in answers if (found := _ANSWER.search(each)))
    digest = hashlib.sha256(report).digest()
    file = f"frames on {count} lines"
    return Sent(file, "interleaved, 7 bytes at a time", (digest,), said, (), then, time.monotonic() - began)


def begun_within(port: int) -> Sent:
    """A frame that begins within a frame: no escape tells them apart, so it is one payload with a 0x0B in it."""
    inner = b"\x0b" + a_report("INNER")
    return _exchange(
        port, "a frame within a frame", "interleaved on one line",
        b"\x0b" + a_report("OUTER") + inner + b"\x1c\r", (a_report("OUTER") + inner,), wanted=1,
    )  # fmt: skip


def batches(items: Iterator[tuple[str, str, bytes]], size: int) -> Iterator[list[tuple[str, str, bytes]]]:
    """Some at a time, so that what was taken is processed before the next."""
    while some := list(islice(items, size)):
        yield some
