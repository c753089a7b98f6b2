"""Nothing is asked, collected or handed over without a legal basis in force at that moment."""

import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kit.house import Chart, House, a_house
from tests.kit.processing import process_all, process_once
from tests.kit.staff import NURSE
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk
from transfer.identifiers import CaseId
from transfer.ledger import permissions

pytestmark = pytest.mark.servers

HOUR = timedelta(hours=1)
ASKED = {"records-office", "film-room"}


def day(offset: int) -> str:
    return (datetime.now(UTC) + timedelta(days=offset)).date().isoformat()


class Log:
    """What an institution was asked since this was made, by its own access log."""

    def __init__(self, house: House, *institutions: str) -> None:
        self._house = house
        self._before = {one: len(house.access_log(one)) for one in institutions}

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [line for one, before in self._before.items() for line in self._house.access_log(one)[before:]]

    @property
    def has_repetitions(self) -> bool:
        """The same was asked twice. Further pages are asked for by a name that is new each time, and left out."""
        firsts = [line for line in self.lines if "_getpages" not in line["parameters"]]
        said = [json.dumps([line["path"], line["query"]]) for line in firsts]
        return len(said) > len(set(said))


def findings(house: House, case: CaseId) -> dict[str, set[str]]:
    """Why each department is as it is, by the last fact about its request."""
    with house.services.ledger.transaction() as tx:
        asked = tx.case(case).requests.values()
        return {one.made.department: set(one.moved.findings if one.moved else ()) for one in asked}


def rounds_of(house: House, case: CaseId) -> int:
    with house.services.ledger.transaction() as tx:
        return int(tx.value("SELECT count(*) FROM due_runs WHERE dag_id = 'open_case' AND subject = %s", case))


def times_asked(house: House, case: CaseId, department: str) -> int:
    """How often we wrote that we ask this department."""
    with house.services.ledger.transaction() as tx:
        lines = tx.lines(Chain.case(case))
        request = tx.value("SELECT request FROM requests WHERE case_id = %s AND department = %s", case, department)
    moved = [line.fact for line in lines if isinstance(line.fact, facts.RequestMoved)]
    return sum(fact.request == request and fact.state == "asking" for fact in moved)


def permission_of(house: House, case: CaseId) -> str:
    with house.services.ledger.transaction() as tx:
        opened = tx.case(case).opened
        assert opened is not None
        (filed,) = [one for one in permissions.filed(tx, opened.patient) if one.permission.ended is None]
        return filed.permission.id


def assert_never_asked(house: House, case: CaseId, log: Log, finding: str) -> None:
    assert log.lines == []
    states = house.request_states(case)
    assert {states[department] for department in (*ASKED, "report-desk")} == {"not-permitted"}
    assert all(finding in found for found in findings(house, case).values())
    sentence = house.assessment(case).sentence
    assert "release form (lakeside-oncology)" in sentence
    assert "release form (mercy-imaging)" in sentence
    assert "\n" not in sentence


def assert_goes_on_once(house: House, case: CaseId, log: Log) -> None:
    house.process_until(lambda: set(house.request_states(case).values()) == {"answered", "expected"})
    process_all(house.services)
    assert rounds_of(house, case) == 2
    assert [times_asked(house, case, department) for department in sorted(ASKED)] == [1, 1]
    assert not log.has_repetitions
    assert "release form" not in house.assessment(case).sentence


