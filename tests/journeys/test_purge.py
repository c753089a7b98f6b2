"""What is destroyed after a revocation is nowhere on the disk; a purge that was killed is finished, once."""

import base64
import secrets
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit.acts import Journey, a_case, a_packet, download, is_announced, link, steps_to_its_end, token
from tests.kit.disk_search import key_spellings, on_disk, spellings
from tests.kit.house import House
from tests.kit.processing import process_all
from transfer import facts
from transfer.errors import Unknown
from transfer.flow.assess import NextStep
from transfer.flow.enforce import enforce
from transfer.holds import HoldAnswer
from transfer.institutions import Institutions
from transfer.rounds import Dag
from transfer.sealing import KeyName
from transfer.staging import Location

pytestmark = pytest.mark.servers

SECOND = {"system": "urn:oid:2.16.840.1.113883.19.5.7", "value": "second"}

THIRD = {"system": "urn:oid:2.16.840.1.113883.19.5.7", "value": "third"}


def a_marker() -> str:
    """A word that occurs nowhere else."""
    return "ZQX" + "".join(chr(ord("A") + byte % 26) for byte in secrets.token_bytes(5))


def key_of(journey: Journey) -> bytes:
    return (journey.house.settings.keys / KeyName.patient(journey.patient)).read_bytes()


def objects_of(journey: Journey) -> set[str]:
    """The vault's objects that hold something of the patient."""
    patient = journey.patient
    with journey.house.services.ledger.transaction() as tx:
        rows = tx.rows(
            """SELECT vault_key FROM record_parts JOIN records USING (record) WHERE patient = %s
               UNION SELECT vault_key FROM arrivals WHERE patient = %s AND vault_key IS NOT NULL""",
            *(patient, patient),
        )
    return {row.vault_key for row in rows}


def is_there(house: House, key: str) -> bool:
    try:
        b"".join(house.services.vault.read_range(Location(key, 0, 1, "0" * 64), 0, 1))
    except Unknown:
        return False
    return True


class Trace:
    """What of a patient was on the disk, to be looked for again."""

    def __init__(self, journey: Journey, word: str) -> None:
        self.journey = journey
        self._objects = objects_of(journey)
        self._sought = spellings(word) | key_spellings(key_of(journey))
        assert all(is_there(journey.house, key) for key in self._objects)
        found = on_disk(journey.house, self._sought)
        assert any(line.startswith("store/") for line in found)
        assert any(line.startswith("keys/") for line in found)

    def assert_gone(self) -> None:
        house, journey = self.journey.house, self.journey
        assert on_disk(house, self._sought) == []
        assert not [key for key in self._objects if is_there(house, key)]
        with house.services.ledger.transaction() as tx:
            patient = journey.patient
            assert not tx.value("SELECT count(*) FROM vault_uploads WHERE patient = %s", patient)
            assert not tx.value("SELECT count(*) FROM packets WHERE case_id = %s AND plan IS NOT NULL", journey.case)
            for kept in (
                "arrivals WHERE patient = %s AND (payload IS NOT NULL OR state <> 'purged')",
                "records WHERE patient = %s AND (about IS NOT NULL OR purged_at IS NULL)",
                "record_parts JOIN records USING (record) WHERE patient = %s",
                "patients WHERE patient = %s AND identity IS NOT NULL",
                "patient_terms WHERE patient = %s",
                "notes WHERE patient = %s AND text IS NOT NULL",
                "permissions WHERE patient = %s AND (form IS NOT NULL OR purged_at IS NULL)",
            ):
                assert not tx.value(f"SELECT count(*) FROM {kept}", patient), kept
        (purged,) = journey.facts(facts.RecordsPurged, of_patient=True)
        assert purged.key_destroyed
        assert purged.records
        assert len(journey.facts(facts.CaseClosed)) == 1
        assert not house.holds(journey.case)


def revoked(house: House, word: str) -> tuple[Journey, Trace]:
    """A packet was handed over, the center has not fetched it yet, and the permission is taken back."""
    house.behave("center", fetch=False)
    journey = a_packet(house, marked=word)
    house.process_until(lambda: is_announced(journey))
    trace = Trace(journey, word)
    house.revocation(journey.chart)
    process_all(house.services)
    assert house.holds(journey.case) == {"confirm-purge"}
    return journey, trace


def test_the_search_finds_what_is_planted(house: House, tmp_path: Path):
    word, key = a_marker(), secrets.token_bytes(32)
    sought = spellings(word) | key_spellings(key)
    assert on_disk(house, sought) == []
    planted = [
        b"x" + word.encode(),
        word.encode("utf-16-le"),
        word.encode("utf-16-be"),
        *(base64.b64encode(before + word.encode() + b" said") for before in (b"", b"x", b"xy")),
        key,
        key.hex().encode(),
        base64.b64encode(b"x" + key),
    ]
    spots = [house.var / "tmp" / f"planted-{number}" for number in range(len(planted))]
    try:
        for spot, content in zip(spots, planted, strict=True):
            spot.write_bytes(bytes(5000) + content)
        assert {line.split(":")[0] for line in on_disk(house, sought)} == {f"tmp/{spot.name}" for spot in spots}
    finally:
        for spot in spots:
            spot.unlink()


def test_after_a_person_confirms_nothing_is_left_of_the_patient(house: House):
    journey, trace = revoked(house, a_marker())
    process_all(house.services)
    assert objects_of(journey)  # nothing is destroyed before somebody says so
    journey.say("confirm-purge", HoldAnswer.PURGE)
    process_all(house.services)
    trace.assert_gone()
    assert download(link(house, journey.packet), token(house, "center"))[0] == 404
    # What still comes for the case, or is still owed to it, finds nobody and harms nothing.
    house.order("pathology", "send-report", {"chart": journey.chart["id"], "status": "C"})
    for dag in ("open_case", "release_packet", "settle_delivery", "enforce_permissions"):
        journey.ring(dag, journey.packet if dag in ("release_packet", "settle_delivery") else None)
    process_all(house.services)
    assert len(journey.facts(facts.RecordsPurged, of_patient=True)) == 1


