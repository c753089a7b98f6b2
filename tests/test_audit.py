"""The dependency audit says what it found, and where it could not ask it does not pretend to have."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

#: a service answers, and the program that asks it starts anew for each
pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[1]
LOCK = "sound==1.0 \\\n    --hash=sha256:00\nbrittle==2.0 ; python_version < '4' \\\n    --hash=sha256:01\n"
KNOWN = {
    "id": "PYSEC-2026-7",
    "aliases": ["CVE-2026-1234"],
    "summary": "It breaks.",
    "affected": [
        {
            "package": {"name": "brittle", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.1"}]}],
        }
    ],
}


class _Service(BaseHTTPRequestHandler):
    """An advisory service (OSV) on this machine. `says` is what it knows by package, or what is wrong with it."""

    says: dict[str, object] | str

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.says == "silence":
            time.sleep(4)
        status = 500 if self.says == "failure" else 200
        body = "not json" if self.says == "nonsense" else json.dumps(self._known(asked["package"]["name"]))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def _known(self, package: str) -> object:
        return {"vulns": [self.says[package]]} if isinstance(self.says, dict) and package in self.says else {}

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's word
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Who asks no longer."""


@pytest.fixture
def service() -> Iterator[_Server]:
    server = _Server(("127.0.0.1", 0), type("Service", (_Service,), {"says": {}}))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def audit(folder: Path, service: _Server | str, *more: str, accepted: str = "accepted = []\n") -> tuple[int, str]:
    (folder / "lock.txt").write_text(LOCK)
    (folder / "advisories.toml").write_text(accepted)
    address = service if isinstance(service, str) else f"http://127.0.0.1:{service.server_port}/v1/query"
    command = [sys.executable, str(ROOT / "requirements" / "audit.py"), "--service", address, *more]
    files = ["--lock", str(folder / "lock.txt"), "--accepted", str(folder / "advisories.toml")]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout


def an_acceptance(days: int, advisory: str = "CVE-2026-1234") -> str:
    until = datetime.now(UTC).date() + timedelta(days=days)
    return f'[[accepted]]\nid = "{advisory}"\nwhy = "nothing of ours calls it"\nuntil = {until}\n'


def test_what_has_no_known_advisory_passes_and_how_many_were_asked_about_is_said(tmp_path: Path, service: _Server):
    assert audit(tmp_path, service, "--demand") == (
        0,
        "Dependencies: 2 audited, 0 known vulnerabilities to deal with.\n",
    )


def test_a_known_vulnerability_fails_and_is_named_with_its_remedy(tmp_path: Path, service: _Server):
    service.RequestHandlerClass.says = {"brittle": KNOWN}

    code, told = audit(tmp_path, service)

    assert code == 1
    assert "brittle 2.0: PYSEC-2026-7, CVE-2026-1234 (fixed in 2.1)" in told


def test_one_that_is_accepted_is_shown_with_its_reason_and_passes_until_its_day(tmp_path: Path, service: _Server):
    service.RequestHandlerClass.says = {"brittle": KNOWN}

    code, told = audit(tmp_path, service, accepted=an_acceptance(0))
    assert (code, "nothing of ours calls it" in told, "CVE-2026-1234" in told) == (0, True, True)

    code, told = audit(tmp_path, service, accepted=an_acceptance(-1))
    assert (code, "which is over" in told) == (1, True)

    code, told = audit(tmp_path, service, accepted=an_acceptance(30, "CVE-1999-1"))
    assert (code, "not found any more: CVE-1999-1" in told) == (1, True)


@pytest.mark.parametrize("trouble", ["failure", "nonsense", "silence", "nobody"])
def test_where_the_service_cannot_be_asked_it_says_not_audited(tmp_path: Path, service: _Server, trouble: str):
    service.RequestHandlerClass.says = trouble
    where = "http://127.0.0.1:9/v1/query" if trouble == "nobody" else service
    began = time.monotonic()

    code, told = audit(tmp_path, where, "--seconds", "3")

    assert code == 0
    assert told.startswith("Dependencies: NOT AUDITED: ")
    assert "0 known" not in told
    assert time.monotonic() - began < 10


def test_where_it_is_demanded_not_audited_is_a_failure(tmp_path: Path):
    code, told = audit(tmp_path, "http://127.0.0.1:9/v1/query", "--demand")

    assert (code, "NOT AUDITED" in told) == (3, True)


def test_every_pin_of_the_lock_is_asked_about():
    sys.path.insert(0, str(ROOT / "requirements"))
    try:
        import audit as script  # type: ignore[import-not-found]
    finally:
        sys.path.pop(0)
    lock = ROOT / "requirements" / "lock.txt"

    assert len(script.pins(lock)) == sum("==" in line and line[0] not in " #" for line in lock.read_text().splitlines())
    assert script.accepted(ROOT / "requirements" / "advisories.toml") == []
