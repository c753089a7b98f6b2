"""Doors that are full of callers nobody knows: who is honest is served all the same, and nothing is started anew.

`make hostile DOORS=full` does it for a minute, `DOORS=full-tls` where the doors speak TLS. The short versions stand in
`test_hostile.py`.
"""

import json
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.campaigns.hostile.honest import a_report
from tests.campaigns.hostile.house_doors import Besieged, besieged
from tests.campaigns.hostile.memory import MOST_MB, most_mb, set_back
from tests.campaigns.hostile.table import Outcome, Row
from tests.kit.house import a_house
from tests.kit.peers.certificates import Certificates, certificates
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


def measured(at: Besieged, seconds: float, tls: Certificates | None = None) -> Measured:
    """Let the crowd come for so long, and be honest beside it. `tls`: what the doors show."""
    found, before = Measured(), _restarts(at)
    http = urlsplit(at.http.url).port or 80
    authority = str(tls.files["authority"]) if tls else "-"
    context = tls.client(shows_certificate=False) if tls else None
    command = [sys.executable, "-m", "tests.campaigns.hostile.crowd"]
    command += [str(http), str(at.mllp), str(seconds + _GATHERS), authority]
    set_back(at.gateway)
    with subprocess.Popen([*command, *CROWD], stdout=subprocess.PIPE, text=True) as crowd:
        try:
            time.sleep(_GATHERS)
            until, number = time.monotonic() + seconds, 0
            while time.monotonic() < until:
                number += 1
                _once(at, http, number, found, context)
                time.sleep(0.1)
            assert crowd.stdout
            found.connected = json.loads(crowd.stdout.readline())
        finally:
            crowd.kill()
    found.most_mb = most_mb(at.gateway)
    found.restarts = _restarts(at) - before
    return found


def _once(at: Besieged, http: int, number: int, found: Measured, tls: ssl.SSLContext | None) -> None:
    document = {"resourceType": "DocumentReference", "status": "current", "content": [{"attachment": {"data": ""}}]}
    for host in HONEST:
        body = json.dumps({**document, "description": f"{host} {number}"}).encode()
        request = at.http.head("/fhir/DocumentReference", len(body)) + body
        frame = b"\x0b" + a_report(f"HONEST{host}-{number}-{time.monotonic_ns()}") + b"\x1c\r"
        _timed(f"http from {host}", found, Sender(host, http, tls), request, b"HTTP/1.1 201")
        _timed(f"mllp from {host}", found, Sender(host, at.mllp, tls), frame, b"MSA|AA")
    began = time.monotonic()
    if probe.ask(f"http://{_health(at)}/live")[0] != 200:
        found.failures.append("not live")
    found.slowest["live"] = max(found.slowest.get("live", 0.0), time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who is honest: where it sits, and to which door it speaks, in which way."""

    host: str
    port: int
    tls: ssl.SSLContext | None


def _timed(what: str, found: Measured, sender: Sender, sent: bytes, wanted: bytes) -> None:
    began = time.monotonic()
    try:
        answer = _exchange(sender, sent, until=wanted, seconds=5 * IN_TIME)
    except OSError as error:
        answer = type(error).__name__.encode()
    found.slowest[what] = max(found.slowest.get(what, 0.0), time.monotonic() - began)
    if wanted in answer:
        found.served[what] = found.served.get(what, 0) + 1
    else:
        found.failures.append(f"{what}: {answer[:40]!r}")


def _exchange(sender: Sender, sent: bytes, *, until: bytes, seconds: float) -> bytes:
    """Send from this address, on a connection of its own; what comes until these bytes are there, or the end."""
    answer = b""
    with ExitStack() as open_now:
        line = socket.create_connection(("127.0.0.1", sender.port), timeout=seconds, source_address=(sender.host, 0))
        open_now.enter_context(line)
        if sender.tls:
            line = open_now.enter_context(sender.tls.wrap_socket(line, server_hostname="localhost"))
        line.sendall(sent)
        while until not in answer and (more := line.recv(65536)):
            answer += more
    return answer


@contextmanager
def by_tls(folder: Path) -> Iterator[tuple[Besieged, Certificates]]:
    """A house whose doors speak TLS, and what they show."""
    shown = certificates(folder / "tls")
    here, key = (str(shown.files[name]) for name in ("certificate", "key"))
    with (
        a_house(folder / "by-tls", cold=True, TRANSFER_TLS_CERTIFICATE=here, TRANSFER_TLS_KEY=key) as house,
        besieged(house) as at,
    ):
        yield at, shown


def rows(at: Besieged, tls: Certificates | None = None, seconds: float = 60.0) -> Iterator[Row]:
    """A row for whoever was honest, and one for the process behind the doors."""
    found = measured(at, seconds, tls)
    door = "full-tls" if tls else "full"
    for what, longest in found.slowest.items():
        wrong = [each for each in found.failures if each.startswith(what)]
        starved = wrong or longest > IN_TIME
        told = f"{found.served.get(what, 0)} served, {len(wrong)} not"
        yield Row(file="a crowd nobody knows", mutation=what, door=door, seconds=longest,
                  outcome=Outcome.STARVED if starved else Outcome.KEPT, reason=told)  # fmt: skip
    outcome = Outcome.SWELLED if found.most_mb > MOST_MB else Outcome.KEPT
    if found.restarts:
        outcome = Outcome.FELL
    came = ", ".join(f"{name} {count}" for name, count in found.connected.items())
    yield Row(file="a crowd nobody knows", mutation="the process", door=door, outcome=outcome,
              reason=f"started anew {found.restarts} times; {came}", megabytes=found.most_mb)  # fmt: skip


def _restarts(at: Besieged) -> int:
    return sum(each.restarts for each in at.house.system.status())


def _health(at: Besieged) -> str:
    names = at.house.settings.names
    return f"127.0.0.1:{names['TRANSFER_GATEWAY_HEALTH_PORT']}"


def told(found: Measured) -> str:
    """For whoever reads a test that failed."""
    return f"{found.failures[:5]} slowest {found.slowest} most {found.most_mb:.0f} MB restarts {found.restarts}"
