"""Two patients of ours who are one person, and who are two after all."""

import json
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.doors import posted
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN, somebody
from transfer import facts
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.errors import NotAllowed, Unknown
from transfer.facts import Chain, first_broken
from transfer.flow import desk
from transfer.flow.enforce import purge
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Ledger, cases, notes, patients, permissions, records
from transfer.ledger.records import About, InstanceLocation, NewRecord, RecordPart, Series
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.permissions import End
from transfer.records import DocumentStatus, RecordKind
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Right
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters
from transfer.sealing import KeyName

pytestmark = pytest.mark.servers

_LINES = "SELECT chain, sequence, text, previous, hash FROM facts WHERE chain = %s ORDER BY sequence"


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


class Two:
    """One person who was referred twice, by two offices that know other numbers and another spelling."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.chart = b.a_chart()
        other = b.a_chart()
        self.other_chart: Chart = {**other, "patient": {**self.chart["patient"], "family": "Otherwise"}}
        self.case, self.other = b.a_case(services, self.chart), b.a_case(services, self.other_chart)
        self.patient, self.absorbed = b.patient_of(services, self.case), b.patient_of(services, self.other)
        self.report = b.came_in(services, self.other, RecordKind.PATHOLOGY_REPORT)
        desk.add_note(services, self.other, "Called at noon.", actor=ANN)

    def merge(self) -> desk.ActionResult:
        desk.merge(self.services, self.case, self.other, actor=ANN)
        done = desk.merge(self.services, self.case, self.other, actor=BEN)
        process_all(self.services)
        return done


@pytest.fixture
def two(services: Services) -> Two:
    return Two(services)


def said_of(chart: Chart) -> Demographics:
    who = chart["patient"]
    return Demographics(
        names=(PersonName(who["family"], tuple(who["given"])),),
        birth_date=date.fromisoformat(who["birth_date"]),
        identifiers=(IssuedIdentifier("urn:oid:1.2.3.4", "N4711008"),),
    )


def everything_of(services: Services, patient: PatientId) -> dict[str, Any]:
    with services.ledger.transaction() as tx:
        return {
            "identity": patients.identity(tx, patient),
            "cases": cases.of_patient(tx, patient),
            "forms": [one.permission.form.reference for one in permissions.filed(tx, patient)],
            "records": sorted(row.record for row in tx.rows("SELECT record FROM records WHERE patient = %s", patient)),
            "terms": {bytes(r.term) for r in tx.rows("SELECT term FROM patient_terms WHERE patient = %s", patient)},
        }


def test_one_word_is_not_enough(services: Services, two: Two):
    did = desk.merge(services, two.case, two.other, actor=ANN)
    again = desk.merge(services, two.case, two.other, actor=ANN)

    assert (did.needs_another, again.needs_another, again.changed) == (True, True, False)
    assert b.patient_of(services, two.other) == two.absorbed
    asked = b.the_hold(services, "same-patient")
    seen = desk.hold(services, asked.id, actor=BEN, identity=True).comparison
    assert seen
    assert (seen.deciders, seen.said[0].names[0].family) == (2, "Otherwise")
    assert seen.candidates[0].patient == two.patient


def test_two_who_say_so_make_one_patient_of_two(services: Services, two: Two):
    before, theirs = everything_of(services, two.patient), everything_of(services, two.absorbed)
    done = two.merge()

    assert done.code == desk.ActionCode.MERGED
    now = everything_of(services, two.patient)
    assert b.patient_of(services, two.other) == two.patient
    assert now["cases"] == sorted([two.case, two.other])
    assert now["forms"] == [*before["forms"], *theirs["forms"]]
    assert set(now["records"]) == {*before["records"], *theirs["records"]}
    assert now["terms"] >= before["terms"] | theirs["terms"]
    assert everything_of(services, two.absorbed)["terms"] == set()
    with services.ledger.transaction() as tx:
        kept = records.get(tx, two.report)
        assert kept
        assert kept.about.title == RecordKind.PATHOLOGY_REPORT
        dossier = desk.dossier(services, two.other, actor=ANN, notes=True)
        assert "Called at noon." in [note.text for note in dossier.notes]
        for chain in (Chain.patient(two.patient), Chain.patient(two.absorbed), Chain.case(two.other)):
            assert first_broken(tx.rows(_LINES, chain)) is None
    assert desk.merge(services, two.case, two.other, actor=ANN).code == desk.ActionCode.MERGED_BEFORE


def test_what_comes_for_either_is_the_ones(services: Services, two: Two):
    two.merge()
    b.report_comes(services, two.other_chart)

    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT patient FROM records WHERE kind = 'pathology-report' AND record <> %s", two.report)
    assert [row.patient for row in rows] == [two.patient]


def test_what_was_said_of_documents_before_holds_afterwards(services: Services, two: Two):
    """A withdrawal that waits for a person, and what is put to one place again."""
    label = [{"text": "as the chief said"}]

    def comes(number: str, day: int, place: str | None = None, **said: Any) -> None:
        sent = lives.pushed(
            two.other_chart,
            lives.a_reference(number, f"{number} on day {day}", **said),
            datetime(2026, 10, day, tzinfo=UTC),
        )
        bundle = json.loads(sent.body)
        if place:
            del bundle["entry"][1]["resource"]["identifier"]
            bundle["entry"][1]["request"] = {"method": "PUT", "url": f"DocumentReference/{place}"}
        b.comes(services, sent.institution, ArrivalKind.ANSWER, json.dumps(bundle).encode(), sent.content_type)
        process_all(services)

    comes("A", 2, status="entered-in-error", securityLabel=label)
    comes("", 1, "12")
    two.merge()
    comes("A", 1)
    comes("", 2, "12", docStatus="corrected")

    with services.ledger.transaction() as tx:
        came = [(kept.status, joined.superseded) for kept, joined in records.joined(tx, two.other)]
    assert came[-3:] == [
        (DocumentStatus.FINAL, True),
        (DocumentStatus.FINAL, True),
        (DocumentStatus.CORRECTED, False),
    ]


def test_a_merged_patient_opens_no_new_one(services: Services, two: Two):
    two.merge()
    again = b.refer(services, {**two.other_chart, "referral": {**b.a_chart()["referral"]}})
    process_all(services)

    assert b.patient_of(services, again) == two.patient


def test_taken_apart_each_has_what_was_theirs(services: Services, two: Two):
    before, theirs = everything_of(services, two.patient), everything_of(services, two.absorbed)
    two.merge()
    did = desk.split(services, two.other, actor=ANN)
    process_all(services)

    assert did.code == desk.ActionCode.SPLIT
    assert everything_of(services, two.patient) == before
    assert everything_of(services, two.absorbed) == theirs
    assert b.patient_of(services, two.other) == two.absorbed
    with services.ledger.transaction() as tx:
        assert records.get(tx, two.report)
    dossier = desk.dossier(services, two.other, actor=ANN, notes=True)
    assert "Called at noon." in [note.text for note in dossier.notes]
    assert desk.split(services, two.other, actor=ANN).code == desk.ActionCode.SPLIT_BEFORE
    with pytest.raises(NotAllowed, match="merged into nobody"):
        desk.split(services, b.a_case(services), actor=ANN)
    assert two.merge().code == desk.ActionCode.MERGED


def test_what_came_while_they_were_one_is_matched_anew(services: Services, two: Two):
    """A report and a form of the absorbed one, under numbers and a name that were learned meanwhile."""
    two.merge()
    later = {**two.other_chart, "patient": {**two.other_chart["patient"], "family": "Newname"}}
    b.report_comes(services, two.other_chart)
    b.sign_form(services, two.other_chart, number="another-form")
    process_all(services)
    with services.ledger.transaction() as tx:
        patients.learn(tx, two.patient, said_of(later))

    desk.split(services, two.other, actor=ANN)
    process_all(services)

    for case, patient in ((two.case, two.patient), (two.other, two.absorbed)):
        counted = [one.record for one in desk.dossier(services, case, actor=ANN).records if not one.is_superseded]
        with services.ledger.transaction() as tx:
            assert {kept.patient for one in counted if (kept := records.get(tx, one))} <= {patient}
            forms = [one.permission for one in permissions.filed(tx, patient)]
            assert len([one for one in forms if one.ended is None]) == (2 if patient == two.absorbed else 1)
            who = patients.identity(tx, patient)
        assert who
        assert "Newname" not in {name.family for one in (who.current, *who.former) for name in one.names}
    with services.ledger.transaction() as tx:
        reports = tx.rows("SELECT patient FROM records WHERE kind = 'pathology-report' AND purged_at IS NULL")
        states = {row.state for row in tx.rows("SELECT state FROM arrivals")}
    assert {row.patient for row in reports} == {two.absorbed}
    assert len(reports) == 2
    assert states <= {"filed", "sealed"}


def opened_while_one(services: Services, two: Two, chart: Chart) -> CaseId:
    """A further referral under a number of its own, when the first ones are over."""
    for over in (two.case, two.other):
        desk.close(services, over, "withdrawn", actor=ANN)
    number = b.a_chart()["referral"]["number"]
    case = b.refer(services, {**chart, "referral": {**chart["referral"], "number": number}})
    process_all(services)
    desk.add_note(services, case, "Called again.", actor=ANN)
    assert b.patient_of(services, case) == two.patient
    return case


def test_a_case_that_was_opened_while_they_were_one_goes_to_whom_its_referral_names(services: Services, two: Two):
    two.merge()
    theirs = opened_while_one(services, two, two.other_chart)
    desk.close(services, theirs, "withdrawn", actor=ANN)
    own = opened_while_one(services, two, two.chart)

    desk.split(services, two.other, actor=ANN)
    process_all(services)

    assert b.patient_of(services, theirs) == two.absorbed
    assert b.patient_of(services, own) == two.patient
    assert [one for one in b.open_holds(services) if one.code == HoldCode.WHOSE_CASE] == []
    for case in (theirs, own):
        dossier = desk.dossier(services, case, actor=ANN, notes=True)
        assert "Called again." in [note.text for note in dossier.notes]


@pytest.mark.parametrize("answer", [HoldAnswer.KEEP, HoldAnswer.END])
def test_a_case_of_which_no_rule_can_tell_whose_it_is_is_a_persons(services: Services, two: Two, answer: HoldAnswer):
    two.merge()
    case = opened_while_one(services, two, two.chart)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE arrivals SET state = 'purged', payload = NULL WHERE subject = %s", case)

    desk.split(services, two.other, actor=ANN)
    process_all(services)

    hold = b.the_hold(services, HoldCode.WHOSE_CASE)
    assert (hold.subject, hold.due_at is not None) == (case, True)
    desk.resolve(services, hold.id, answer, actor=ANN)
    with services.ledger.transaction() as tx:
        assert tx.case(case).is_open is (answer is HoldAnswer.KEEP)


def test_a_form_that_was_stopped_meanwhile_stays_stopped(services: Services, two: Two):
    two.merge()
    b.sign_form(services, two.other_chart, number="another-form")
    process_all(services)
    with services.ledger.transaction() as tx:
        last = permissions.filed(tx, two.patient)[-1].permission.id
    desk.pause(services, last, actor=ANN)

    desk.split(services, two.other, actor=ANN)
    process_all(services)

    with services.ledger.transaction() as tx:
        ends = {one.permission.id: one.permission.ended for one in permissions.filed(tx, two.patient)}
        assert ends[last] == "paused"
        assert len(permissions.filed(tx, two.absorbed)) == 1


def test_a_purge_of_the_one_destroys_both_keys(services: Services, two: Two):
    two.merge()
    with services.ledger.transaction() as tx:
        filed = permissions.filed(tx, two.patient)
    for one in filed:
        desk.revoke(services, one.permission.id, actor=ANN)
    with services.ledger.transaction() as tx:
        last = permissions.filed(tx, two.patient)[-1]
    purge(services, last)

    keys = services.ledger.keys
    assert [keys.has(KeyName.patient(one)) for one in (two.patient, two.absorbed)] == [False, False]
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM merged_patients WHERE identity IS NOT NULL") == 0


@pytest.mark.parametrize("is_of_first", [True, False])
def test_whether_two_are_one_is_asked_no_more_once_one_is_purged(services: Services, two: Two, *, is_of_first: bool):
    """Nor can it be said of them anew."""
    desk.merge(services, two.case, two.other, actor=ANN)
    gone, its_case = (two.patient, two.case) if is_of_first else (two.absorbed, two.other)
    desk.close(services, its_case, "not-coming", actor=ANN)
    with services.ledger.transaction() as tx:
        filed = permissions.filed(tx, gone)
    for one in filed:
        desk.revoke(services, one.permission.id, actor=ANN)
    with services.ledger.transaction() as tx:
        (last,) = permissions.filed(tx, gone)[-1:]
    purge(services, last)

    assert [one for one in b.open_holds(services) if one.code is HoldCode.SAME_PATIENT] == []
    with pytest.raises(Unknown):
        desk.merge(services, two.case, two.other, actor=BEN)
    assert [one for one in b.open_holds(services) if one.code is HoldCode.SAME_PATIENT] == []


def test_patients_who_differ_stay_two_where_people_say_so(services: Services, two: Two):
    desk.merge(services, two.case, two.other, actor=ANN)
    asked = b.the_hold(services, "same-patient")
    for actor in (ANN, BEN):
        did = desk.resolve(services, asked.id, HoldAnswer.NOT_OURS, actor=actor)

    assert did.code == desk.ActionCode.STAY_TWO
    assert b.patient_of(services, two.other) == two.absorbed


def test_it_needs_the_right(services: Services, two: Two):
    actor = somebody("ann", without=frozenset({Right.DECIDE_WHOSE}))

    with pytest.raises(NotAllowed, match="needs the right decide-whose"):
        desk.merge(services, two.case, two.other, actor=actor)
    with pytest.raises(NotAllowed, match="needs the right decide-whose"):
        desk.split(services, two.other, actor=actor)


def test_a_merge_that_an_institution_announces_asks_whether_two_of_ours_are_one(services: Services, two: Two):
    """ADT^A40: PID-3 is who survives there, MRG-1 who is absorbed."""
    ours, theirs = (chart["numbers"][b.PRAIRIE]["value"] for chart in (two.chart, two.other_chart))
    who = two.chart["patient"]
    born, sex = who["birth_date"].replace("-", ""), who["sex"][0].upper()
    a40 = (
        r"MSH|^~\&|PRAIRIELIS|PRAIRIE|RECORDS|TRANSFER|20260105101500-0600||ADT^A40^ADT_A39|4711|P|2.5.1"
        f"\rPID|1||{ours}^^^PRAIRIE^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{sex}"
        f"\rMRG|{theirs}^^^PRAIRIE^MR\r"
    )
    b.comes(services, b.PRAIRIE, ArrivalKind.NOTICE, a40.encode(), HL7_V2, Door.MLLP)
    process_all(services)

    asked = b.the_hold(services, "same-patient")
    assert (asked.subject, asked.about) == (two.case, two.other)
    assert b.the_hold(services, HoldCode.IDENTITY_CHANGED)
    for actor in (ANN, BEN):
        desk.resolve(services, asked.id, HoldAnswer.OURS, actor=actor)
    assert b.patient_of(services, CaseId(two.other)) == two.patient


def test_what_is_leaving_is_waited_for(services: Services, two: Two):
    with services.ledger.transaction() as tx:
        filed = permissions.filed(tx, two.absorbed)[0]
        tx.run(
            "UPDATE permissions SET ended = 'paused', ended_at = transfer.now() WHERE permission = %s",
            filed.permission.id,
        )
    desk.merge(services, two.case, two.other, actor=ANN)

    with pytest.raises(NotAllowed, match="not complete"):
        desk.merge(services, two.case, two.other, actor=BEN)
    assert b.patient_of(services, two.other) == two.absorbed


def test_a_fact_says_who_merged_them(services: Services, two: Two):
    two.merge()

    with services.ledger.transaction() as tx:
        for patient in (two.patient, two.absorbed):
            (line,) = [x for x in tx.lines(Chain.patient(patient)) if isinstance(x.fact, facts.PatientsMerged)]
            assert (line.by.person, line.fact.kept, line.fact.absorbed) == ("ben", two.patient, two.absorbed)
        assert notes.read(tx, "n000000000000000") is None


@pytest.mark.parametrize("named", ["case", "other"])
def test_a_legal_hold_goes_along_and_is_lifted_for_both(services: Services, two: Two, named: str):
    desk.place_legal_hold(services, getattr(two, named), actor=ANN)
    two.merge()

    for case in (two.case, two.other):
        assert desk.dossier(services, case, actor=ANN).legal_hold_since
    assert not desk.place_legal_hold(services, two.case, actor=ANN).changed
    assert desk.lift_legal_hold(services, two.case, actor=ANN).changed
    for case in (two.case, two.other):
        assert desk.dossier(services, case, actor=ANN).legal_hold_since is None


def test_a_revocation_without_a_number_stops_the_forms_of_both(services: Services, two: Two):
    two.merge()

    posted(services, b.LAKESIDE, letters.release_form(two.chart, {"status": "inactive", "number": "F-999"}))

    with services.ledger.transaction() as tx:
        stopped = [one.ended for one in permissions.filed(tx, two.patient)]
    assert stopped == [End.PAUSED, End.PAUSED, End.REVOKED]


def test_of_three_who_were_one_the_last_is_taken_out_first(services: Services, two: Two):
    """Taking out an earlier one would forget what the later one brought along."""
    two.merge()
    third: Chart = {**b.a_chart(), "patient": {**two.chart["patient"], "family": "Thirdly"}}
    case = b.a_case(services, third)
    theirs = everything_of(services, patient := b.patient_of(services, case))
    for actor in (ANN, BEN):
        desk.merge(services, two.case, case, actor=actor)
    process_all(services)

    with pytest.raises(NotAllowed, match="into the same patient since") as refused:
        desk.split(services, two.other, actor=ANN)
    assert refused.value.remedy == Remedy(RemedyCode.SPLIT_FIRST, case=case)
    desk.split(services, case, actor=ANN)
    process_all(services)
    now = everything_of(services, patient)
    assert {key: now[key] for key in ("identity", "cases", "forms", "terms")} == {
        key: theirs[key] for key in ("identity", "cases", "forms", "terms")
    }
    assert b.patient_of(services, two.other) == two.patient
    desk.split(services, two.other, actor=ANN)
    assert b.patient_of(services, two.other) == two.absorbed


def test_who_may_not_be_merged_is_told_whom_to_take_apart(services: Services, two: Two):
    two.merge()
    further = Two(services)
    further.merge()

    with pytest.raises(NotAllowed) as refused:
        desk.merge(services, two.case, further.case, actor=ANN)
    assert refused.value.remedy == Remedy(RemedyCode.SPLIT_FIRST, case=further.other)
    assert desk.split(services, further.other, actor=ANN).code == desk.ActionCode.SPLIT


def test_the_names_of_the_absorbed_ones_images_can_be_read_on(services: Services, two: Two):
    """They stand sealed beside each part, under the key of whoever the record is of."""
    place = services.vault.keep([b"a tar of images"])
    instance = InstanceLocation(sop_instance_uid="2.25.3", location=place)
    series = Series(series_instance_uid="2.25.2", instances=(instance,))
    new = NewRecord(
        patient=two.absorbed,
        institution=b.MERCY,
        kind=RecordKind.IMAGES,
        status=DocumentStatus.FINAL,
        origin="study/2.25.1",
        about=About(study_instance_uid="2.25.1"),
        parts=(RecordPart(role="series", content_type="application/x-tar", location=place, series=series),),
    )
    with services.ledger.transaction() as tx:
        kept = records.keep(tx, new)

    two.merge()

    with services.ledger.transaction() as tx:
        now = records.get(tx, kept.id)
        assert now
        assert now.patient == two.patient
        assert [part.series for part in records.parts(tx, now)] == [series]
