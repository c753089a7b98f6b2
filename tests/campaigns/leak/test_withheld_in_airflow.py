"""What Airflow shows of a case of which something was withheld reads as if there had been nothing to withhold.

Asked is Airflow's own API, behind all of its pages: runs, tasks and their tries, logs, what tasks give to each other,
rendered fields, links and the audit log.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest

from tests.campaigns.leak.alike import TELLING, neutral, two_alike
from tests.kit.auditor import Auditor
from tests.kit.auditor import eventually as eventually_within
from tests.kit.house import Chart, House
from tests.kit.staff import ANN
from transfer.case import Stage
from transfer.flow import desk
from transfer.identifiers import CaseId
from transfer.packet import NOTICE
from transfer.rounds import Dag

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(900)]

PAIRS = (("molecular", "HIV"), ("progress", "SUD"), ("treatment", "PSY"))
eventually = partial(eventually_within, seconds=400.0)

#: what is another for each run, and says when, where or how fast
_ITS_OWN = re.compile(
    r".*(_date|_at|_after|_time|_when|when|start|end|duration|hostname|pid|timestamp|job|id|_number|try_number|min|max|"
    r"dag_version|bundle_version|version_number|thread_name|lineno)$"
)
#: as Python and Airflow write what is another each time: moments, addresses, traces, how many at once, numbers
_AS_PYTHON = (
    (re.compile(r"datetime\.datetime\([^)]*\)+"), "TIME"),
    (re.compile(r"\b0x[0-9a-f]+|\b[0-9a-f]{32}\b|\b[0-9a-f]{16}\b"), "N"),
    (re.compile(r"'ID'(, 'ID')+"), "'ID'"),
    (re.compile(r"\d+"), "N"),
)
#: of a run: each word that stands there
_OF_RUN = ("", "/taskInstances", "/upstreamAssetEvents")
#: of a task of a run, mapped or not
_OF_TASK = ("{one}", "{one}/tries", "{one}/dependencies", "{task}/xcomEntries?{at}", "{task}/links?{at}",
            "{task}/logs/1?full_content=true&{at}")  # fmt: skip


@pytest.fixture(scope="module")
def house(airflow_house: House) -> House:
    return airflow_house


@pytest.fixture(scope="module")
def auditor(house: House) -> Auditor:
    return Auditor(house)


def begun(house: House, chart: Chart) -> CaseId:
    for institution in ("oncology", "pathology", "archive"):
        house.order(institution, "patients", chart)
    house.release_form(chart)
    # Else one case is asked for under its form at once, and another that is alike a round later.
    eventually("its form has been read", lambda: not stored(house))
    return house.referral(chart)


def stored(house: House) -> int:
    with house.services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM arrivals WHERE state = 'stored' AND kind <> 'referral'"))


def is_fetched(house: House, case: CaseId) -> bool:
    states = house.request_states(case)
    return all(states.get(one) == "answered" for one in ("records-office", "film-room")) and is_at_rest(house, case)


def is_over(house: House, case: CaseId) -> bool:
    with house.services.ledger.transaction() as tx:
        is_delivered = tx.case(case).stage is Stage.DELIVERED
    return is_delivered and is_at_rest(house, case)


def is_at_rest(house: House, case: CaseId) -> bool:
    """Each of its rounds is done, and its run carries the last sentence of the round and not one on the way there."""
    with house.services.ledger.transaction() as tx:
        return not tx.value(
            "SELECT count(*) FROM due_runs WHERE subject LIKE %s AND (state <> 'done' OR is_behind)", f"{case}%"
        )


@pytest.fixture(scope="module")
def cases(house: House) -> dict[str, tuple[CaseId, CaseId]]:
    """The case that had something withheld, and the one that had nothing, for each label.

    One after the other, and a step when the one before is over. A department answers some cases at a time: of several
    at once one waits for its turn and says so, and that is no difference between the two of a pair.
    """
    found = {}
    for document, code in PAIRS:
        with_it, without_it = two_alike(document, code)
        found[code] = (delivered(house, with_it), delivered(house, without_it))
    return found


def delivered(house: House, chart: Chart) -> CaseId:
    case = begun(house, chart)
    eventually("its records are fetched", partial(is_fetched, house, case))
    desk.approve(house.services, case, actor=ANN, without=house.assessment(case).lacking)
    eventually("it is delivered", partial(is_over, house, case))
    return case


def without_own(said: object) -> object:
    """Whatever JSON says, without what is another each time."""
    if isinstance(said, dict):
        return {name: without_own(value) for name, value in said.items() if not _ITS_OWN.fullmatch(name)}
    return [without_own(one) for one in said] if isinstance(said, (list, tuple)) else said


def words_in(said: object) -> Iterator[str]:
    """Each value with its name, and each line of a text."""
    if isinstance(said, dict):
        for name, value in said.items():
            yield from (f"{name}: {one}" for one in words_in(value))
    elif isinstance(said, (list, tuple)):
        for one in said:
            yield from words_in(one)
    elif isinstance(said, str):
        yield from said.splitlines()
    else:
        yield json.dumps(said)


def shown(auditor: Auditor, case: CaseId) -> tuple[set[str], str]:
    """All that Airflow says of a case, word by word and without what is its own; and the same as it stands there."""
    said: list[object] = []
    runs = auditor.runs(case)
    assert {run["dag_id"] for run in runs} >= {Dag.OPEN_CASE, Dag.RELEASE_PACKET, Dag.SETTLE_DELIVERY}
    for run in runs:
        dag, number = run["dag_id"], quote(run["dag_run_id"])
        base = f"/dags/{dag}/dagRuns/{number}"
        said += [answered(auditor, f"{base}{path}") for path in _OF_RUN]
        said += [answered(auditor, f"/eventLogs?dag_id={dag}&run_id={number}&limit=100")]
        for task in answered(auditor, f"{base}/taskInstances")["task_instances"]:
            place, at = f"{base}/taskInstances/{task['task_id']}", f"map_index={task['map_index']}"
            one = place if task["map_index"] < 0 else f"{place}/{task['map_index']}"
            said += [auditor.ask("GET", path.format(one=one, task=place, at=at)) for path in _OF_TASK]
            for left in answered(auditor, f"{place}/xcomEntries?{at}")["xcom_entries"]:
                said.append(answered(auditor, f"{place}/xcomEntries/{quote(left['key'])}?stringify=true&{at}"))
    whole = json.dumps(said)
    words = {plain(one) for each in said for one in words_in(without_own(each))}
    return words, whole


def plain(text: str) -> str:
    text = neutral(re.sub(r"'traceparent': '[^']*'", "TRACE", text))
    for own, stands in _AS_PYTHON:
        text = own.sub(stands, text)
    return text


def answered(auditor: Auditor, path: str) -> Any:
    status, said = auditor.ask("GET", path)
    assert status == 200, (path, status)
    return said


@pytest.mark.parametrize("code", [code for _, code in PAIRS])
def test_airflow_says_the_same_of_a_case_with_something_withheld(
    auditor: Auditor, cases: dict[str, tuple[CaseId, CaseId]], code: str
) -> None:
    (one, one_whole), (other, _) = (shown(auditor, case) for case in cases[code])

    assert one - other == set()
    assert other - one == set()
    assert len(one) > 100
    assert not TELLING.search(one_whole.replace(NOTICE, ""))


def test_nothing_that_airflow_keeps_for_all_says_that_something_was_withheld(
    auditor: Auditor, cases: dict[str, tuple[CaseId, CaseId]]
) -> None:
    assert cases
    today = quote(datetime.now(UTC).date().isoformat())
    for path in (
        f"/dags/{Dag.RECEIVE_ARRIVALS}/dagRuns?limit=100&run_after_gte={today}T00:00:00Z",
        f"/dags/{Dag.RECEIVE_ARRIVALS}/dagRuns/~/taskInstances?limit=100",
        "/eventLogs?limit=100",
        "/assets",
        "/assets/events?limit=100",
        "/variables",
        "/connections",
        "/importErrors",
        "/dagWarnings",
    ):
        assert not TELLING.search(json.dumps(answered(auditor, path))), path
