"""Where there is no Airflow: one worker process processes what is owed, and time flies, so that leases lapse soon.

`python -m tests.campaigns.chaos.campaign_worker VAR` is the worker. As the dispatcher's sweep does, it takes up rounds
whose worker died.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psycopg

from tests.kit.house import House
from tests.kit.processing import process_once
from transfer import wiring
from transfer.errors import TransferError
from transfer.flow.services import Services
from transfer.ledger import rounds, turns
from transfer.rounds import LEASE
from transfer.settings import Settings


class Worker:
    """The process, started again when it was killed."""

    def __init__(self, var: Path) -> None:
        self._command = [sys.executable, "-m", "tests.campaigns.chaos.campaign_worker", str(var)]
        self._log = (var / "log" / "worker.log").open("ab")
        self._process = self._begun()

    def pid(self) -> int | None:
        return self._process.pid if self._process.poll() is None else None

    def look(self) -> None:
        if self._process.poll() is not None:
            self._process = self._begun()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _begun(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdout=self._log, stderr=self._log)


@contextmanager
def a_worker(house: House) -> Iterator[Worker]:
    """A worker for this house, where every two seconds are longer than a lease."""
    worker, over = Worker(house.var), threading.Event()
    hurry = threading.Thread(target=_hurry, args=(house, over), daemon=True)
    hurry.start()
    try:
        yield worker
    finally:
        over.set()
        hurry.join()
        worker.end()


def _hurry(house: House, over: threading.Event) -> None:
    while not over.wait(2.0):
        with suppress(psycopg.OperationalError), psycopg.connect(house.settings.owner_database_url) as owner:
            owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [LEASE + timedelta(seconds=5)])


def main() -> None:
    with wiring.connect(Settings.load({}, Path(sys.argv[1])), wiring.origin("test")) as services:
        while True:
            try:
                if not process_once(services):
                    _take_up(services)
                    time.sleep(0.1)
            except TransferError as error:
                sys.stderr.write(f"{type(error).__name__}: {error}\n")
                time.sleep(0.2)


def _take_up(services: Services) -> None:
    with services.ledger.transaction() as tx:
        turns.sweep(tx)
    with services.ledger.transaction() as tx:
        for one in rounds.unfinished(tx):
            rounds.again(tx, one, "failed")


if __name__ == "__main__":
    main()
