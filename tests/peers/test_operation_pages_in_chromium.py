"""The pages of operation in a browser: nothing wrong by axe-core, and nothing wider than a telephone."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.certificates import certificates
from tests.kit.peers.for_everybody import barriers
from tests.kit.scripted_airflow import ScriptedAirflow
from tests.kit.sites import a_site, looking_at
from transfer import facts
from transfer.adapters.airflow_api import AirflowApi
from transfer.alerts import AlertCode, Trouble
from transfer.ledger import alerts
from transfer.pages.desk import downtime
from transfer.rights import Role
from transfer.rounds import Dag

pytestmark = pytest.mark.servers


@pytest.fixture
def airflow() -> Iterator[ScriptedAirflow]:
    server = ScriptedAirflow()
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def pages(ledger, airflow: ScriptedAirflow, folder: Path) -> dict[str, str]:
    """Where all is well, where much is wrong, and the interfaces tried."""
    shown = {}
    known = certificates(folder / "tls", days=90)
    api = AirflowApi(airflow.url, "dispatcher", "secret")
    site = a_site(ledger, folder, airflow=api, TRANSFER_TLS_CERTIFICATE=str(known.files["certificate"]))
    desk = Desk(b.new_services(ledger, site=looking_at(site)))
    desk.sign_in(Role.OPERATOR)
    with ledger.transaction() as tx:
        for fact in (
            facts.BackedUp(backup="b", lapses="2026-12-01", objects=0),
            facts.RestoreTested(backup="b", taken="2026-11-01", objects=0, chains=1),
        ):
            tx.append(facts.SYSTEM, fact)
    shown["well"] = desk.get("/desk/operation").text
    airflow.dags[Dag.OPEN_CASE]["is_paused"] = airflow.dags[Dag.HOUSEKEEPING]["has_import_errors"] = True
    wrong = replace(
        site,
        limits=replace(site.limits, free_percent=100, certificate=timedelta(days=100)),
        mistakes=("mercy-imaging.yaml: departments.0.asked: not an address that begins with https://",),
        settings=replace(site.settings, names={**site.settings.names, "TRANSFER_GATEWAY_HEALTH": "127.0.0.1:9"}),
    )
    (folder / "outbox").mkdir()
    (folder / "outbox" / "a.eml").touch()
    day = (datetime.now(UTC) - timedelta(days=1)).timestamp()
    os.utime(folder / "outbox" / "a.eml", (day, day))
    desk = Desk(b.new_services(ledger, site=looking_at(wrong)))
    desk.sign_in(Role.OPERATOR)
    with ledger.transaction() as tx:
        overdue = Trouble(code=AlertCode.CASES_OVERDUE, about=b.SUMMIT, amount=3)
        alerts.notice(tx, overdue)
        for one in alerts.unfinished(tx):
            alerts.begin(tx, one, overdue, ())
    shown["wrong"] = desk.get("/desk/operation?left=0").text
    shown["interfaces"] = desk.get("/desk/operation/interfaces").text
    b.a_case_without_slides(desk.services)
    (folder / "sheets").mkdir(mode=0o700)
    sheet = downtime.write_if_due(desk.services, folder / "sheets")
    assert sheet
    return shown | {"downtime": sheet.read_text()}


def test_the_pages_of_operation_are_for_everybody(ledger, airflow: ScriptedAirflow, tmp_path: Path):
    with ExitStack() as opened:
        window: Window = opened.enter_context(a_window())
        assert barriers(window, pages(ledger, airflow, tmp_path), prefix="operation-") == []
