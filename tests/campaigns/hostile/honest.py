"""An honest sender beside the hostile ones, all the time: reports by MLLP, a post without its token by HTTP."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import urllib3

from tests.campaigns.hostile.table import Outcome, Row

#: seconds in which an honest message must be acknowledged, whatever goes on beside it
IN_TIME = 5.0


@dataclass(slots=True)
class Honest:
    mllp: int
    http: str
    served: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    def once(self) -> None:
        began = time.monotonic()
        try:
            self._report()
            self._post()
            self.served += 1
        except (OSError, AssertionError, urllib3.exceptions.HTTPError) as error:
            self.failures.append(type(error).__name__)
        self.slowest = max(self.slowest, time.monotonic() - began)

    def _report(self) -> None:
        message = a_report(f"HONEST{self.served}-{time.monotonic_ns()}")
        with socket.create_connection(("127.0.0.1", self.mllp), timeout=IN_TIME) as line:
            line.sendall(b"\x0b" + message + b"\x1c\r")
            answer = b""
            while b"\x1c\r" not in answer:
                more = line.recv(65536)
                assert more, "the door hung up"
                answer += more
        assert b"MSA|AA" in answer

    def _post(self) -> None:
        """It forgot its token, and is told so."""
        with urllib3.PoolManager(retries=False, timeout=IN_TIME) as pool:
            assert pool.request("POST", f"{self.http}/fhir").status == 401

    def row(self) -> Row:
        """What it lived through."""
        starved = self.failures or self.slowest > 2 * IN_TIME or not self.served
        told = f"{len(self.failures)} of {self.served + len(self.failures)} not served" if starved else "always served"
        return Row(
            file="an honest sender", mutation="beside all others", door="mllp and http",
            outcome=Outcome.STARVED if starved else Outcome.KEPT, reason=told, seconds=self.slowest,
        )  # fmt: skip


def a_report(control: str) -> bytes:
    return (
        f"MSH|^~\\&|PRAIRIELIS|PRAIRIE|RT|RT|20260901080000||ORU^R01|{control}|P|2.5.1\r"
        f"PID|1||H{control[-6:]}^^^PRAIRIE||Honest^Abe||19500101|M\r"
        "OBR|1||S26-1^PRAIRIELIS|11529-5^Pathology^LN|||20260830\rOBX|1|TX|22637-3^Dx^LN||Benign.||||||F\r"
    ).encode()


@contextmanager
def honest_beside(mllp: int, http: str, pause: float = 0.2) -> Iterator[Honest]:
    honest, over = Honest(mllp, http), threading.Event()

    def go_on() -> None:
        while not over.wait(pause):
            honest.once()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield honest
    finally:
        over.set()
        thread.join()
