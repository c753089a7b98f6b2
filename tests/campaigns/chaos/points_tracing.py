"""Where a process can be killed: every line a verb executes, and what was done outside between two of them.

A killed process loses its memory and keeps what it did outside: transactions committed, objects written or removed,
messages sent, keys made or destroyed. Two lines with none of these between them are therefore the same place to die.
A *stretch* is what lies between two such effects.
"""

import asyncio.selector_events as asyncio_events
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import psycopg
import urllib3
from psycopg.pq import TransactionStatus

ROOT = Path(__file__).parents[3] / "transfer"

#: what writes: the verbs, the ledger, the vault, the keys, the wire towards others, the doors and the dispatcher
WRITING = (
    "flow/",
    "ledger/",
    "adapters/vault/",
    "adapters/keys.py",
    "adapters/keys_copy.py",
    "adapters/packet/assembly.py",
    "adapters/http/client.py",
    "adapters/fhir/receiver.py",
    "adapters/fhir/source.py",
    "adapters/dicomweb/client.py",
    "adapters/dicom/fetching.py",
    "adapters/dicom/series.py",
    "adapters/airflow_api.py",
    "gateway/intake.py",
    "gateway/fhir_door.py",
    "gateway/mllp/",
    "dispatcher.py",
)
#: what touches a file of keys: each line there is taken for an effect
_OF_KEYS = frozenset(f"FolderKeys.{name}" for name in ("make", "offer", "_add", "destroy", "_remove", "note_end"))
#: threads that renew leases and look at epochs and stops beside the work, whenever they like
_BESIDE = frozenset({"watch", "look", "write"})


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Point:
    """Just before this line is executed for the `visit`th time."""

    file: str
    line: int
    function: str
    visit: int = 1

    def __str__(self) -> str:
        again = f" for the {self.visit}. time" if self.visit > 1 else ""
        return f"{self.file}:{self.line} {self.function}{again}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A point as it was passed, and the number of the stretch it lies in."""

    point: Point
    stretch: int


class _Tracing:
    """Calls `_passed` at every line of the writing modules, in all threads but those beside the work."""

    def __init__(self) -> None:
        self._files: dict[CodeType, str | None] = {}
        self._visits: Counter[tuple[str, int, str]] = Counter()
        self._lock = threading.Lock()

    def start(self) -> None:
        threading.settrace(self._called)
        sys.settrace(self._called)

    def stop(self) -> None:
        sys.settrace(None)
        threading.settrace(None)

    def _called(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any] | None:
        file = self._file(frame.f_code)
        return self._line if file and self._is_traced(file, frame.f_code) and not _is_beside() else None

    def _file(self, code: CodeType) -> str | None:
        if code not in self._files:
            path = code.co_filename
            inside = path.removeprefix(f"{ROOT}/") if path.startswith(f"{ROOT}/") else ""
            self._files[code] = inside if inside.startswith(WRITING) else None
        return self._files[code]

    def _is_traced(self, file: str, code: CodeType) -> bool:
        raise NotImplementedError

    def _line(self, frame: FrameType, event: str, arg: object) -> Callable[..., Any]:
        if event == "line":
            with self._lock:
                code = frame.f_code
                where = (self._files[code] or "", frame.f_lineno, code.co_qualname)
                self._visits[where] += 1
                file, line, function = where
                self._passed(Point(file=file, line=line, function=function, visit=self._visits[where]))
        return self._line

    def _passed(self, point: Point) -> None:
        raise NotImplementedError


def _is_beside() -> bool:
    return threading.current_thread().name in _BESIDE


class Recorder(_Tracing):
    """Writes down every moment of a run, and notices what is done outside."""

    def __init__(self) -> None:
        super().__init__()
        self.moments: list[Moment] = []
        self._stretch = 0

    def start(self) -> None:
        self._notice_commits()
        self._notice_the_wire()
        super().start()

    def _is_traced(self, file: str, code: CodeType) -> bool:
        return True

    def _passed(self, point: Point) -> None:
        if point.file == "adapters/keys_copy.py" or point.function in _OF_KEYS:
            self._stretch += 1
        self.moments.append(Moment(point, self._stretch))

    def _effect(self) -> None:
        with self._lock:
            self._stretch += 1

    def _notice_commits(self) -> None:
        """Of transactions that wrote something: what only read leaves nothing outside."""
        commit = psycopg.Connection.commit
        recorder = self

        def noticed(connection: psycopg.Connection[Any]) -> None:
            wrote = False
            if connection.info.transaction_status == TransactionStatus.INTRANS:
                found = connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
                wrote = found is not None and found[0] is not None
            commit(connection)
            if wrote:
                recorder._effect()

        psycopg.Connection.commit = noticed  # type: ignore[method-assign, assignment]

    def _notice_the_wire(self) -> None:
        """Every exchange that is more than a look, whatever comes of it, and every answer of a door."""
        urlopen = urllib3.HTTPConnectionPool.urlopen
        write = asyncio_events._SelectorSocketTransport.write  # type: ignore[attr-defined]
        recorder = self

        def exchanged(pool: Any, method: str, url: str, *values: Any, **named: Any) -> Any:
            try:
                return urlopen(pool, method, url, *values, **named)
            finally:
                if method not in ("GET", "HEAD"):
                    recorder._effect()

        def answered(transport: Any, data: Any) -> None:
            write(transport, data)
            recorder._effect()

        urllib3.HTTPConnectionPool.urlopen = exchanged  # type: ignore[method-assign, assignment]
        asyncio_events._SelectorSocketTransport.write = answered  # type: ignore[attr-defined]


class Deadly(_Tracing):
    """Ends the process at a point, with no time to tidy up."""

    def __init__(self, point: Point) -> None:
        super().__init__()
        self._point = point

    def _is_traced(self, file: str, code: CodeType) -> bool:
        return file == self._point.file and code.co_qualname == self._point.function

    def _passed(self, point: Point) -> None:
        if point == self._point:
            os._exit(9)


# --- choosing ---------------------------------------------------------------------------------------------------------


def listed(moments: list[Moment]) -> list[Point]:
    """Every line, at its first visit, in the order in which they are reached."""
    return list(dict.fromkeys(moment.point for moment in moments if moment.point.visit == 1))


def ends_of_stretches(moments: list[Moment]) -> list[Point]:
    """The first and the last point of each stretch: just after what was done outside, and just before the next."""
    first: dict[int, Point] = {}
    last: dict[int, Point] = {}
    for moment in moments:
        first.setdefault(moment.stretch, moment.point)
        last[moment.stretch] = moment.point
    return list(dict.fromkeys(point for stretch in first for point in (first[stretch], last[stretch])))


def thinned(points: list[Point]) -> list[Point]:
    """Of a line that a loop comes to again and again: the first two times and the last."""
    by_line: dict[tuple[str, int, str], list[Point]] = {}
    for point in points:
        by_line.setdefault((point.file, point.line, point.function), []).append(point)
    kept = {point for same in by_line.values() for point in (*same[:2], same[-1])}
    return [point for point in points if point in kept]


def spread(points: list[Point], most: int) -> list[Point]:
    """So many of them at the most, the first and the last among them."""
    if len(points) <= most:
        return points
    return [points[number * (len(points) - 1) // (most - 1)] for number in range(most)]