DEFECTS = {
    "expired": ({"starts_on": day(-90), "expires_on": day(-2)}, "expired-date"),
    "not in force yet": ({"starts_on": day(9)}, "not-yet-in-force"),
    "for another recipient": ({"recipients": ["lakeside-oncology"]}, "not-this-recipient"),
    "unsigned": ({"signed_at": None}, "signature-missing"),
    "a statement is missing": ({"statements": ["revoke", "condition"]}, "statement-missing-redisclose"),
    "entered in error": ({"status": "entered-in-error"}, "entered-in-error"),
    "a draft": ({"status": "draft"}, "not-filed"),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_under_a_form_that_does_not_hold_nobody_is_asked_until_the_right_one_comes(
    house: House, hours_pass: Callable[[timedelta], None], defect: str
):
    overrides, finding = DEFECTS[defect]
    chart = house.a_patient(slices=2)
    log = Log(house, "oncology", "archive")
    house.release_form(chart, **overrides)
    process_all(house.services)
    case = house.referral(chart)
    process_all(house.services)
    assert_never_asked(house, case, log, finding)

    hours_pass(HOUR)
    house.release_form(chart)  # the same form, put right: it carries the same number
    assert_goes_on_once(house, case, log)


def test_without_a_form_nobody_is_asked_and_the_form_of_an_hour_later_starts_the_second_round(
    house: House, hours_pass: Callable[[timedelta], None]
):
    chart = house.a_patient(slices=2)
    log = Log(house, "oncology", "archive")
    case = house.referral(chart)
    process_all(house.services)
    assert_never_asked(house, case, log, "no-form")

    hours_pass(HOUR)
    house.release_form(chart)
    assert_goes_on_once(house, case, log)


def test_after_a_revocation_nobody_is_asked_and_the_revoked_form_does_not_come_back(
    house: House, hours_pass: Callable[[timedelta], None]
):
    chart = house.a_patient(slices=2)
    log = Log(house, "oncology", "archive")
    house.release_form(chart)
    house.revocation(chart)
    case = house.referral(chart)
    process_all(house.services)
    assert_never_asked(house, case, log, "revoked")

    house.release_form(chart)  # the old form once more: it was here before
    process_all(house.services)
    assert_never_asked(house, case, log, "revoked")

    hours_pass(HOUR)
    house.release_form(chart, number="F-NEW-" + chart["id"])
    assert_goes_on_once(house, case, log)


def test_a_pause_by_telephone_keeps_everybody_from_being_asked_until_it_is_over(house: House):
    chart = house.a_patient(slices=2)
    log = Log(house, "oncology", "archive")
    case = house.referral(chart)
    process_all(house.services)
    house.release_form(chart)
    process_once(house.services)  # the form is filed; the case has not looked yet
    permission = permission_of(house, case)
    desk.pause(house.services, permission, actor=NURSE)
    process_all(house.services)
    assert_never_asked(house, case, log, "paused")

    desk.resume(house.services, permission, actor=NURSE)
    house.process_until(lambda: set(house.request_states(case).values()) == {"answered", "expected"})
    assert [times_asked(house, case, department) for department in sorted(ASKED)] == [1, 1]


def test_a_form_that_expires_while_the_case_waits_stops_the_next_asking(
    house: House, hours_pass: Callable[[timedelta], None]
):
    chart = house.a_patient(slices=2)
    house.behave("archive", answer="error-503")
    house.release_form(chart, expires_on=day(3))
    process_all(house.services)
    case = house.referral(chart)
    house.process_until(lambda: times_asked(house, case, "film-room"))
    process_all(house.services)
    house.behave("archive", answer="normal")
    log = Log(house, "archive")
    hours_pass(timedelta(days=5))
    process_all(house.services)
    assert log.lines == []
    assert house.request_states(case)["film-room"] == "not-permitted"
    assert "expired-date" in findings(house, case)["film-room"]


# --- while a fetch runs -----------------------------------------------------------------------------------------------


@pytest.fixture
def slow_fetch(house: House) -> Iterator[Callable[[Chart], CaseId]]:
    """A case whose images are on their way, slowly."""
    with ThreadPoolExecutor() as background:
        fetching: list[Future[int]] = []

        def begin(chart: Chart) -> CaseId:
            house.behave("archive", bytes_per_second=60_000)
            case = house.referral(chart)
            fetching.append(background.submit(process_all, house.services))
            until = time.monotonic() + 20
            while house.request_states(case).get("film-room") != "asking":
                assert time.monotonic() < until, "the film room was never asked"
                time.sleep(0.05)
            time.sleep(1.0)  # the first bytes are here
            return case

        yield begin
        for one in fetching:
            one.result(30)


def images_of(house: House, case: CaseId) -> list[str]:
    with house.services.ledger.transaction() as tx:
        return [one.record for one in tx.case(case).records.values() if one.document == "images"]


def assert_stops_within(house: House, case: CaseId, seconds: float) -> None:
    began = time.monotonic()
    while house.request_states(case)["film-room"] == "asking":
        assert time.monotonic() - began < seconds, "the fetch goes on"
        time.sleep(0.05)


def test_a_revocation_stops_a_fetch_that_runs(house: House, slow_fetch: Callable[[Chart], CaseId]):
    chart = house.a_patient(slices=30)
    house.release_form(chart)
    process_all(house.services)
    case = slow_fetch(chart)
    collected = images_of(house, case)
    house.revocation(chart)
    assert_stops_within(house, case, 3.0)
    house.process_until(lambda: house.request_states(case)["film-room"] == "not-permitted")
    assert images_of(house, case) == collected
    assert "revoked" in findings(house, case)["film-room"]


def test_a_form_that_expires_stops_a_fetch_that_runs(
    house: House, slow_fetch: Callable[[Chart], CaseId], hours_pass: Callable[[timedelta], None]
):
    chart = house.a_patient(slices=30)
    house.release_form(chart, expires_on=day(3))
    process_all(house.services)
    case = slow_fetch(chart)
    collected = images_of(house, case)
    hours_pass(timedelta(days=5))
    assert_stops_within(house, case, 3.0)
    house.process_until(lambda: house.request_states(case)["film-room"] == "not-permitted")
    assert images_of(house, case) == collected
    assert "expired-date" in findings(house, case)["film-room"]


# --- treatment --------------------------------------------------------------------------------------------------------


@pytest.fixture
def house_with_treatment_archive() -> Iterator[House]:
    """An installation whose policy for the archive is treatment; the others' is authorization, as ever."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    partners = folder / "institutions"
    shutil.copytree(Path(__file__).parents[2] / "institutions", partners)
    said = yaml.safe_load((partners / "mercy-imaging.yaml").read_text())
    (partners / "mercy-imaging.yaml").write_text(yaml.safe_dump({**said, "requires": "treatment"}))
    with a_house(folder / "var", TRANSFER_INSTITUTIONS=str(partners)) as house:
        yield house
    shutil.rmtree(folder, ignore_errors=True)


def test_an_institution_on_treatment_basis_is_asked_without_a_form_and_the_disclosure_names_that_basis(
    house_with_treatment_archive: House,
):
    house = house_with_treatment_archive
    chart = house.a_patient(slices=2)
    log = Log(house, "oncology", "archive")
    case = house.referral(chart)
    process_all(house.services)
    assert house.request_states(case) == {
        "film-room": "answered", "records-office": "not-permitted", "report-desk": "not-permitted",
    }  # fmt: skip
    assert log.lines
    assert not any(line["path"].startswith("/fhir") for line in log.lines)

    # Its form names the others only: for the archive nothing rests on it.
    house.release_form(chart, disclosers=["lakeside-oncology", "prairie-pathology"])
    house.pathology_report(chart)
    house.process_until(lambda: "approve-partial" in house.holds(case))
    desk.approve(house.services, case, actor=NURSE)
    house.process_until(lambda: begun(house, case))
    (fact,) = begun(house, case)
    assert fact.bases == ("authorization", "treatment")
    assert len(fact.permissions) == 1
    with house.services.ledger.transaction() as tx:
        images = {one.basis for one in tx.case(case).records.values() if one.document == "images"}
    assert images == {"treatment"}


def begun(house: House, case: CaseId) -> list[facts.DisclosureBegun]:
    with house.services.ledger.transaction() as tx:
        return [line.fact for line in tx.lines(Chain.case(case)) if isinstance(line.fact, facts.DisclosureBegun)]
