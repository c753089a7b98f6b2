"""HAPI FHIR, the R4 server: `peers/hapi`, in memory, one bearer token."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from tests.kit.peers import installed
from tests.kit.peers.running import running, says_ok
from transfer.embedded import ports


@dataclass(frozen=True, slots=True)
class Hapi:
    base: str
    token: str

    def put(self, resource: dict[str, Any]) -> str:
        """Have it hold a resource under the id it carries; its address."""
        address = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        self.ask("PUT", address, resource)
        return address

    def put_bytes(self, number: str, content: bytes, content_type: str) -> str:
        """A Binary, given as the bytes themselves (R4 binary, 2.1.5.4)."""
        address = f"{self.base}/Binary/{number}"
        self._request("PUT", address, content, content_type)
        return address

    def ask(self, method: str, address: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        data = json.dumps(body).encode() if body is not None else None
        answer: dict[str, Any] = json.loads(self._request(method, address, data, "application/fhir+json") or b"{}")
        return answer

    def count(self, search: str) -> int:
        return int(self.ask("GET", f"{self.base}/{search}&_summary=count")["total"])

    def forget_everything(self) -> None:
        """Every resource, and every search whose pages were being read."""
        everything = {"name": "expungeEverything", "valueBoolean": True}
        self.ask("POST", f"{self.base}/$expunge", {"resourceType": "Parameters", "parameter": [everything]})

    def _request(self, method: str, address: str, data: bytes | None, content_type: str) -> bytes:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type, "Prefer": "return=minimal"}
        for pause in (0.2, 1.0, 3.0, None):
            answer = urllib3.request(method, address, body=data, headers=headers, retries=False, timeout=60.0)
            # Soon after everything was forgotten it may take what is new for a change of what is gone.
            if answer.status != 409 or b"HAPI-0826" not in answer.data or pause is None:
                break
            time.sleep(pause)
        assert answer.status in (200, 201, 204), (answer.status, answer.data[:2000])
        return answer.data


@contextmanager
def a_hapi(folder: Path) -> Iterator[Hapi]:
    java, program = installed.program("java"), installed.installed("hapi", "hapi/hapi-r4.jar")
    port = ports.free(["hapi"])["hapi"]
    peer = Hapi(f"http://127.0.0.1:{port}/fhir", "the-token-of-the-office")
    sized = ["-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Djava.io.tmpdir={folder}"]
    command: list[str | Path] = [
        java,
        *sized,
        f"-Dport={port}",
        f"-Dtoken={peer.token}",
        "-cp",
        f"{program}:{program.parent}/lib/*",
    ]
    is_up = f"{peer.base}/metadata"
    with running([*command, "HapiR4"], folder=folder, answers=lambda: says_ok(is_up), seconds=120):
        yield peer
