"""The doors of a whole house under attack: MLLP and HTTP, with an honest sender beside, and who processes behind."""

import random
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from tests.campaigns.hostile import at_http, at_mllp, reckoning
from tests.campaigns.hostile.child import Child
from tests.campaigns.hostile.honest import honest_beside
from tests.campaigns.hostile.memory import most_mb, set_back
from tests.campaigns.hostile.samples import Language, Sample
from tests.campaigns.hostile.table import Outcome, Row
from tests.kit.doors import config
from tests.kit.house import House
from tests.kit.processing import process_all
from transfer.gateway.fhir_door import BODY_SECONDS, MAX_BODY_BYTES, MAX_POSTS_EACH
from transfer.gateway.mllp.limits import MllpLimits
from transfer.serving.http import HEAD_SECONDS

_AT_ONCE = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Besieged:
    """A house, where its doors are, and who processes what they took."""

    house: House
    mllp: int
    http: at_http.Door
    worker: Child

    @property
    def gateway(self) -> int:
        """The process behind both doors."""
        return next(one.pid or 0 for one in self.house.system.status() if one.name == "gateway")

    def measured(self, do: Callable[..., T], *given: Any, **named: Any) -> tuple[T, float]:
        """What it gives, and the most megabytes the doors' process held meanwhile."""
        gateway = self.gateway
        set_back(gateway)
        return do(*given, **named), most_mb(gateway)

    def process(self) -> Row | None:
        """process what came. A row, if that goes wrong."""
        became = self.worker.ask(seconds=300)
        if became.outcome is Outcome.KEPT:
            return None
        return Row(file="what was taken", mutation="processed", door="receive", outcome=became.outcome,
                   reason=became.reason, megabytes=became.megabytes, seconds=became.seconds)  # fmt: skip


@contextmanager
def besieged(house: House) -> Iterator[Besieged]:
    """With an honest sender beside; its row is in `Besieged.honest` at the end."""
    lab, office = config(house, "pathology"), config(house, "oncology")
    door = at_http.Door(office["gateway_url"].rstrip("/"), office["gateway_token"])
    with Child("worker", str(house.var)) as worker:
        yield Besieged(house, lab["gateway_mllp_port"], door, worker)


def all_of_it(at: Besieged, samples: list[Sample], names: frozenset[str] | None = None) -> Iterator[Row]:
    """Every sample at both doors, then the attacks that are no file, an honest sender beside them all."""
    before = at.gateway
    with honest_beside(at.mllp, at.http.url) as honest:
        yield from mllp(at, samples, names)
        yield from http(at, samples, names)
        yield from mllp_attacks(at)
        yield from http_attacks(at)
        yield honest.row()
    if at.gateway != before:
        yield Row(file="all of it", mutation="", door="mllp and http", outcome=Outcome.FELL, reason="the gateway died")


def mllp(at: Besieged, samples: list[Sample], names: frozenset[str] | None = None) -> Iterator[Row]:
    patient = a_known_patient(at.house) if any(one.language is Language.HL7 for one in samples) else None
    for some in at_mllp.batches(at_mllp.pushes(samples, patient, names), _AT_ONCE):
        sent = [at.measured(at_mllp.send, at.mllp, *one) for one in some]
        yield from _processed(at, reckoning.of_mllp, sent, at_mllp.DOOR)
    streams = [at.measured(at_mllp.stream, at.mllp, one) for one in samples if one.language is Language.STREAM]
    yield from _processed(at, reckoning.of_mllp, streams, at_mllp.DOOR)


