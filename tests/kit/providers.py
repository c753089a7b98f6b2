"""The stand-in identity provider in a process of its own, and people who sign in there."""

import json
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from tests.kit import warm_start

CLIENT_SECRET = "desk: a secret"
PASSWORDS = {name: f"{name}'s password" for name in ("clerk", "officer", "privacy", "auditor", "operator")}


@dataclass(frozen=True)
class StandIn:
    """One provider that runs."""

    port: int
    control_token: str

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def behave(self, **knobs: object) -> None:
        """It behaves so from now on (transfer/sandbox/README.md lists the knobs)."""
        asked(
            "POST", f"{self.issuer}/_sandbox/behaviour", json.dumps(knobs), Authorization=f"Bearer {self.control_token}"
        )

    def behave_well(self) -> None:
        """It behaves as a provider should from now on."""
        self.behave(
            answer="normal", claims=["groups"], shape="list", groups={}, instead={}, signature="own", issuer=None
        )

    def access_log(self) -> list[dict[str, Any]]:
        """What it was asked, by its own log."""
        token = f"Bearer {self.control_token}"
        log: list[dict[str, Any]] = asked("GET", f"{self.issuer}/_sandbox/access-log", Authorization=token).json()
        return log


def asked(method: str, url: str, body: str | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
    """One answer, wherever it leads."""
    with urllib3.PoolManager(retries=False, timeout=30) as http:
        return http.request(method, url, body=body, headers=headers, redirect=False)


def typed(url: str, account: str, password: str) -> str:
    """Somebody types account and password at the address to which the desk led them. Where they are led then."""
    form = urlencode({"account": account, "password": password})
    answer = asked("POST", url, form, **{"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status == 303, answer.data
    return answer.headers["Location"]


@contextmanager
def a_provider(folder: Path, desk_url: str) -> Iterator[StandIn]:
    """The stand-in, with one client at `desk_url` whose id is `desk`; stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        stand_in = StandIn(int(probe.getsockname()[1]), "control: a token")
    config, passwords = folder / "openid.json", folder / "passwords.json"
    passwords.write_text(json.dumps(PASSWORDS), encoding="utf-8")
    said = {
        "port": stand_in.port,
        "folder": str(folder / "openid"),
        "control_token": stand_in.control_token,
        "desk_url": desk_url,
        "client_secret": CLIENT_SECRET,
        "passwords": str(passwords),
    }
    config.write_text(json.dumps(said), encoding="utf-8")
    process = warm_start.started([sys.executable, "-m", "transfer.sandbox", "openid", "--config", str(config)])
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                asked("GET", f"{stand_in.issuer}/_sandbox/health")
                break
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        yield stand_in
    finally:
        process.terminate()
        process.wait(timeout=20)


def path_of(url: str) -> str:
    """Path and query of an address."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"
