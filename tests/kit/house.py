"""A whole installation for journeys: real parts, stand-in institutions, and hands to act as people do."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import urllib3

from tests.kit import warm_start
from tests.kit.centers import delivering
from tests.kit.clusters import copied
from tests.kit.processing import process_until
from tests.kit.seeds import a_seed
from transfer import wiring
from transfer.adapters import warm_process
from transfer.delivery import Delivery
from transfer.embedded.system import System
from transfer.flow.assess import Assessment, look
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.sandbox.charts import draw_chart
from transfer.settings import Settings

Chart = dict[str, Any]


@dataclass(frozen=True)
class House:
    """One installation. Without Airflow its rounds are processed by `tests.kit.processing`."""

    system: System
    settings: Settings
    services: Services

    @property
    def var(self) -> Path:
        return self.settings.var

    # --- people at the institutions -----------------------------------------------------------------------------------

    def order(self, institution: str, what: str, body: object = None, *, method: str = "POST") -> Any:
        """Tell a stand-in institution to do something (transfer/sandbox/README.md lists what)."""
        config = json.loads((self.var / "sandbox" / f"{institution}.json").read_text())
        headers = {"Authorization": f"Bearer {config['control_token']}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{config['port']}/_sandbox/{what}"
        with urllib3.PoolManager(retries=False, timeout=120) as http:
            answer = http.request(method, url, body=json.dumps(body or {}).encode(), headers=headers)
        assert answer.status < 300, answer.data
        return json.loads(answer.data)

    def behave(self, institution: str, **knobs: object) -> None:
        """A stand-in behaves so from now on. No department rests any more for what it did before."""
        self.order(institution, "behaviour", knobs)
        with self.services.ledger.transaction() as tx:
            tx.run("UPDATE queues SET failures = 0, silent_since = NULL, rests_until = NULL WHERE failures > 0")

    def a_patient(self, *, slices: int = 4, marked: str | None = None, disease: str = "colorectal") -> Chart:
        """A new synthetic patient whom oncology, pathology and archive know."""
        chart = draw_chart(a_seed(), marked=marked, slices=slices, disease=disease)
        for institution in ("oncology", "pathology", "archive"):
            self.order(institution, "patients", chart)
        return chart

    def release_form(self, chart: Chart, **overrides: object) -> None:
        """The oncology office files the patient's signed release form."""
        self.order("oncology", "send-release-form", {"chart": chart["id"], "overrides": overrides})

    def revocation(self, chart: Chart, **overrides: object) -> None:
        self.order("oncology", "revoke", {"chart": chart["id"], "overrides": overrides})

    def referral(self, chart: Chart, **overrides: object) -> CaseId:
        """The oncology office refers the patient. The case that was opened for it."""
        answer = self.order("oncology", "send-referral", {"chart": chart["id"], "overrides": overrides})
        arrival = json.loads(answer["body"])["entry"][0]["response"]["location"].split("/")[-1].rsplit("-", 1)[0]
        with self.services.ledger.transaction() as tx:
            return CaseId(tx.value("SELECT subject FROM arrivals WHERE arrival = %s", arrival))

    def pathology_report(self, chart: Chart, **how: object) -> Any:
        return self.order("pathology", "send-report", {"chart": chart["id"], **how})

    def access_log(self, institution: str) -> list[dict[str, Any]]:
        """What partners asked this institution, by its own log."""
        log: list[dict[str, Any]] = self.order(institution, "access-log", method="GET")
        return log

    # --- looking ------------------------------------------------------------------------------------------------------

    def assessment(self, case: CaseId) -> Assessment:
        with self.services.ledger.transaction() as tx:
            return look(tx, self.services, case)

    def request_states(self, case: CaseId) -> dict[str, str]:
        """State of each request, by department."""
        with self.services.ledger.transaction() as tx:
            rows = tx.rows("SELECT department, state FROM requests WHERE case_id = %s", case)
            return {row.department: row.state for row in rows}

    def holds(self, case: CaseId) -> set[str]:
        with self.services.ledger.transaction() as tx:
            return {hold.code for hold in tx.case(case).holds.values()}

    def delivering(self, deliver: Delivery) -> "House":
        """The same installation, whose centers wait for this before a packet goes."""
        return replace(self, services=delivering(self.services, deliver))

    def process_until(self, holds: Callable[[], object], seconds: float = 60.0) -> None:
        process_until(self.services, holds, seconds)


class _WarmSystem(System):
    """Its supervisor is a fork of the warm process, and so is what that starts."""

    def _begin(self) -> None:
        warm_start.begin()
        with patch("transfer.embedded.system.spawn", warm_start.spawn):
            super()._begin()


@contextmanager
def a_house(
    var: Path, *, airflow: bool = False, desk: bool = False, orthanc: bool = False, cold: bool = False, **environ: str
) -> Iterator[House]:
    """Everything up in `var`; down at the end, also when the test process dies.

    Its programs are forks of a warm process (tests/kit/warm_start.py). `cold`, where a test looks at what that changes.

    Where no Airflow processes the rounds, the centers wait for the slides too: so a test can stop before the packet
    goes. `House.delivering` has them wait for something else.
    """
    copied(var / "postgres")
    warm_process.begin()
    kind = System if cold else _WarmSystem
    system = kind(var, sandbox=True, airflow=airflow, desk=desk, orthanc=orthanc, environ=environ, dies_with_us=True)
    system.up()
    try:
        settings = Settings.load({}, var)
        with wiring.connect(settings, wiring.origin("test"), connections=8) as services:
            house = House(system=system, settings=settings, services=services)
            yield house if airflow else house.delivering(Delivery.WHEN_ALL)
    finally:
        system.down()
