"""Studies from an archive that dies, grows, mixes patients, or sends gigabytes while everybody rings."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pydicom
import pytest

from tests.kit.acts import Journey, a_case, a_packet, eventually, started_again, steps_to_its_end, swept
from tests.kit.house import House
from tests.kit.processing import process_all, process_once
from tests.kit.staff import NURSE
from transfer import facts
from transfer.case import Stage
from transfer.flow import desk
from transfer.flow.desk import RequestAnswer
from transfer.flow.request import request
from transfer.holds import HoldAnswer
from transfer.ledger import records, rounds
from transfer.ledger.records import StoredRecord
from transfer.rounds import Dag

pytestmark = pytest.mark.servers

CHECKOUT = Path(__file__).parents[2]
#: the pause after a first cut is half a minute
LATER = timedelta(minutes=1)


class Fetches:
    """What the archive was asked for since this was made, by its own log."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._before = len(house.access_log("archive"))

    @property
    def _paths(self) -> list[list[str]]:
        asked = [line["path"] for line in self._house.access_log("archive")[self._before :]]
        return [path.removeprefix("/dicom-web/").split("/") for path in asked]

    @property
    def series(self) -> Counter[str]:
        """Retrieves of whole series."""
        return Counter(path[3] for path in self._paths if len(path) == 4 and path[2] == "series")

    @property
    def instances(self) -> Counter[str]:
        """Retrieves of single instances."""
        return Counter(path[5] for path in self._paths if len(path) == 6)


def begun(house: House, *, slices: int) -> Journey:
    """The form and the referral are here; nothing has been asked yet."""
    chart = house.a_patient(slices=slices)
    house.release_form(chart)
    process_all(house.services)
    return Journey(house, chart, house.referral(chart))


def study_of(journey: Journey) -> tuple[StoredRecord, list[str]]:
    """The study as it is kept, and the UIDs that its objects hold, as often as they hold them."""
    with journey.house.services.ledger.transaction() as tx:
        (kept,) = [kept for kept, _ in records.joined(tx, journey.case) if kept.kind == "images"]
        parts = records.parts(tx, kept)
    return kept, [i.sop_instance_uid for part in parts if part.series for i in part.series.instances]


def uids_of(journey: Journey) -> set[str]:
    """Every instance the chart has."""
    held = journey.chart["imaging"]["series"]
    return {f"{series['uid']}.{10_000 + n}" for series in held for n in range(1, series["instances"] + 1)}


def films(journey: Journey) -> str:
    return journey.house.request_states(journey.case)["film-room"]


def film_request(journey: Journey) -> str:
    return str(
        journey.row(
            "SELECT request FROM requests WHERE case_id = %s AND department = 'film-room'", journey.case
        ).request
    )