def http(at: Besieged, samples: list[Sample], names: frozenset[str] | None = None) -> Iterator[Row]:
    for some in at_mllp.batches(at_http.posts(samples, names), _AT_ONCE):
        sent = [at.measured(at_http.post, at.http, *one) for one in some]
        yield from _processed(at, reckoning.of_http, sent, at_http.DOOR)
    for sample in [one for one in samples if one.language is Language.FHIR][:: max(1, len(samples) // 20)]:
        for told in (len(sample.body) + 100, len(sample.body) // 2):
            word = "longer" if told > len(sample.body) else "shorter"
            how = f"said to be {word} than it is"
            sent = [at.measured(at_http.post, at.http, sample.file, how, sample.body, told=told)]
            yield from _processed(at, reckoning.of_http, sent, at_http.DOOR)


def _processed(at: Besieged, judge: Callable[..., Iterator[Row]], sent: Iterable[object], door: str) -> Iterator[Row]:
    wrong = at.process()
    yield from [wrong] if wrong else []
    yield from judge(at.house.services, sent, door)


def a_known_patient(house: House) -> bytes:
    """The PID of a patient with an open case and a release form, as pathology writes it."""
    chart = house.a_patient(slices=1)
    house.release_form(chart)
    process_all(house.services)
    house.referral(chart)
    process_all(house.services)
    who, number = chart["patient"], chart["numbers"]["prairie-pathology"]["value"]
    born, sex = who["birth_date"].replace("-", ""), who["sex"][0].upper()
    return f"PID|1||{number}^^^PRAIRIE^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{sex}".encode()


# --- attacks that are no file -----------------------------------------------------------------------------------------


def mllp_attacks(at: Besieged) -> Iterator[Row]:
    (outcome, reason), most = at.measured(at_mllp.never_ending, at.mllp, 80)
    yield _row("a frame without end", "80 MB", at_mllp.DOOR, outcome, reason, most)
    said, most = at.measured(at_mllp.interleaved, at.mllp, 40)
    yield from map(_served, _processed(at, reckoning.of_mllp, [(one, most) for one in said], at_mllp.DOOR))
    within = [at.measured(at_mllp.begun_within, at.mllp)]
    yield from _processed(at, reckoning.of_mllp, within, at_mllp.DOOR)
    lines, most = at.measured(at_mllp.slow, at.mllp, 50, MllpLimits().frame_seconds)
    yield slow_ones(lines, 0, "a byte at a time", at_mllp.DOOR, 3.0, most)
    for line in lines:
        line.close()
    yield from giants(at)


def _served(one: Row) -> Row:
    """Of a frame that is honest but for how it comes: whatever else became of it, it was to be taken."""
    if one.outcome in (Outcome.REFUSED, Outcome.UNFINISHED):
        return replace(one, outcome=Outcome.STARVED, reason=f"{one.outcome}: {one.reason}")
    return one


def slow_ones(lines: list[socket.socket], most: int, mutation: str, door: str, wait: float, megabytes: float) -> Row:
    """By how many of them the door still holds after so many seconds: at `most` may stay."""
    time.sleep(wait)
    closed = len(lines) - sum(map(_is_open, lines))
    outcome = Outcome.UNFINISHED if len(lines) - closed <= most else Outcome.HUNG
    reason = f"{closed} of {len(lines)} closed, {most} may stay"
    return _row(f"{len(lines)} slow callers", mutation, door, outcome, reason, megabytes)


def _is_open(line: socket.socket) -> bool:
    """Nothing was said on it, not even its end."""
    line.settimeout(0)
    try:
        line.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def giants(at: Besieged, names: frozenset[str] | None = None) -> Iterator[Row]:
    """Messages as long as one may be."""
    giant = at_mllp.addressed(
        b"MSH|^~\\&|A|B|RT|RT|20260901||ORU^R01|GIANT|P|2.5.1\rPID|1||9^^^PRAIRIE||Giant^G||19500101\r"
    )
    giant += b"OBR|1||S26-9^PRAIRIELIS|11529-5^P^LN|||20260830\r"
    for name, rest in _giants():
        if names is None or name in names:
            message = giant.replace(b"GIANT", name[:9].replace(" ", "").encode()) + rest
            sent = [at.measured(at_mllp.send, at.mllp, "a giant message", name, message)]
            yield from _processed(at, reckoning.of_mllp, sent, at_mllp.DOOR)


def _giants() -> Iterator[tuple[str, bytes]]:
    """Just below the 64 MB that a frame may have."""
    size = (64 << 20) - 4096
    yield "an embedded document", b"OBX|1|ED|X^Y^LN||^application^pdf^Base64^" + b"QUFB" * (size // 4)
    yield "segments", b"OBX|1|TX\r" * (size // 9)
    yield "lines", b"OBX|1|TX|X||" + b"a\r" * (size // 2 - 8)
    yield "fields", b"OBX" + b"|" * size
    yield "repetitions", b"OBX|1|TX|X||" + b"~a" * (size // 2 - 8)
    yield "escapes", b"OBX|1|TX|X||" + b"\\T\\" * (size // 3 - 8)
    yield "wide text", b"OBX|1|TX|X||" + "\U0001f600".encode() * (size // 4 - 8)
    yield "messages", b"MSH|^~\\&|PRAIRIELIS|PRAIRIE\r" * (size // 29)


def http_attacks(at: Besieged) -> Iterator[Row]:
    for name, body in at_http.bombs(MAX_BODY_BYTES):
        path = "/fhir/Consent" if b'"Consent"' in body[:40] else "/fhir"
        sent = [at.measured(at_http.post, at.http, "a bomb", name, body, path=path)]
        yield from _processed(at, reckoning.of_http, sent, at_http.DOOR)
    (name, status, reason), most = at.measured(at_http.never_ending, at.http, 20.0)
    outcome = Outcome.HUNG if status == at_http.SILENT else Outcome.REFUSED
    yield _row(name, "chunked", at_http.DOOR, outcome, f"{status} {reason}", most)
    for count in (4, 24):
        lines, most = at.measured(at_http.many_large, at.http, count, 30 << 20, random.Random(count))
        answers, after = at.measured(lambda begun: [at_http.ended(one) for one in begun], lines)
        most = max(most, after)
        yield from _processed(at, reckoning.of_http, [(one, most) for one in answers], at_http.DOOR)
    yield from _slow_http(at)
    wrong = at.process()
    yield from [wrong] if wrong else []


def _slow_http(at: Besieged) -> Iterator[Row]:
    """In the head, and in the body: there so many of one institution at once, and none of them for ever."""
    lines, most = at.measured(at_http.slow, at.http, 60, in_head=True)
    yield slow_ones(lines, 0, "in the head", at_http.DOOR, HEAD_SECONDS + 3, most)
    bodies, most = at.measured(at_http.slow, at.http, 60, in_head=False)
    yield slow_ones(bodies, MAX_POSTS_EACH, "in the body", at_http.DOOR, 3, most)
    yield slow_ones(bodies, 0, "in the body, to the end", at_http.DOOR, BODY_SECONDS, most)
    for line in (*lines, *bodies):
        line.close()


def _row(file: str, mutation: str, door: str, outcome: Outcome, reason: str, megabytes: float) -> Row:
    return reckoning.row(file, mutation, door, outcome, reason, megabytes, 0.0)
