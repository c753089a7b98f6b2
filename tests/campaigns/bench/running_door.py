"""The MLLP door of a whole installation that works: messages a second while cases are led, and what cases suffer.

One message in ten is a real report, with a PDF, of a patient whose case went before; the others are of people nobody
knows. Each sender waits for its answer. The other door is the same one at rest: what comes is stored, and Airflow is
told to leave it for later. Between two runs all that came is processed. Cases beside the messages are measured against
as many cases alone.

    python -m tests.campaigns.bench.running_door [CASES] [ROUNDS]
"""

import random
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tests.campaigns.bench.cases import CASES, Bench
from tests.campaigns.bench.intake import connected
from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.kit.auditor import Auditor, eventually
from tests.kit.doors import a_report, config
from tests.kit.house import Chart, House, a_house
from transfer.rounds import Dag
from transfer.sandbox.pathology import messages

SENDERS = 4
#: in one run: what they leave to be processed ends before the next run
MESSAGES = 600
#: of them, one in so many is a report of a patient we know
ONE_IN = 10
#: so many come as fast as they are answered; then nothing comes for a moment, so that they last as long as cases do
PORTION, _PAUSE_SECONDS = 100, 1.0
#: people nobody knows, each told of again and again
_STRANGERS = 200
_CONTROL = b"CONTROL-OF-A-MESSAGE"
_SECONDS_TO_PROCESS = 600


class Senders:
    """So many at the port of pathology, one message in flight on each."""

    def __init__(self, port: int, charts: list[Chart]) -> None:
        self._port = port
        dice, control = random.Random(7), _CONTROL.decode()
        reports = [a_report(chart, control_id=control) for chart in charts]
        others = [messages.about_nobody_known(dice, control) for _ in range(_STRANGERS)]
        self._written = [
            others[n % _STRANGERS] if n % ONE_IN else reports[n // ONE_IN % len(reports)] for n in range(MESSAGES)
        ]

    def send(self) -> float:
        """All messages once, in portions. Messages a second, without the pauses."""
        with ExitStack() as open_ones:
            wires = [open_ones.enter_context(connected(self._port)) for _ in range(SENDERS)]
            took = 0.0
            for at in range(0, MESSAGES, PORTION):
                unique, portion = f"{time.time_ns() // 1000:x}", self._written[at : at + PORTION]
                began = time.monotonic()
                with ThreadPoolExecutor(SENDERS) as senders:
                    lots = [portion[n::SENDERS] for n in range(SENDERS)]
                    list(senders.map(_send, wires, lots, [f"{unique}{n}" for n in range(SENDERS)]))
                took += time.monotonic() - began
                time.sleep(_PAUSE_SECONDS)
        return MESSAGES / took


def _send(wire: socket.socket, lot: Sequence[bytes], unique: str) -> None:
    for number, written in enumerate(lot):
        wire.sendall(b"\x0b" + written.replace(_CONTROL, f"{unique}{number}".encode()) + b"\x1c\r")
        answer = b""
        while not answer.endswith(b"\x1c\r"):
            answer += wire.recv(4096)
        assert b"\rMSA|AA|" in answer, "the door takes nothing now"


class Running:
    """An installation whose door is open while cases are led."""

    def __init__(self, house: House, cases: int) -> None:
        self._house = house
        self._auditor = Auditor(house)
        self.alone, self.beside = Bench(house, cases), Bench(house, cases)
        self.alone.ours()
        self._senders = Senders(config(house, "pathology")["gateway_mllp_port"], self.alone.charts)
        self._at_work = 0.0
        #: seconds from the last answer until all was processed, of each run beside cases
        self.until_processed: list[float] = []

    def cases_beside(self) -> float:
        """Cases a minute, while messages come."""
        rates: list[float] = []
        ended: list[float] = []

        def send() -> None:
            rates.append(self._senders.send())
            ended.append(time.monotonic())

        thread = threading.Thread(target=send)
        thread.start()
        rate = self.beside.ours()
        thread.join()
        self._wait_until_processed()
        self.until_processed.append(time.monotonic() - ended[0])
        self._at_work = rates[0]
        return rate

    def at_rest(self) -> float:
        """Messages a second while nothing is processed."""
        self._auditor.pause(Dag.RECEIVE_ARRIVALS)
        try:
            return self._senders.send()
        finally:
            self._auditor.pause(Dag.RECEIVE_ARRIVALS, is_paused=False)
            self._wait_until_processed()

    def at_work(self) -> float:
        """Messages a second in the last run beside cases."""
        return self._at_work

    def _wait_until_processed(self) -> None:
        eventually("all that came is processed", self._is_processed, _SECONDS_TO_PROCESS)

    def _is_processed(self) -> bool:
        with self._house.services.ledger.transaction() as tx:
            return not tx.value("SELECT EXISTS (SELECT 1 FROM arrivals WHERE state = 'stored')")


def main(cases: int = CASES, rounds: int = 2) -> None:
    with tempfile.TemporaryDirectory(prefix="rt-") as name, a_house(Path(name) / "var", airflow=True) as house:
        running = Running(house, cases)
        contests = [
            Contest(
                name=f"{cases} cases beside {MESSAGES} messages",
                unit="cases/min",
                ours=running.cases_beside,
                other=running.alone.ours,
                against="cases alone",
            ),
            Contest(  # of the run just before
                name=f"door of a working house, {SENDERS} senders",
                unit="msg/s",
                ours=running.at_work,
                other=running.at_rest,
                against="the door at rest",
            ),
        ]
        interleaved(contests, rounds)
        beside, alone = (
            statistics.median(ran.late for ran in some) for some in (running.beside.work, running.alone.work)
        )
        tell(
            Line(
                name="last arrival to receipt, p95, beside",
                figure=beside,
                unit="s",
                against="cases alone",
                other=alone,
                ratio=beside / alone,
            )
        )
        tell(Line(name="until all messages are processed", figure=statistics.median(running.until_processed), unit="s"))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