def in_packet(folder: Path) -> Counter[str]:
    """The instances in an unpacked packet."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.read_bytes()[128:132] == b"DICM"]
    read = [pydicom.dcmread(path, stop_before_pixels=True) for path in files if path.name != "DICOMDIR"]
    return Counter(str(image.SOPInstanceUID) for image in read)


def assert_whole(journey: Journey) -> None:
    kept, held = study_of(journey)
    assert kept.is_whole
    assert sorted(held) == sorted(uids_of(journey))
    with journey.house.services.ledger.transaction() as tx:
        for part in records.parts(tx, kept):
            assert part.series
            for instance in part.series.instances[:2]:
                body = b"".join(journey.house.services.vault.read(instance.location))
                assert hashlib.sha256(body).hexdigest() == instance.location.sha256
                assert instance.sop_instance_uid.encode() in body[:4096]


# --- a source that dies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("death", [{"die_after_bytes": 150_000}, {"die_after_instances": 4}])
def test_a_study_cut_off_is_never_complete_and_only_its_rest_is_asked_for(
    house: House, hours_pass: Callable[[timedelta], None], death: dict[str, int]
):
    house.behave("archive", deaths=1, **death)
    journey = begun(house, slices=10)
    first = Fetches(house)
    house.pathology_report(journey.chart)
    process_all(house.services)

    assert films(journey) == "partly"
    kept, held = study_of(journey)
    assert not kept.is_whole
    came = set(held)
    assert 0 < len(came) < len(uids_of(journey))
    assert "approve-partial" not in house.holds(journey.case)
    assert not first.instances
    assert max(first.series.values()) == 1

    rest = Fetches(house)
    hours_pass(LATER)
    process_all(house.services)
    assert films(journey) == "answered"
    assert not rest.series.keys() & first.series.keys() or not came
    assert rest.instances.keys() & came == set()
    assert set(rest.instances.values()) <= {1}
    assert_whole(journey)
    (completed,) = journey.facts(facts.RecordCompleted)
    assert completed.record == kept.id

    journey.say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: journey.folded.stage is Stage.DELIVERED)
    at_center = journey.at_center()
    assert not at_center["failures"]
    assert in_packet(Path(at_center["folder"])) == Counter(uids_of(journey))


def test_an_archive_killed_in_the_middle_is_asked_for_the_rest_when_it_is_back(
    house: House, hours_pass: Callable[[timedelta], None]
):
    house.behave("archive", bytes_per_second=60_000)
    journey = begun(house, slices=20)
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.worker", str(house.var)], cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    eventually(lambda: any(fact.document == "images" for fact in journey.facts(facts.RecordCollected)), 60)
    time.sleep(1)  # into the second series
    archive = house.system.pid("sandbox-archive")
    os.kill(archive, signal.SIGKILL)
    worker.communicate(timeout=30)
    assert films(journey) == "partly"
    kept, held = study_of(journey)
    assert not kept.is_whole
    assert 0 < len(held) < len(uids_of(journey))
    started_again(house, "sandbox-archive", archive)
    rest = Fetches(house)
    hours_pass(LATER)
    process_all(house.services)
    assert films(journey) == "answered"
    assert_whole(journey)
    assert not rest.instances.keys() & set(held)


def test_a_worker_killed_between_two_series_leaves_no_study_that_looks_whole(house: House):
    house.behave("oncology", answer="empty")
    journey = begun(house, slices=6)
    assert steps_to_its_end(house, process_all, 3, of="keep")
    kept, held = study_of(journey)
    assert not kept.is_whole
    assert held
    fetches = Fetches(house)
    swept(house)
    process_all(house.services)
    assert_whole(journey)
    assert len(fetches.series) == 1  # the one that was lost, not the one that was kept
    assert not fetches.instances


def test_a_source_that_always_breaks_off_is_asked_ever_more_seldom_and_a_person_hears_of_it(
    house: House, hours_pass: Callable[[timedelta], None]
):
    house.behave("archive", die_after_bytes=1000)
    journey = begun(house, slices=3)
    process_all(house.services)
    waits = []
    for _ in range(11):
        row = journey.row(
            "SELECT not_before - transfer.now() AS wait FROM requests WHERE request = %s", film_request(journey)
        )
        waits.append(row.wait)
        assert "source-does-not-answer" not in house.holds(journey.case)
        hours_pass(row.wait + timedelta(seconds=1))
        process_all(house.services)
    assert waits == sorted(waits)
    assert waits[-1] > timedelta(hours=4)
    assert films(journey) == "partly"
    assert "source-does-not-answer" in house.holds(journey.case)
    assert not [kept for kept in journey.facts(facts.RecordCollected) if kept.document == "images"]


# --- a study that is not what it seems --------------------------------------------------------------------------------


def test_a_study_that_mixes_patients_is_never_collected(house: House, hours_pass: Callable[[timedelta], None]):
    house.behave("archive", another_patient_from=3)
    journey = begun(house, slices=6)
    house.pathology_report(journey.chart)
    process_all(house.services)
    assert {"whose-answer", "source-unclear"} & house.holds(journey.case)
    with house.services.ledger.transaction() as tx:
        whole = [kept for kept, _ in records.joined(tx, journey.case) if kept.kind == "images" and kept.is_whole]
        held = [
            part
            for kept, _ in records.joined(tx, journey.case)
            if kept.kind == "images"
            for part in records.parts(tx, kept)
        ]
    mixed = max(journey.chart["imaging"]["series"], key=lambda series: series["instances"])["uid"]
    assert not whole
    assert mixed not in {part.series.series_instance_uid for part in held if part.series}
    assert "approve-partial" not in house.holds(journey.case)
    # The archive corrects it, and a person says so.
    house.behave("archive", another_patient_from=None)
    desk.answer_request(house.services, film_request(journey), RequestAnswer.AGAIN, actor=NURSE)
    process_all(house.services)
    assert_whole(journey)
    assert "approve-partial" in house.holds(journey.case)


def test_a_mixed_study_cut_off_before_the_other_patients_images_is_not_completed_with_them(
    house: House, hours_pass: Callable[[timedelta], None]
):
    house.behave("archive", another_patient_from=4, die_after_instances=2, deaths=1)
    journey = begun(house, slices=6)
    for _ in range(3):
        process_all(house.services)
        hours_pass(timedelta(hours=7))
    with house.services.ledger.transaction() as tx:
        assert not [k for k, _ in records.joined(tx, journey.case) if k.kind == "images" and k.is_whole]


def test_images_that_name_another_study_are_kept_and_count_once_a_person_has_looked(
    house: House, hours_pass: Callable[[timedelta], None]
):
    house.behave("archive", another_study_from=3)
    journey = begun(house, slices=6)
    house.pathology_report(journey.chart)
    process_all(house.services)

    kept, held = study_of(journey)
    assert sorted(held) == sorted(uids_of(journey))
    assert not kept.is_whole
    assert "images-misplaced" in house.holds(journey.case)
    assert "approve-partial" not in house.holds(journey.case)
    assert films(journey) == "answered"
    fetches = Fetches(house)
    hours_pass(timedelta(hours=7))
    process_all(house.services)
    assert not fetches.series
    assert not fetches.instances

    journey.say("images-misplaced", HoldAnswer.APPROVE)
    assert_whole(journey)
    assert len(journey.facts(facts.RecordCompleted)) == 1
    journey.say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: journey.folded.stage is Stage.DELIVERED)
    folder = Path(journey.at_center()["folder"])
    assert in_packet(folder) == Counter(uids_of(journey))
    named = json.loads((folder / "manifest.json").read_text())["otherwise_in_dicomdir"]
    assert {pydicom.dcmread(folder / path).StudyInstanceUID for path in named} == {
        f"{journey.chart['imaging']['study_uid']}.9"
    }
    assert len(named) == 4


def test_a_second_case_asks_about_misplaced_images_too_until_somebody_has_looked(house: House):
    house.behave("archive", another_study_from=3)
    journey = begun(house, slices=6)
    process_all(house.services)
    desk.close(house.services, journey.case, "not-coming", actor=NURSE)
    again = house.referral(
        journey.chart, number={"system": "urn:oid:2.16.840.1.113883.19.5.9", "value": "fourth-opinion"}
    )
    process_all(house.services)
    second = Journey(house, journey.chart, again)

    assert "images-misplaced" in house.holds(second.case)
    second.say("images-misplaced", HoldAnswer.APPROVE)
    assert_whole(second)


def test_of_an_archive_that_sends_the_whole_study_each_series_takes_its_own(house: House):
    house.behave("archive", brings="whole-study")
    journey = begun(house, slices=3)
    process_all(house.services)

    assert_whole(journey)
    assert not {"entries-unusable", "images-misplaced"} & house.holds(journey.case)
    with house.services.ledger.transaction() as tx:
        for part in records.parts(tx, study_of(journey)[0]):
            assert part.series
            assert {i.sop_instance_uid.rpartition(".")[0] for i in part.series.instances} == {
                part.series.series_instance_uid
            }


def test_an_archive_that_sends_only_anothers_images_is_a_question_and_not_silence(house: House):
    house.behave("archive", brings="another-series")
    journey = begun(house, slices=3)
    process_all(house.services)

    assert "source-unclear" in house.holds(journey.case)
    assert "cut-short" not in [word for moved in journey.facts(facts.RequestMoved) for word in moved.findings]
    assert not [kept for kept in journey.facts(facts.RecordCollected) if kept.document == "images"]


def test_a_study_that_grew_after_delivery_is_not_sent_without_a_persons_word(
    house: House, hours_pass: Callable[[timedelta], None]
):
    journey = a_packet(house, slices=3)
    house.process_until(lambda: journey.folded.stage is Stage.DELIVERED)
    assert "approve-delta" not in house.holds(journey.case)

    longest = max(journey.chart["imaging"]["series"], key=lambda series: series["instances"])
    house.behave("archive", slices=8, die_after_instances=1, deaths=1)
    grown = Fetches(house)
    desk.answer_request(house.services, film_request(journey), RequestAnswer.AGAIN, actor=NURSE)
    process_all(house.services)
    assert not study_of(journey)[0].is_whole  # one image of five came: that is not the study
    assert "approve-delta" not in house.holds(journey.case)
    hours_pass(LATER)
    process_all(house.services)
    assert not grown.series
    longest["instances"] = 8
    assert_whole(journey)
    assert "approve-delta" in house.holds(journey.case)
    assert journey.folded.newest_packet.planned.packet.endswith("-p1")

    journey.say("approve-delta", HoldAnswer.APPROVE)
    house.process_until(lambda: journey.folded.stage is Stage.DELIVERED and journey.packet.endswith("-p2"))
    assert in_packet(Path(journey.at_center()["folder"])) == Counter(uids_of(journey))
    assert "approve-delta" not in house.holds(journey.case)


def test_a_second_case_of_the_patient_joins_the_study_without_fetching_it_again(house: House):
    journey = a_case(house, slices=3)
    desk.close(house.services, journey.case, "not-coming", actor=NURSE)
    fetches = Fetches(house)
    again = house.referral(
        journey.chart, number={"system": "urn:oid:2.16.840.1.113883.19.5.9", "value": "third-opinion"}
    )
    process_all(house.services)
    second = Journey(house, journey.chart, again)
    assert second.patient == journey.patient
    assert not fetches.series
    assert_whole(second)
    assert study_of(second)[0].id == study_of(journey)[0].id


# --- much of it, while everybody rings --------------------------------------------------------------------------------


def fetched_while_rung(house: House, *, slices: int, rate: int) -> dict[str, Any]:
    """One worker fetches; ten times somebody rings, and a second worker processes what that owes."""
    house.behave("archive", rows=512, bytes_per_second=rate)
    journey = begun(house, slices=slices)
    fetches = Fetches(house)
    began = time.monotonic()
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.kit.worker", str(house.var)], cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    eventually(
        lambda: sum(fetches.series.values()) or house.request_states(journey.case).get("film-room") == "asking", 20
    )
    for _ in range(10):
        journey.ring(Dag.OPEN_CASE)
        process_once(house.services)
        time.sleep(0.1)
    orphaned(journey)
    assert worker.poll() is None, "too little was sent to see anything"
    said, _ = worker.communicate(timeout=280)
    took = time.monotonic() - began
    assert worker.returncode == 0
    process_all(house.services)
    assert_whole(journey)
    assert films(journey) == "answered"
    assert set(fetches.series.values()) == {1}
    assert fetches.series.keys() == {series["uid"] for series in journey.chart["imaging"]["series"]}
    assert not fetches.instances
    with house.services.ledger.transaction() as tx:
        made = tx.rows("SELECT state, outcome, attempts FROM due_runs WHERE subject = %s", journey.case)
        assert not tx.value("SELECT count(*) FROM vault_uploads WHERE patient = %s", journey.patient)
        size = tx.value(
            "SELECT sum(length) FROM record_parts JOIN collected USING (record) WHERE case_id = %s AND role = 'series'",
            journey.case,
        )
    assert {(one.state, one.outcome) for one in made} == {("done", "worked")}
    assert len(made) >= 2
    house.revocation(journey.chart)  # and all of it goes again
    process_all(house.services)
    journey.say("confirm-purge", HoldAnswer.PURGE)
    process_all(house.services)
    return {"bytes": int(size), "seconds": took, "peak": int(said) * 1024, "rounds": len(made)}


def orphaned(journey: Journey) -> None:
    """A second task of the same run makes the same request, as one does that was taken for dead."""
    services = journey.house.services
    with services.ledger.transaction() as tx:
        taken = rounds.join(tx, Dag.OPEN_CASE, journey.case, 1)
    assert taken
    request(services, taken, film_request(journey))


def test_a_study_fetched_while_the_case_is_rung_ten_times_is_fetched_once(house: House):
    seen = fetched_while_rung(house, slices=290, rate=40_000_000)
    assert seen["bytes"] > 150_000_000
    assert seen["peak"] < 300 << 20


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_and_a_half_gigabytes_fetched_while_the_case_is_rung_ten_times_are_fetched_once(house: House):
    seen = fetched_while_rung(house, slices=2900, rate=200_000_000)
    assert seen["bytes"] > 1_500_000_000
    assert seen["peak"] < 300 << 20
