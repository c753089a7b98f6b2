"""Who may do what at the desk: an actor cannot be built wrong, and no verb is done without its right."""

import inspect
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.kit.staff import somebody
from transfer.accounting import DelayReason
from transfer.calls import Call, Callee, CallOutcome
from transfer.completeness import WaiverKind
from transfer.contacts import Contact
from transfer.errors import NotAllowed
from transfer.facilities import AddedFacility
from transfer.flow import desk
from transfer.flow.desk.decisions import RIGHTS as RIGHTS_OF_ANSWERS
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import (
    AccountingId,
    ArrivalId,
    CaseId,
    HoldId,
    IncomingId,
    InstitutionId,
    LetterId,
    MaterialId,
    PacketId,
    ParcelId,
    RecordId,
)
from transfer.incoming import PagesBecame, SentBackHow
from transfer.letter_codes import CodeHolder
from transfer.looks import LookReason, PatientFlag
from transfer.materials import CheckIn, MaterialKind, Sufficiency
from transfer.misdirections import Misdirected, Misdirection
from transfer.parcels import Carrier
from transfer.periods import Period
from transfer.permissions import Dispute, End
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.remedies import RemedyCode
from transfer.reports import ReportKind, ReviewFinding
from transfer.rights import RIGHTS, Actor, Right, Role, roles_with
from transfer.sheets import SheetFormat

CASE = CaseId("c0123456789a")
ACCOUNTING = AccountingId("v0123456789abcde")
DAY = Period(date(2026, 3, 4), date(2026, 3, 4))
LAKESIDE = InstitutionId("lakeside-oncology")
PAPER = IncomingId("f0123456789abcde")

FACILITY = AddedFacility(
    id=InstitutionId("cedar-clinic-minot"),
    name="Cedar Clinic",
    city="Minot",
    time_zone="America/Chicago",
    holds=frozenset({RecordKind.NOTE}),
    contact=Contact(telephone="701 555 0142", fax="701 555 0143"),
)