def test_after_seventy_two_hours_it_is_destroyed_without_a_word(house: House, hours_pass: Callable[[timedelta], None]):
    known = house.services.institutions.values()
    delayed = Institutions(one.model_copy(update={"purge_delay_hours": 72}) for one in known)
    services = replace(house.services, institutions=delayed)
    journey, trace = revoked(house, a_marker())
    hours_pass(timedelta(hours=71))
    journey.ring(Dag.ENFORCE_PERMISSIONS)
    process_all(services)
    assert objects_of(journey)
    hours_pass(timedelta(hours=1, minutes=1))
    process_all(services)
    trace.assert_gone()


def test_after_a_no_without_a_number_is_settled_nothing_is_left_of_the_patient(house: House):
    house.behave("center", fetch=False)
    word = a_marker()
    journey = a_packet(house, marked=word)
    house.process_until(lambda: is_announced(journey))
    trace = Trace(journey, word)
    house.revocation(journey.chart, resource={"identifier": None})
    # No round has run: the door stopped it, and asks.
    assert house.holds(journey.case) == {"form-stopped"}
    assert download(link(house, journey.packet), token(house, "center"))[0] == 404
    process_all(house.services)
    assert objects_of(journey)
    journey.say("form-stopped", HoldAnswer.REVOKE)
    process_all(house.services)
    journey.say("confirm-purge", HoldAnswer.PURGE)
    process_all(house.services)
    trace.assert_gone()


def test_a_person_may_keep_what_came_and_it_is_released_to_nobody(
    house: House, hours_pass: Callable[[timedelta], None]
):
    journey, _ = revoked(house, a_marker())
    journey.say("confirm-purge", HoldAnswer.KEEP)
    hours_pass(timedelta(hours=100))
    process_all(house.services)
    assert objects_of(journey)
    assert download(link(house, journey.packet), token(house, "center"))[0] == 404


@pytest.mark.parametrize("is_announced_before", [False, True])
def test_what_another_live_form_covers_is_spared(house: House, is_announced_before: bool):
    word = a_marker()
    house.behave("center", fetch=False)
    journey = (a_packet if is_announced_before else a_case)(house, marked=word)
    if is_announced_before:  # and no receipt of it ever comes
        house.process_until(lambda: is_announced(journey))
    house.release_form(journey.chart, number=SECOND, disclosers=["lakeside-oncology"])
    process_all(house.services)
    key = key_of(journey)
    with house.services.ledger.transaction() as tx:
        before = tx.rows("SELECT record, institution FROM records WHERE patient = %s", journey.patient)
    house.revocation(journey.chart)
    process_all(house.services)
    journey.say("confirm-purge", HoldAnswer.PURGE)
    process_all(house.services)
    (purged,) = journey.facts(facts.RecordsPurged, of_patient=True)
    assert set(purged.spared) == {row.record for row in before if row.institution == "lakeside-oncology"}
    assert set(purged.records) == {row.record for row in before if row.institution != "lakeside-oncology"}
    assert not purged.key_destroyed
    assert key_of(journey) == key
    assert journey.folded.is_open
    states = house.request_states(journey.case)
    assert (states["film-room"], states["records-office"]) == ("not-permitted", "answered")
    # A new form, and what was destroyed is asked for again.
    house.release_form(journey.chart, number=THIRD)
    process_all(house.services)
    assert house.request_states(journey.case)["film-room"] == "answered"
    # A packet goes, whatever became of the one that was purged.
    house.behave("center", fetch=True)
    house.pathology_report(journey.chart)
    house.process_until(lambda: house.assessment(journey.case).step is NextStep.ASK_PARTIAL)
    journey.say("approve-partial", HoldAnswer.APPROVE)
    house.process_until(lambda: journey.folded.newest_packet.receipt)
    assert journey.packet.endswith("-p2" if is_announced_before else "-p1")
    assert set(journey.folded.newest_packet.assembled.records) == journey.folded.whole - set(purged.records)


# --- killed -----------------------------------------------------------------------------------------------------------


def test_a_purge_killed_again_and_again_is_finished_once(house: House):
    journey, trace = revoked(house, a_marker())
    journey.say("confirm-purge", HoldAnswer.PURGE)
    deadly = 1
    while steps_to_its_end(house, lambda services: enforce(services, journey.case), deadly):
        deadly += 1
    assert deadly > 20
    trace.assert_gone()


def test_a_purge_killed_around_the_destruction_of_the_key_is_finished_once(house: House):
    journey, trace = revoked(house, a_marker())
    journey.say("confirm-purge", HoldAnswer.PURGE)
    for nth in (1, 2):
        assert steps_to_its_end(house, lambda services: enforce(services, journey.case), nth, of="destroy")
    process_all(house.services)
    trace.assert_gone()


def test_what_a_killed_fetch_had_written_goes_with_the_patient(house: House):
    word = a_marker()
    chart = house.a_patient(marked=word)
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    journey = Journey(house, chart, case)
    # Killed after the objects were written and before the ledger took them.
    for nth in (2, 4):
        steps_to_its_end(house, process_all, nth, of="keep")
    trace_sought = spellings(word) | key_spellings(key_of(journey))
    assert on_disk(house, trace_sought)
    house.revocation(chart)
    process_all(house.services)
    journey.say("confirm-purge", HoldAnswer.PURGE)
    process_all(house.services)
    assert on_disk(house, trace_sought) == []
