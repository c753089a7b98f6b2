"""Doors that are full of callers nobody knows: who is honest is served all the same, and nothing is started anew.

`make hostile DOORS=full` does it for a minute. The short version stands in `test_hostile.py`.
"""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.campaigns.hostile.honest import a_report
from tests.campaigns.hostile.house_doors import Besieged
from tests.campaigns.hostile.memory import MOST_MB, most_mb, set_back
from tests.campaigns.hostile.table import Outcome, Row
from transfer import probe

#: seconds in which whoever is honest is answered
IN_TIME = 2.0
#: seconds until all of the crowd are at the doors
_GATHERS = 2.0
CROWD = tuple(f"127.0.0.{number}" for number in range(2, 10))
#: who is honest: by itself, and behind the same address as some of the crowd
HONEST = ("127.0.0.1", CROWD[0])


@dataclass(slots=True)
class Measured:
    """What was seen while the crowd was there."""

    served: dict[str, int] = field(default_factory=dict)
    #: seconds of the slowest, by who and where
    slowest: dict[str, float] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    most_mb: float = 0.0
    restarts: int = 0
    connected: dict[str, int] = field(default_factory=dict)


def measured(at: Besieged, seconds: float) -> Measured:
    """Let the crowd come for so long, and be honest beside it."""
    found, before = Measured(), _restarts(at)
    http = urlsplit(at.http.url).port or 80
    command = [sys.executable, "-m", "tests.campaigns.hostile.crowd", str(http), str(at.mllp), str(seconds + _GATHERS)]
    set_back(at.gateway)
    with subprocess.Popen([*command, *CROWD], stdout=subprocess.PIPE, text=True) as crowd:
        try:
            time.sleep(_GATHERS)
            until, number = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                number += 1
                _once(at, http, number, found)
                time.sleep(0.1)
            assert crowd.stdout
            found.connected = json.loads(crowd.stdout.readline())
        finally:
            crowd.kill()
    found.most_mb = most_mb(at.gateway)
    found.restarts = _restarts(at) - before
    return found


def _once(at: Besieged, http: int, number: int, found: Measured) -> None:
    document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"data": ""}}]}
    for host in HONEST:
        body = json.dumps({**document, "description": f"{host} {number}"}).encode()
        request = at.http.head("/fhir/DocumentReference", len(body)) + body
        frame = b"\x0b" + a_report(f"HONEST{host}-{number}-{time.monotonic_ns()}") + b"\x1c\r"
        _timed(f"http from {host}", found, host, http, request, b"HTTP/1.1 201")
        _timed(f"mllp from {host}", found, host, at.mllp, frame, b"MSA|AA")
    began = time.monotonic()
    if probe.ask(f"http://{_health(at)}/live")[0] != 200:
        found.failures.append("not live")
    found.slowest["live"] = max(found.slowest.get("live", 0.0), time.monotonic() - began)


def _timed(what: str, found: Measured, host: str, port: int, sent: bytes, wanted: bytes) -> None:
    began = time.monotonic()
    try:
        answer = _exchange(host, port, sent, until=wanted, seconds=5 * IN_TIME)
    except OSError as error:
        answer = type(error).__name__.encode()
    found.slowest[what] = max(found.slowest.get(what, 0.0), time.monotonic() - began)
    if wanted in answer:
        found.served[what] = found.served.get(what, 0) + 1
    else:
        found.failures.append(f"{what}: {answer[:40]!r}")


def _exchange(host: str, port: int, sent: bytes, *, until: bytes, seconds: float) -> bytes:
    """Send from this address, on a connection of its own; what comes until these bytes are there, or the end."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds, source_address=(host, 0)) as line:
        line.sendall(sent)
        while until not in answer and (more := line.recv(65536)):
            answer += more
    return answer


def rows(at: Besieged, seconds: float = 60.0) -> Iterator[Row]:
    """A row for whoever was honest, and one for the process behind the doors."""
    found = measured(at, seconds)
    for what, longest in found.slowest.items():
        wrong = [each for each in found.failures if each.startswith(what)]
        starved = wrong or longest > IN_TIME
        told = f"{found.served.get(what, 0)} served, {len(wrong)} not"
        yield Row(file="a crowd nobody knows", mutation=what, door="full", seconds=longest,
                  outcome=Outcome.STARVED if starved else Outcome.KEPT, reason=told)  # fmt: skip
    outcome = Outcome.SWELLED if found.most_mb > MOST_MB else Outcome.KEPT
    if found.restarts:
        outcome = Outcome.FELL
    came = ", ".join(f"{name} {count}" for name, count in found.connected.items())
    yield Row(file="a crowd nobody knows", mutation="the process", door="full", outcome=outcome,
              reason=f"started anew {found.restarts} times; {came}", megabytes=found.most_mb)  # fmt: skip


def _restarts(at: Besieged) -> int:
    return sum(each.restarts for each in at.house.system.status())


def _health(at: Besieged) -> str:
    names = at.house.settings.names
    return f"127.0.0.1:{names['TRANSFER_GATEWAY_HEALTH_PORT']}"


def told(found: Measured) -> str:
    """For whoever reads a test that failed."""
    return f"{found.failures[:5]} slowest {found.slowest} most {found.most_mb:.0f} MB restarts {found.restarts}"
