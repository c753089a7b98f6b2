"""Every "no" stops at the door, in the transaction that stores it; no run is needed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.doors import posted, received
from tests.kit.filed_forms import ends, filed
from tests.kit.objections import an_objection, consent_message, is_permitted, posted_by
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters import enclosed
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door, Grant
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, arrivals
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters

pytestmark = pytest.mark.servers

#: numbers of a revocation that its sender's form does not carry
WRONG_NUMBERS = {"another": {"number": "F-999"}, "none": {"resource": {"identifier": None}}}


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def codes(services: Services) -> list[str]:
    return sorted(hold.code for hold in b.open_holds(services) if hold.code in ASKED)


ASKED = {"form-stopped", "source-objects", "objection-of-another", "objection-unmatched", "whose-form",
         "arrival-unreadable", "form-unclear", "confirm-purge"}  # fmt: skip


def a_case(services: Services, **form: object) -> tuple[Chart, CaseId]:
    chart = b.a_chart()
    b.sign_form(services, chart, **form)
    case = b.refer(services, chart)
    process_all(services)
    assert is_permitted(services, case)
    return chart, case


# --- in something else ----------------------------------------------------------------------------------------------


def a_document(chart: Chart, **said: object) -> dict[str, Any]:
    """A progress note as Lakeside posts it, that says this as well."""
    bundle: dict[str, Any] = json.loads(json.dumps(letters.pushed(chart, "progress")))
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == "DocumentReference":
            entry["resource"] |= said
    return bundle


def contained(chart: Chart, **said: object) -> dict[str, Any]:
    """The Consent of an objection, as another resource would contain it."""
    no = an_objection(chart, **said)
    return {"contained": [*no.pop("contained", []), no]}


CARRIED: dict[str, Callable[[Chart], dict[str, Any]]] = {
    "a revocation inside a document": lambda chart: contained(chart, status="inactive"),
    "a refusal inside a document": lambda chart: contained(chart, resource={"provision": {"type": "deny"}}),
    "a title": lambda _: {"description": "Revocation of authorization, signed"},
    "a request to restrict": lambda _: {"description": "Request for restriction of disclosure (45 CFR 164.522)"},
    "a type in words": lambda _: {"type": {"text": "Patient refuses release of records"}},
    "a type's display": lambda _: {"type": {"coding": [{"code": "9", "display": "Withdrawal of consent form"}]}},
}


@pytest.mark.parametrize("what", list(CARRIED))
def test_a_no_that_comes_in_a_document_stops_at_the_door(services: Services, what: str):
    chart, case = a_case(services)

    posted(services, b.LAKESIDE, a_document(chart, **CARRIED[what](chart)))

    assert not is_permitted(services, case)
    assert codes(services) == ["form-stopped"]
    process_all(services)
    assert ends(services, case) == [End.PAUSED]
    assert codes(services) == ["form-stopped"]


@pytest.mark.parametrize(
    "said",
    [
        lambda _: {"description": "Patient refuses chemotherapy"},
        lambda _: {"description": "Release of information form"},
        lambda _: {"description": "Appointment cancelled"},
        lambda _: {"description": "Revocation of authorization, signed", "docStatus": "entered-in-error"},
        lambda chart: contained(chart),
    ],
)
def test_a_document_that_says_no_to_something_else_stops_nothing(services: Services, said: Callable[[Chart], Any]):
    chart, case = a_case(services)

    posted(services, b.LAKESIDE, a_document(chart, **said(chart)))
    process_all(services)

    assert is_permitted(services, case)


def test_the_documents_inside_what_came_are_read_once_in_the_round_that_processes_it(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    """For a "no" and for a permission in them alike."""
    chart, _ = a_case(services)
    posted(services, b.LAKESIDE, a_document(chart))
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b.report_of(chart), HL7_V2, Door.MLLP)
    read: list[str] = []

    def counted(name: str, *given: Any) -> Any:
        read.append(name)
        return as_they_are[name](*given)

    as_they_are = {"in_resources": enclosed.in_resources, "in_message": enclosed.in_message}
    for name in as_they_are:
        monkeypatch.setattr(enclosed, name, partial(counted, name))
    process_all(services)

    assert sorted(read) == ["in_message", "in_resources"]


# --- from who filed the form ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", list(WRONG_NUMBERS))
def test_a_revocation_with_another_number_or_none_stops_all_that_its_sender_filed(services: Services, number: str):
    chart, case = a_case(services)
    b.sign_form(services, chart, number="second")
    process_all(services)

    posted(services, b.LAKESIDE, an_objection(chart, status="inactive", **WRONG_NUMBERS[number]))

    assert ends(services, case)[:2] == [End.PAUSED, End.PAUSED]
    assert not is_permitted(services, case)
    assert codes(services) == ["form-stopped", "form-stopped"]
    process_all(services)
    assert ends(services, case) == [End.PAUSED, End.PAUSED, End.REVOKED]
    assert codes(services) == ["form-stopped", "form-stopped"]


@pytest.mark.parametrize("number", list(WRONG_NUMBERS))
@pytest.mark.parametrize(
    "said",
    [
        "deny",
        "deny of an Active one",
        "opt-out",
        "optout",
        "rejected",
        "cancelled",
        "no status",
        "entered-in-error",
        "title",
    ],
)
def test_each_no_stops_at_the_door_whatever_its_number(services: Services, said: str, number: str):
    chart, case = a_case(services)
    wrong = json.loads(json.dumps(WRONG_NUMBERS[number]))
    patch = wrong.setdefault("resource", {})
    if said.startswith("deny"):
        patch["provision"] = {"type": "deny"}
        patch["status"] = "Active" if said == "deny of an Active one" else "active"
    elif said in ("opt-out", "optout"):
        patch["policyRule"] = {"coding": [{"code": "OPTOUT" if said == "opt-out" else said}]}
    elif said == "title":
        patch["sourceAttachment"] = {"data": "AAAA", "title": "Revocation of my authorization"}
    else:
        patch["status"] = None if said == "no status" else said

    posted(services, b.LAKESIDE, an_objection(chart, **wrong))

    assert not is_permitted(services, case)
    process_all(services)
    assert not is_permitted(services, case)
    assert End.REVOKED not in ends(services, case)


def test_a_no_that_names_the_form_by_its_number_ends_that_form_alone(services: Services):
    chart, case = a_case(services)
    b.sign_form(services, chart, number="second")
    process_all(services)

    posted(services, b.LAKESIDE, an_objection(chart, status="inactive"))
    process_all(services)

    assert ends(services, case) == [End.REVOKED, None]
    assert is_permitted(services, case)
    assert not {"form-stopped", "objection-unmatched"} & set(codes(services))


def test_what_was_stopped_goes_on_or_is_revoked_as_a_person_says_and_nobody_is_asked_again(services: Services):
    chart, case = a_case(services)
    b.sign_form(services, chart, number="second")
    process_all(services)
    posted(services, b.LAKESIDE, an_objection(chart, status="inactive", number="F-999"))
    first, second = (one.id for one in filed(services, case)[:2])
    asked = {hold.about: hold for hold in b.open_holds(services) if hold.code == "form-stopped"}
    assert {(hold.due_at - hold.opened_at).seconds // 60 for hold in asked.values() if hold.due_at} == {0}
    assert {(hold.due_at - hold.opened_at).days for hold in asked.values() if hold.due_at} == {1}

    desk.resolve(services, asked[first].id, HoldAnswer.RESUME, actor=ANN)
    desk.resolve(services, asked[second].id, HoldAnswer.REVOKE, actor=ANN)
    process_all(services)

    assert ends(services, case)[:2] == [None, End.REVOKED]
    assert is_permitted(services, case)
    assert "form-stopped" not in codes(services)


@pytest.mark.parametrize(
    "said", [{"status": "inactive", "number": "F-999"}, {"status": "rejected"}, {"status": "void"}]
)
def test_a_run_that_reads_it_later_undoes_no_answer(services: Services, said: dict[str, str]):
    chart, case = a_case(services)
    posted(services, b.LAKESIDE, an_objection(chart, **said))
    desk.resolve(services, b.the_hold(services, "form-stopped").id, HoldAnswer.RESUME, actor=ANN)
    assert is_permitted(services, case)

    process_all(services)

    assert ends(services, case)[0] is None
    assert is_permitted(services, case)
    assert "form-stopped" not in codes(services)


@pytest.mark.parametrize("status", ["draft", "proposed"])
def test_a_form_that_is_set_back_to_a_draft_is_stopped_and_replaced_by_nothing(services: Services, status: str):
    chart, case = a_case(services)

    posted(services, b.LAKESIDE, an_objection(chart, status=status))

    assert ends(services, case) == [End.PAUSED]
    assert codes(services) == ["form-stopped"]
    process_all(services)
    assert ends(services, case)[0] is End.PAUSED
    assert not is_permitted(services, case)


@pytest.mark.parametrize("by", ["its number", "the desk"])
def test_a_form_that_ends_for_good_is_asked_about_no_more(services: Services, by: str):
    chart, case = a_case(services)
    posted(services, b.LAKESIDE, an_objection(chart, status="void"))
    assert codes(services) == ["form-stopped"]

    if by == "the desk":
        desk.revoke(services, filed(services, case)[0].id, actor=ANN)
    else:
        posted(services, b.LAKESIDE, an_objection(chart, status="inactive"))

    assert codes(services) == []
    assert ends(services, case) == [End.REVOKED]


def test_a_narrower_form_in_the_place_of_another_takes_its_place_at_the_door(services: Services):
    chart, case = a_case(services)
    assert is_permitted(services, case, RecordKind.LABORATORY)

    posted(services, b.LAKESIDE, an_objection(chart, codes=["11488-4"]))

    assert ends(services, case) == [End.REPLACED, None]
    assert is_permitted(services, case)
    assert not is_permitted(services, case, RecordKind.LABORATORY)
    process_all(services)
    assert ends(services, case) == [End.REPLACED, None]
    assert not codes(services)


def test_one_that_cannot_be_read_stops_the_form_it_takes_the_place_of(services: Services):
    chart, case = a_case(services)

    posted(
        services,
        b.LAKESIDE,
        an_objection(chart, resource={"provision": {"code": [{"text": "the report of 2024 alone"}]}}),
    )

    assert ends(services, case) == [End.PAUSED]
    process_all(services)
    assert not is_permitted(services, case)
    assert codes(services) == ["form-stopped", "form-unclear"]


def test_a_new_form_with_an_exception_takes_what_it_refuses_from_the_older_one_at_the_door(services: Services):
    chart, case = a_case(services)
    refused = {"type": "deny", "code": [{"coding": [{"system": "http://loinc.org", "code": "11502-2"}]}]}

    posted(services, b.LAKESIDE, an_objection(chart, number="second", resource={"provision": {"provision": [refused]}}))

    assert ends(services, case) == [None, None]
    assert is_permitted(services, case)
    assert not is_permitted(services, case, RecordKind.LABORATORY)
    process_all(services)
    assert not {"form-stopped", "objection-unmatched"} & set(codes(services))


def test_a_new_form_beside_another_stops_nothing(services: Services):
    chart, case = a_case(services)

    posted(services, b.LAKESIDE, an_objection(chart, number="second", codes=["11488-4"]))

    assert ends(services, case) == [None]
    process_all(services)
    assert ends(services, case) == [None, None]
    assert not codes(services)


# --- whom it is about is doubtful, or unknown -------------------------------------------------------------------------


def test_a_no_that_matches_by_name_and_birth_date_alone_pauses_everybody_it_could_mean(services: Services):
    chart, case = a_case(services)
    twin = b.a_twin(chart)
    b.sign_form(services, twin)
    other = b.refer(services, twin)
    process_all(services)
    hold = next((one for one in b.open_holds(services) if one.code == "whose-form"), None)
    assert hold is None or hold  # the twin may wait for people; what is theirs is not the point here

    unnumbered = {"patient": {"identifier": None, "reference": "#patient"}, "identifier": None}
    no = an_objection(chart, status="inactive", resource=unnumbered)
    for contained in no["contained"]:
        contained.pop("identifier", None)
    posted(services, b.LAKESIDE, no)

    assert ends(services, case) == [End.PAUSED]
    assert not is_permitted(services, case)
    process_all(services)
    assert "whose-form" in codes(services)
    assert ends(services, case) == [End.PAUSED]
    assert other


def test_a_no_that_nobody_can_match_is_a_question_with_a_clock_and_is_not_purged(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    _, case = a_case(services)
    somebody_else = b.a_chart()

    arrival = posted(services, b.LAKESIDE, an_objection(somebody_else, status="inactive"))

    (hold,) = [one for one in b.open_holds(services) if one.code == "objection-unmatched"]
    assert (hold.subject, hold.due_at is not None) == (arrival, True)
    assert is_permitted(services, case)
    process_all(services)
    hours_pass(timedelta(hours=100))
    process_all(services)
    (shown,) = [one for one in desk.holds(services, actor=ANN) if one.code == "objection-unmatched"]
    assert shown.is_past_due
    desk.resolve(services, hold.id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)
    assert codes(services) == ["objection-unmatched"]
    desk.resolve(services, b.the_hold(services, "objection-unmatched").id, HoldAnswer.SEEN, actor=ANN)
    assert codes(services) == []


def test_a_no_that_came_before_its_patient_was_known_takes_effect_when_the_case_opens(services: Services):
    chart = b.a_chart()
    b.sign_form(services, chart)
    posted(services, b.LAKESIDE, an_objection(chart, status="inactive"))
    process_all(services)
    case = b.refer(services, chart)
    process_all(services)

    assert ends(services, case) == [End.REVOKED]
    assert codes(services) == ["confirm-purge"]
    assert not is_permitted(services, case)


@pytest.mark.parametrize("number", ["its own", *WRONG_NUMBERS])
def test_a_form_that_waited_while_the_no_came_is_stopped_when_it_is_filed(services: Services, number: str):
    chart = b.a_chart()
    case = b.refer(services, chart)
    process_all(services)
    form = json.dumps(letters.release_form(chart, {})).encode()
    posted(services, b.LAKESIDE, json.loads(form))
    posted(services, b.LAKESIDE, an_objection(chart, status="inactive", **WRONG_NUMBERS.get(number, {})))
    with services.ledger.transaction() as tx:
        tx.run("UPDATE arrivals SET lease_until = transfer.now() + interval '1 hour' WHERE is_objection")

    process_all(services)

    assert not is_permitted(services, case)


# --- from others ------------------------------------------------------------------------------------------------------


@pytest.fixture
def trusting(services: Services) -> Services:
    """The same, where every institution may post what it likes."""
    known = [one.model_copy(update={"grants": frozenset(Grant)}) for one in services.institutions.values()]
    return replace(services, institutions=Institutions(known))


@pytest.mark.parametrize("status", ["inactive", "rejected", "cancelled"])
def test_a_discloser_stops_its_own_records_alone(trusting: Services, status: str):
    chart, case = a_case(trusting)
    assert is_permitted(trusting, case, RecordKind.IMAGES, b.MERCY)

    posted_by(trusting, b.MERCY, chart, status=status, number="M-1")

    assert not is_permitted(trusting, case, RecordKind.IMAGES, b.MERCY)
    assert is_permitted(trusting, case)
    process_all(trusting)
    assert "source-objects" in codes(trusting)
    assert "form-stopped" not in codes(trusting)
    desk.resolve(trusting, b.the_hold(trusting, "source-objects").id, HoldAnswer.RESUME, actor=ANN)
    process_all(trusting)
    assert is_permitted(trusting, case, RecordKind.IMAGES, b.MERCY)


def test_a_no_from_anybody_else_is_a_question_with_a_clock(trusting: Services):
    chart, case = a_case(trusting)

    numbers = {**chart["numbers"], b.SUMMIT: chart["numbers"][b.LAKESIDE]}
    arrival = posted_by(trusting, b.SUMMIT, {**chart, "numbers": numbers}, status="inactive", number="S-1")

    assert is_permitted(trusting, case)
    hold = b.the_hold(trusting, "objection-of-another")
    assert (hold.subject, hold.about, hold.due_at is not None) == (case, arrival, True)
    process_all(trusting)
    assert codes(trusting) == ["objection-of-another"]
    desk.resolve(trusting, hold.id, HoldAnswer.SEEN, actor=ANN)
    process_all(trusting)
    assert codes(trusting) == []


@pytest.mark.parametrize("grant", ["authorizations", "revocations"])
@pytest.mark.parametrize("status", ["inactive", "rejected", "void", "active"])
def test_who_may_file_or_revoke_may_object_in_any_way(services: Services, grant: str, status: str):
    chart, case = a_case(services)
    granted = [one.model_copy(update={"grants": frozenset({Grant(grant)})}) for one in services.institutions.values()]
    granting = replace(services, institutions=Institutions(granted))
    said = {"provision": {"type": "deny"}} if status == "active" else {"identifier": None}

    posted(granting, b.LAKESIDE, an_objection(chart, status=status, number="F-2", resource=said))

    assert not is_permitted(services, case)


def test_who_may_only_revoke_files_no_form(services: Services):
    chart = b.a_chart()
    granted = [
        one.model_copy(update={"grants": frozenset({Grant.REVOCATIONS})}) for one in services.institutions.values()
    ]
    with pytest.raises(NotAllowed):
        posted(replace(services, institutions=Institutions(granted)), b.LAKESIDE, an_objection(chart))


# --- by HL7 v2 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["R", "X", "Q", ""])
@pytest.mark.parametrize("form", ["alone", "in a batch"])
def test_a_con_segment_that_refuses_or_rescinds_stops_what_its_sender_discloses(
    services: Services, state: str, form: str
):
    chart, case = a_case(services)
    assert is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    message = consent_message(chart, state)
    if form == "in a batch":
        message = b"BHS|^~\\&|PRAIRIELIS|PRAIRIE\r" + message + b"BTS|1\r"

    received(services, b.PRAIRIE, message)

    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert is_permitted(services, case)
    process_all(services)
    assert "source-objects" in codes(services)
    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)


ASIDE: dict[str, Callable[[bytes], bytes]] = {
    "a request to restrict": lambda message: message.replace(b"|001|", b"|110|"),
    "a refusal of psychiatric records": lambda message: message.replace(b"|001|", b"|102|").replace(b"|W|A", b"|W|R"),
    "an opt-out of its own": lambda message: message + b"ZHI|1|Opted out of health information exchange\r",
    "a sentence": lambda message: message + b"NTE|1||Please do not send my records to Summit\r",
}


@pytest.mark.parametrize("what", list(ASIDE))
def test_a_no_by_another_type_or_in_another_segment_stops_what_its_sender_discloses(services: Services, what: str):
    chart, case = a_case(services)

    message = consent_message(chart, "A")
    assert ASIDE[what](message) != message
    received(services, b.PRAIRIE, ASIDE[what](message))

    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    process_all(services)
    assert "source-objects" in codes(services)
    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)


def test_a_no_in_a_batch_stops_at_the_door_whatever_another_message_of_it_is(services: Services):
    chart, case = a_case(services)
    broken = consent_message(b.a_chart(), "R").replace(b"|PRAIRIE|", b"|" + b"P" * 17_000 + b"|", 1)

    received(services, b.PRAIRIE, consent_message(chart, "R") + broken)

    assert not is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert codes(services) == ["objection-unmatched", "source-objects"]


@pytest.mark.parametrize("state", ["A", "P", "B"])
def test_a_con_segment_that_objects_to_nothing_stops_nothing(services: Services, state: str):
    chart, case = a_case(services)
    received(services, b.PRAIRIE, consent_message(chart, state))
    assert is_permitted(services, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert not codes(services)


def test_a_no_by_hl7_v2_that_nobody_can_match_is_a_question_with_a_clock(services: Services):
    received(services, b.PRAIRIE, consent_message(b.a_chart(), "R"))
    assert codes(services) == ["objection-unmatched"]
    process_all(services)
    assert codes(services) == ["objection-unmatched"]


@pytest.mark.parametrize("word", [HoldAnswer.APPROVE, HoldAnswer.SEEN])
def test_a_no_that_nobody_can_match_stays_asked_about_while_its_batch_waits_for_a_word(
    services: Services, word: HoldAnswer
):
    no = consent_message(b.a_chart(), "R")
    arrival = received(services, b.PRAIRIE, b"BHS|^~\\&|PRAIRIELIS|PRAIRIE\r" + no + b"BTS|2\r")
    asked = b.the_hold(services, "objection-unmatched")

    process_all(services)

    assert [one.id for one in b.open_holds(services, arrival) if one.due_at] == [asked.id]
    desk.resolve(services, b.the_hold(services, "batch-miscounted").id, word, actor=ANN)
    process_all(services)
    still = b.the_hold(services, "objection-unmatched")
    assert (still.subject == arrival) is (word is HoldAnswer.SEEN)
    desk.resolve(services, still.id, HoldAnswer.SEEN, actor=ANN)
    assert not b.open_holds(services)


def test_a_no_that_nobody_can_match_stays_asked_about_where_reading_it_breaks_the_machinery(services: Services):
    arrival = received(services, b.PRAIRIE, consent_message(b.a_chart(), "R"))
    asked = b.the_hold(services, "objection-unmatched")
    with services.ledger.transaction() as tx:
        tx.run("UPDATE arrivals SET lost = %s WHERE arrival = %s", arrivals.LEASES_LOST, arrival)

    process_all(services)

    assert b.the_hold(services, "arrival-poisonous").subject == arrival
    assert b.the_hold(services, "objection-unmatched") == asked


@pytest.mark.parametrize(("mode", "ended"), [("W", End.REVOKED), ("T", End.PAUSED), ("V", End.PAUSED)])
def test_a_con_segment_that_rescinds_a_form_by_its_number_revokes_it_in_writing_alone(
    services: Services, mode: str, ended: End
):
    chart, case = a_case(services)
    form = chart["form"]["number"]
    number = f"{form['value']}^^{form['system'].removeprefix('urn:oid:')}^ISO"

    received(services, b.LAKESIDE, consent_message(chart, "X", mode=mode, number=number, institution=b.LAKESIDE))

    assert ends(services, case) == [ended]
    assert codes(services) == (["form-stopped"] if ended is End.PAUSED else [])