#: each verb, how it is called, and the right it needs
CALLS = {
    "list_cases": ({}, Right.SEE_CASES),
    "today": ({"zone": ZoneInfo("UTC")}, Right.SEE_CASES),
    "list_part": ({"part": desk.ListPart.OURS, "zone": ZoneInfo("UTC")}, Right.SEE_CASES),
    "give_reply_code": ({"name": "q0123456789abcde"}, Right.WORK_ON_CASES),
    "give_own_code": ({"case": CASE, "holder": CodeHolder.PATIENT}, Right.WORK_ON_CASES),
    "give_own_pin": ({"case": CASE, "holder": CodeHolder.PATIENT}, Right.WORK_ON_CASES),
    "end_codes": ({"case": CASE, "holder": CodeHolder.PATIENT}, Right.STOP),
    "assign": ({"case": CASE, "to": "keller"}, Right.WORK_ON_CASES),
    "reassign": ({"whose": "keller", "to": "okafor"}, Right.WORK_ON_CASES),
    "plan_action": ({"name": "q0123456789abcde", "on": date(2027, 3, 4)}, Right.WORK_ON_CASES),
    "find_cases": ({"name": "Nguyen", "born": "1957-04-30"}, Right.SEE_IDENTITY),
    "dossier": ({"case": CASE}, Right.SEE_CASES),
    "story": ({"case": CASE}, Right.SEE_CASES),
    "log_call": (
        {"case": CASE, "call": Call(callee=Callee.PATIENT, outcome=CallOutcome.SPOKE)},
        Right.WORK_ON_CASES,
    ),
    "context": ({"name": HoldId.draw()}, Right.SEE_CASES),
    "undecided_cases": ({}, Right.SEE_CASES),
    "list_incoming": ({}, Right.SEE_CASES),
    "listed_paper": ({"name": PAPER}, Right.SEE_CASES),
    "upload_paper": ({"body": b"%PDF-1.4"}, Right.WORK_ON_CASES),
    "take_paper": ({"name": PAPER}, Right.SEE_CONTENT),
    "look_at_paper": ({"name": PAPER}, Right.SEE_CONTENT),
    "show_picture": ({"name": PAPER, "page": 1}, Right.SEE_CONTENT),
    "suggest": ({"name": PAPER}, Right.SEE_CONTENT),
    "open_paper": ({"name": PAPER}, Right.SEE_CONTENT),
    "index_pages": (
        {
            "name": PAPER,
            "pages": "1-4",
            "case": CASE,
            "said": desk.IndexedAs(kind=RecordKind.NOTE, institution=LAKESIDE),
        },
        Right.DECIDE_WHOSE,
    ),
    "enter_referral": (
        {
            "said": desk.EnteredReferral(
                referring=LAKESIDE,
                receiver=InstitutionId("summit-cancer-center"),
                family="Quillfeather",
                given=("Odalys",),
                birth_date=date(1961, 2, 3),
                diagnosis="Colon cancer",
            )
        },
        Right.WORK_ON_CASES,
    ),
    "bring_in_upload": ({"name": HoldId.draw()}, Right.DECIDE_WHOSE),
    "bring_in_disc": ({"source": Path("nowhere")}, Right.WORK_ON_CASES),
    "look_at_disc": ({"name": PAPER}, Right.SEE_CONTENT),
    "index_studies": (
        {"name": PAPER, "studies": "1", "case": CASE, "said": desk.IndexedStudies(institution=LAKESIDE)},
        Right.DECIDE_WHOSE,
    ),
    "record_sent_back": ({"name": PAPER, "how": SentBackHow.FAX}, Right.DECIDE_WHOSE),
    "leave_out": ({"name": PAPER, "pages": "1", "became": PagesBecame.LEFT_OUT}, Right.DECIDE_WHOSE),
    "list_parts": ({"case": CASE, "record": RecordId.draw()}, Right.SEE_CONTENT),
    "open_record": ({"case": CASE, "record": RecordId.draw(), "part": 0}, Right.SEE_CONTENT),
    "open_message": ({"name": ArrivalId.draw()}, Right.SEE_CONTENT),
    "holds": ({}, Right.SEE_CASES),
    "list_holds": ({}, Right.SEE_CASES),
    "hold": ({"name": HoldId.draw()}, Right.SEE_CASES),
    "chains": ({}, Right.AUDIT),
    "list_disclosures": ({"period": DAY}, Right.AUDIT),
    "disclosures_file": ({"period": DAY, "form": SheetFormat.CSV}, Right.AUDIT),
    "decisions_file": ({"period": DAY, "form": SheetFormat.CSV}, Right.AUDIT),
    "views_file": ({"period": DAY, "form": SheetFormat.CSV}, Right.AUDIT),
    "sample_file": ({"period": DAY, "form": SheetFormat.CSV, "size": 3, "seed": "a"}, Right.AUDIT),
    "draw_sample": ({"period": DAY, "size": 3, "seed": "a"}, Right.AUDIT),
    "list_decisions": ({"period": DAY}, Right.AUDIT),
    "list_views": ({"period": DAY}, Right.AUDIT),
    "review_period": (
        {"period": DAY, "report": ReportKind.VIEWS, "finding": ReviewFinding.NOTHING},
        Right.AUDIT,
    ),
    "list_accountings": ({}, Right.AUDIT),
    "accountings_to_give": ({}, Right.ACCOUNT),
    "ask_accounting": ({"case": CASE, "asked_on": date(2026, 3, 4), "period": DAY}, Right.ACCOUNT),
    "delay_accounting": ({"accounting": ACCOUNTING, "reason": DelayReason.VOLUME}, Right.ACCOUNT),
    "give_accounting": ({"accounting": ACCOUNTING, "form": SheetFormat.CSV}, Right.ACCOUNT),
    "count_figures": ({"period": DAY}, Right.AUDIT),
    "figures_file": ({"period": DAY, "form": SheetFormat.CSV}, Right.AUDIT),
    "note_walk": ({"walked": ()}, Right.AUDIT),
    "evidence": ({}, Right.AUDIT),
    "trace_case": ({"case": CASE}, Right.AUDIT),
    "trace_run": ({"run": f"{CASE}.1"}, Right.AUDIT),
    "chain_file": ({"case": CASE}, Right.AUDIT),
    "list_scorecards": ({}, Right.SEE_CASES),
    "measure_installation": ({}, Right.OPERATE),
    "try_interfaces": ({}, Right.OPERATE),
    "list_owed": ({"institution": LAKESIDE}, Right.SEE_CASES),
    "latest_days": ({"days": 30}, Right.SEE_CASES),
    "name_patients": ({"shown": [CASE]}, Right.SEE_CASES),
    "list_looks": ({"days": 30}, Right.AUDIT),
    "state_reason": ({"case": CASE, "reason": LookReason.PATIENT_ASKED}, Right.SEE_CASES),
    "flag_patient": ({"case": CASE, "flag": PatientFlag.VIP}, Right.FLAG_PATIENTS),
    "unflag_patient": ({"case": CASE, "flag": PatientFlag.VIP}, Right.FLAG_PATIENTS),
    "set_local_account": ({"password": "a long enough sentence"}, Right.MANAGE_SIGN_IN),
    "remove_local_account": ({}, Right.MANAGE_SIGN_IN),
    "list_center_accounts": ({}, Right.SEE_CASES),
    "invite_to_center": ({"center": "summit-cancer-center", "mail": "ann@summit.example"}, Right.RELEASE),
    "read_center_question": ({"name": HoldId.draw()}, Right.SEE_CONTENT),
    "renew_center_pin": ({"mail": "ann@summit.example"}, Right.RELEASE),
    "end_center_account": ({"mail": "ann@summit.example"}, Right.STOP),
    "walk_chain": ({"chain": "system"}, Right.AUDIT),
    "approve": ({"case": CASE}, Right.RELEASE),
    "waive": ({"case": CASE, "line": "slides", "kind": WaiverKind.ABSENT}, Right.RELEASE),
    "declare_emergency": (
        {"case": CASE, "institution": "mercy-imaging", "clinician": "Dr. Okafor", "reason": "surgery tonight"},
        Right.RELEASE,
    ),
    "file_paper_form": (
        {"case": CASE, "institution": InstitutionId("lakeside-oncology"), "fields": b"", "scan": b""},
        Right.RELEASE,
    ),
    "findings_on_paper": ({"institution": LAKESIDE, "fields": b""}, Right.RELEASE),
    "dispute": ({"permission": "m0123456789abcde", "what": Dispute.COMPOUND}, Right.STOP),
    "withdraw_dispute": ({"permission": "m0123456789abcde", "what": Dispute.COMPOUND}, Right.RELEASE),
    "resume": ({"permission": "m0123456789abcde"}, Right.RELEASE),
    "resume_everything": ({"case": CASE}, Right.RELEASE),
    "pause": ({"permission": "m0123456789abcde"}, Right.STOP),
    "revoke": ({"permission": "m0123456789abcde"}, Right.REVOKE),
    "stop_everything": ({"case": CASE, "how": End.PAUSED}, Right.STOP),
    "place_legal_hold": ({"case": CASE}, Right.REVOKE),
    "lift_legal_hold": ({"case": CASE}, Right.REVOKE),
    "resolve": ({"name": HoldId.draw(), "answer": HoldAnswer.SEEN}, Right.SEE_CASES),
    "file_in_chart": ({"case": CASE, "about": "r0123456789abcde"}, Right.WORK_ON_CASES),
    "record_misdirection": (
        {"case": CASE, "said": Misdirection(what=Misdirected.FAX, noticed_on=date(2027, 3, 4), to=LAKESIDE)},
        Right.STOP,
    ),
    "list_misdirections": ({"days": 30}, Right.AUDIT),
    "list_packet": ({"case": CASE, "packet": PacketId.of(CASE, 1)}, Right.SEE_CONTENT),
    "open_packet": ({"case": CASE, "packet": PacketId.of(CASE, 1)}, Right.SEE_CONTENT),
    "open_packet_file": ({"case": CASE, "packet": PacketId.of(CASE, 1), "number": 0}, Right.SEE_CONTENT),
    "add_note": ({"case": CASE, "text": "she called"}, Right.WORK_ON_CASES),
    "add_facility": ({"new": FACILITY}, Right.WORK_ON_CASES),
    "change_contact": ({"institution": FACILITY.id, "contact": FACILITY.contact}, Right.WORK_ON_CASES),
    "call_back": ({"institution": FACILITY.id}, Right.WORK_ON_CASES),
    "send_letter": ({"name": "q0123456789abcde"}, Right.WORK_ON_CASES),
    "retry_letter": ({"name": LetterId.draw()}, Right.WORK_ON_CASES),
    "cancel_letter": ({"name": LetterId.draw()}, Right.WORK_ON_CASES),
    "mark_sent_by_hand": ({"name": LetterId.draw()}, Right.WORK_ON_CASES),
    "open_letter": ({"name": LetterId.draw()}, Right.SEE_CONTENT),
    "list_letters": ({}, Right.SEE_CASES),
    "list_facilities": ({}, Right.SEE_CASES),
    "list_queues": ({}, Right.SEE_CASES),
    "list_unmapped_codes": ({"institution": LAKESIDE}, Right.SEE_CASES),
    "list_frames_not_taken": ({}, Right.SEE_CASES),
    "list_staff": ({}, Right.SEE_CASES),
    "list_permissions": ({"case": CASE}, Right.SEE_CASES),
    "recall": ({"case": CASE}, Right.RELEASE),
    "give_up": ({"case": CASE}, Right.RELEASE),
    "change": ({"case": CASE, "checklist": "colorectal"}, Right.WORK_ON_CASES),
    "withhold_pages": (
        {"case": CASE, "record": RecordId.draw(), "pages": (1,), "reason": "x"},
        Right.RELEASE,
    ),
    "add_need": ({"case": CASE, "kind": RecordKind.NOTE, "institution": LAKESIDE}, Right.WORK_ON_CASES),
    "add_procedure": (
        {"case": CASE, "procedure": ProcedureKind.SCAN, "institution": LAKESIDE},
        Right.WORK_ON_CASES,
    ),
    "set_appointment": ({"case": CASE, "when": datetime(2027, 3, 4, 10, tzinfo=UTC)}, Right.WORK_ON_CASES),
    "cancel_appointment": ({"case": CASE, "appointment": "referral"}, Right.WORK_ON_CASES),
    "drop_need": ({"case": CASE, "line": "added-1"}, Right.WORK_ON_CASES),
    "merge": ({"case": CASE, "other": CASE}, Right.DECIDE_WHOSE),
    "split": ({"case": CASE}, Right.DECIDE_WHOSE),
    "close": ({"case": CASE, "ending": "died"}, Right.WORK_ON_CASES),
    "answer_request": ({"name": "q0123456789abcde", "answer": desk.RequestAnswer.AGAIN}, Right.WORK_ON_CASES),
    "receive_material": ({"case": CASE, "pieces": 6, "accession": "S25-10071"}, Right.WORK_ON_CASES),
    "receive_parcel": ({"carrier": Carrier.UPS, "number": "1Z999AA10123456784"}, Right.WORK_ON_CASES),
    "find_parcel": ({"number": "1Z999AA10123456784"}, Right.SEE_CASES),
    "list_parcels": ({}, Right.SEE_CASES),
    "show_parcel": ({"parcel": ParcelId.draw()}, Right.SEE_CASES),
    "find_awaiting": ({"number": "S25-10071"}, Right.SEE_IDENTITY),
    "log_in": (
        {
            "case": CASE,
            "seen": CheckIn(parcel=ParcelId.draw(), accession="S25-10071", counts={MaterialKind.SLIDE: 12}),
        },
        Right.WORK_ON_CASES,
    ),
    "list_loans": ({}, Right.SEE_CASES),
    "find_pieces": ({"material": MaterialId.draw()}, Right.SEE_CASES),
    "show_pieces": ({"case": CASE, "material": MaterialId.draw()}, Right.SEE_CASES),
    "return_material": (
        {"case": CASE, "material": MaterialId.draw(), "carrier": Carrier.FEDEX},
        Right.WORK_ON_CASES,
    ),
    "confirm_return": ({"case": CASE, "material": MaterialId.draw()}, Right.WORK_ON_CASES),
    "keep_longer": (
        {"case": CASE, "material": MaterialId.draw(), "until": date(2027, 3, 4)},
        Right.WORK_ON_CASES,
    ),
    "judge_material": (
        {"case": CASE, "material": MaterialId.draw(), "said": Sufficiency.SUFFICIENT},
        Right.WORK_ON_CASES,
    ),
    "ask_for_material": ({"case": CASE, "material": MaterialId.draw()}, Right.WORK_ON_CASES),
    "describe_piece": ({"case": CASE, "material": MaterialId.draw(), "label": "A1-1"}, Right.WORK_ON_CASES),
    "announce_material": ({"case": CASE, "count": 6}, Right.WORK_ON_CASES),
    "open_referral": ({"institution": InstitutionId("lakeside-oncology"), "body": b"{}"}, Right.WORK_ON_CASES),
}
#: what makes somebody an actor, or ends it
SIGN_IN = {"session_of", "sign_in", "sign_in_locally", "sign_out"}
#: what says what an actor may, and does nothing
ABOUT_RIGHTS = {"demand", "may_see_identity"}
VERBS = {
    name: verb
    for name, verb in inspect.getmembers(desk, inspect.isfunction)
    if name in {*desk.__all__} - SIGN_IN - ABOUT_RIGHTS
}


