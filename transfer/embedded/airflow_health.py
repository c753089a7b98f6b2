"""How Airflow's components are, by what its API server says of them all."""

import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from transfer.embedded.airflow import Airflow, Beat


class AirflowHealth:
    """Asked at most once a second for all who want to know."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow
        self._lock = threading.Lock()
        self._said: dict[str, Beat] = {}
        self._at = 0.0
        self._begun: dict[str, datetime] = {}

    def noting(
        self, component: str, start: Callable[[], subprocess.Popen[bytes]]
    ) -> Callable[[], subprocess.Popen[bytes]]:
        """The same start; the heartbeats of an earlier process say nothing about this one."""

        def begin() -> subprocess.Popen[bytes]:
            self._begun[component] = datetime.now(UTC)
            return start()

        return begin

    def is_well(self, component: str) -> bool:
        beat = self._now().get(component)
        if beat is None or not beat.is_healthy:
            return False
        return component == "api-server" or (beat.at is not None and beat.at > self._begun[component])

    def is_warm(self) -> bool:
        return self._airflow.warm_up() and self.is_well("api-server")

    def is_not_unwell(self, component: str) -> bool:
        """While the API server does not answer, nobody knows how the others are; it itself is then unwell."""
        beat = self._now().get(component)
        return beat.is_healthy if beat else component != "api-server"

    def _now(self) -> dict[str, Beat]:
        with self._lock:
            if time.monotonic() - self._at > 1.0:
                self._said = self._airflow.health()
                self._at = time.monotonic()
            return self._said