class Untouched:
    """Everything a verb could read or write: whoever may not do it has not touched it."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was looked at")


def test_every_verb_takes_an_actor():
    without = [name for name, verb in VERBS.items() if inspect.signature(verb).parameters["actor"].annotation != Actor]

    assert without == []
    assert VERBS.keys() == CALLS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_verb_refuses_who_lacks_its_right_before_it_looks_at_anything(name: str):
    arguments, right = CALLS[name]

    with pytest.raises(NotAllowed) as refused:
        VERBS[name](Untouched(), **arguments, actor=somebody("ann", without=frozenset({right})))

    assert (refused.value.refusal.code, dict(refused.value.refusal.fields)) == (RefusalCode.NO_RIGHT, {"right": right})
    assert refused.value.remedy.code is RemedyCode.ASK_ROLE


@pytest.mark.parametrize("name", CALLS)
def test_who_has_the_right_comes_through(name: str):
    """Or the test above would pass for a verb that refuses everybody."""
    arguments, _ = CALLS[name]

    with pytest.raises(AssertionError, match="was looked at"):
        VERBS[name](Untouched(), **arguments, actor=somebody("ann"))


@pytest.mark.parametrize(
    ("name", "more", "right"),
    [
        ("dossier", "identity", Right.SEE_IDENTITY),
        ("dossier", "notes", Right.SEE_CONTENT),
        ("hold", "identity", Right.SEE_IDENTITY),
        ("today", "identity", Right.SEE_IDENTITY),
        ("list_part", "identity", Right.SEE_IDENTITY),
        ("show_parcel", "identity", Right.SEE_IDENTITY),
        ("list_loans", "identity", Right.SEE_IDENTITY),
        ("show_pieces", "identity", Right.SEE_IDENTITY),
    ],
)
def test_looking_closer_needs_a_right_of_its_own(name: str, more: str, right: Right):
    arguments, _ = CALLS[name]
    actor = somebody("ann", without=frozenset({right, Right.SEE_IDENTITY_FOR_REASON}))

    with pytest.raises(NotAllowed) as refused:
        VERBS[name](Untouched(), **arguments, **{more: True}, actor=actor)

    assert refused.value.refusal.fields["right"] == right
    with pytest.raises(AssertionError, match="was looked at"):
        VERBS[name](Untouched(), **arguments, actor=actor)


def test_every_question_says_which_right_its_answer_needs():
    assert RIGHTS_OF_ANSWERS.keys() == set(HoldCode)


@pytest.mark.parametrize("person", ["", " ", "Jane Zebra", "ann\n", "a" * 65, "-ann"])
def test_nobody_without_an_account_name_acts(person: str):
    with pytest.raises(ValueError, match="account name"):
        somebody(person)


def test_a_right_that_there_is_not_makes_no_actor():
    with pytest.raises(ValueError, match="a right"):
        Actor(person="ann", rights=frozenset({"everything"}), is_claimed=True)


def test_every_right_of_the_desk_is_in_some_role_and_everybody_on_a_case_may_stop():
    assert [right for right in Right if not roles_with(right)] == [Right.MANAGE_SIGN_IN]
    assert set(roles_with(Right.STOP)) == set(Role) - {Role.AUDITOR, Role.OPERATOR}
    assert roles_with(Right.RELEASE) == (Role.OFFICER,)
    assert not RIGHTS[Role.AUDITOR] & {Right.SEE_IDENTITY, Right.SEE_CONTENT}
