"""What may happen next: what institutions say, what people do at the desk, and time."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from tests.campaigns.walk.town import Person, Town
from tests.kit import builders as b
from tests.kit.objections import an_objection
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import DECLINE_REASONS, ArrivalKind, Door
from transfer.completeness import WaiverKind
from transfer.errors import TransferError
from transfer.flow import desk
from transfer.flow.desk.cases import ENDINGS
from transfer.hold_answers import ANSWERS
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, InstitutionId
from transfer.ledger import holds, permissions, requests, rounds
from transfer.ledger.holds import Hold
from transfer.permissions import Dispute, End
from transfer.requests import RequestAnswer
from transfer.rights import Actor
from transfer.rounds import Dag
from transfer.sandbox.oncology import letters
from transfer.sandbox.pathology import messages
from transfer.source_answers import Fee

FHIR = "application/fhir+json"
#: a move says what it did, in words of ours; None: there was nothing to do it to
Move = Callable[[Town], str | None]


class DeadEnd(AssertionError):
    """What the walk looks for."""


# --- what referring offices say ---------------------------------------------------------------------------------------


def refers(town: Town) -> str:
    """A new referral, mostly to one center."""
    person = town.dice.choice(town.people)
    number = {**person.chart["referral"]["number"], "value": f"R{len(person.referrals)}"}
    receiver = town.dice.choice((b.SUMMIT, b.SUMMIT, b.SUMMIT, b.MERCY))
    said = {**person.chart["referral"], "number": number, "receiver": receiver}
    person.referrals.append(said)
    return _refer(town, person, said, {}, "a referral")


def refers_again(town: Town) -> str | None:
    """The same referral says something else, or the same."""
    person, said = _a_referral(town)
    if said is None:
        return None
    days = town.dice.randrange(20, 90)
    change: dict[str, Any] = town.dice.choice(
        (
            {},
            {"appointment_at": f"{date(2027, 1, 1) + timedelta(days)}T10:00:00-06:00"},
            {"needed_by": str(date(2027, 1, 1) + timedelta(days))},
            {"question": f"Question {days}?"},
            {"priority": "urgent"},
            {"receiver": town.dice.choice((b.SUMMIT, b.MERCY, b.LAKESIDE))},
            {"sources": town.dice.choice(([], [b.LAKESIDE], [b.PRAIRIE, b.MERCY]))},
        )
    )
    said |= change
    order: dict[str, Any] = town.dice.choice(({}, {}, {"reasonCode": []}))
    return _refer(town, person, said, order, f"a referral again ({', '.join(change) or 'the same'})")


def referral_stands(town: Town) -> str | None:
    """It is withdrawn, on hold, planned, completed, or named for somebody else."""
    person, said = _a_referral(town)
    if said is None:
        return None
    status = town.dice.choice(("revoked", "revoked", "on-hold", "draft", "completed", "unknown", "entered-in-error"))
    if town.dice.random() < 0.1:
        other = town.dice.choice(town.people)
        return _refer(town, other, said, {}, "a referral under the number of another")
    return _refer(town, person, said, {"status": status}, f"a referral {status}")


def task_is_cancelled(town: Town) -> str | None:
    person, said = _a_referral(town)
    if said is None:
        return None
    task = letters.referral(person.chart, said)["entry"][2]["resource"]
    task["status"] = town.dice.choice(("cancelled", "requested", "on-hold", "completed"))
    _comes(town, person, ArrivalKind.REFERRAL, json.dumps(task).encode(), FHIR)
    return f"a task {task['status']}"


def refers_by_hl7(town: Town) -> str:
    person = town.dice.choice(town.people)
    trigger = town.dice.choice(("I12", "I12", "I13", "I14", "I15"))
    until = f"2027{town.dice.randrange(1, 10):02}05"
    body = b.ref_i12(person.chart).replace(b"REF^I12", f"REF^{trigger}".encode()).replace(b"20270405", until.encode())
    _comes(town, person, ArrivalKind.REFERRAL, body, HL7_V2)
    return f"REF^{trigger}"


def appointment(town: Town) -> str:
    person = town.dice.choice(town.people)
    who, number = person.chart["patient"], person.chart["numbers"][b.LAKESIDE]
    trigger, at = town.dice.choice(("S12", "S13", "S15", "S26")), f"2027{town.dice.randrange(1, 10):02}041000"
    issuer = number["system"].removeprefix("urn:oid:")
    body = (
        rf"MSH|^~\&|SCHED|X|TRANSFER|X|20260105101500||SIU^{trigger}^SIU_S12|{person.messages}|P|2.5.1"
        f"\rSCH|A1|||||R||||||^^^{at}\r"
        f"PID|1||{number['value']}^^^&{issuer}&ISO^MR||{who['family']}^{'^'.join(who['given'])}||"
        f"{who['birth_date'].replace('-', '')}|{who['sex'][0].upper()}\r"
    )
    _comes(town, person, ArrivalKind.NOTICE, body.encode(), HL7_V2, by=town.dice.choice((b.SUMMIT, b.LAKESIDE)))
    return f"SIU^{trigger}"


def _a_referral(town: Town) -> tuple[Person, dict[str, Any] | None]:
    person = town.dice.choice(town.people)
    return person, town.dice.choice(person.referrals) if person.referrals else None


def _refer(town: Town, person: Person, said: dict[str, Any], order: Mapping[str, object], what: str) -> str:
    bundle = letters.referral(person.chart, said)
    bundle["entry"][1]["resource"] |= order
    _comes(town, person, ArrivalKind.REFERRAL, json.dumps(bundle).encode(), FHIR)
    return what


def _comes(
    town: Town,
    person: Person,
    kind: ArrivalKind,
    body: bytes,
    content_type: str,
    *,
    by: str = b.LAKESIDE,
    subject: str | None = None,
) -> None:
    person.messages += 1
    door = Door.MLLP if content_type == HL7_V2 else Door.FHIR
    b.comes(town.services, by, kind, body, content_type, door, subject)


# --- what sources, patients and centers say ---------------------------------------------------------------------------


def report_comes(town: Town) -> str:
    person = town.dice.choice(town.people)
    status = town.dice.choice("PFFFC")
    form = town.dice.choice(("oru", "mdm"))
    body = messages.report(person.chart, control_id=str(person.messages), status=status, form=form)
    _comes(town, person, ArrivalKind.ANSWER, body, HL7_V2, by=b.PRAIRIE)
    return f"a report {status}"


def form_is_signed(town: Town) -> str:
    person = town.dice.choice(town.people)
    number = f"F{len(person.forms)}"
    person.forms.append(number)
    recipients = town.dice.choice(([b.SUMMIT], [b.SUMMIT, b.MERCY], [b.SUMMIT, b.MERCY, b.LAKESIDE]))
    codes = town.dice.choice(([], [], ["11488-4"]))
    form = letters.release_form(person.chart, {"number": number, "recipients": recipients, "codes": codes})
    _comes(town, person, ArrivalKind.AUTHORIZATION, json.dumps(form).encode(), FHIR)
    return "a form"


def form_is_taken_back(town: Town) -> str | None:
    person = town.dice.choice(town.people)
    if not person.forms:
        return None
    number = town.dice.choice([*person.forms, "F99"])
    status = town.dice.choice(("inactive", "entered-in-error", "rejected"))
    body = json.dumps(an_objection(person.chart, number=number, status=status)).encode()
    _comes(town, person, ArrivalKind.AUTHORIZATION, body, FHIR)
    return f"a form {status}"


def receipt(town: Town) -> str | None:
    found = [
        (case, packet)
        for case in town.cases()
        for packet, sent in _case(town, case).packets.items()
        if sent.begun and sent.begun.recipient == b.SUMMIT
    ]
    if not found:
        return None
    _, packet = town.dice.choice(found)
    status = town.dice.choice(("accepted", "rejected"))
    reasons = town.dice.sample([*sorted(DECLINE_REASONS), "slides", "images", "pathology-report", "operative-note"], 2)
    task: dict[str, Any] = {"resourceType": "Task", "status": status, "intent": "order"}
    task["focus"] = {"identifier": {"system": "urn:records-transfer:packet", "value": packet}}
    if status == "rejected":
        task["statusReason"] = {"coding": [{"code": reason} for reason in reasons]}
    body = json.dumps(task).encode()
    _comes(town, town.people[0], ArrivalKind.RECEIPT, body, FHIR, by=b.SUMMIT, subject=packet)
    return f"a receipt {status}"


def source_says(town: Town) -> str | None:
    """A source answers a request by a Task: what it says is one of many things, or nothing we know."""
    asked = [one for case in town.cases(closed=False) for one in _requests(town, case)]
    if not asked:
        return None
    name, institution = town.dice.choice(asked)
    number = {"system": "urn:records-transfer:request", "value": name}
    status = town.dice.choice(("rejected", "rejected", "failed", "on-hold", "in-progress", "accepted", "completed"))
    task: dict[str, Any] = {"resourceType": "Task", "status": status, "intent": "order"}
    task |= {"identifier": [number], "focus": {"identifier": number}}
    code = town.dice.choice((*sorted(RequestAnswer), "something-else"))
    task["statusReason"] = {"coding": [{"system": "urn:records-transfer:reason", "code": code}]}
    person = town.people[0]
    person.messages += 1
    task["lastModified"] = f"2026-01-01T00:00:{person.messages % 60:02}.{person.messages:06}Z"
    _comes(town, person, ArrivalKind.ANSWER, json.dumps(task).encode(), FHIR, by=institution)
    return f"a task {status} ({code})"


# --- what people do ---------------------------------------------------------------------------------------------------


def _at_desk(verb: Callable[[Town, CaseId, Actor], object], name: str) -> Move:
    """A verb about a case. It is done or refused by name: anything else is a finding."""

    def move(town: Town) -> str | None:
        case = town.a_case()
        if case is None:
            return None
        try:
            verb(town, case, town.dice.choice((ANN, BEN)))
        except TransferError as error:
            return f"{name}: refused ({_named(error)})"
        return name

    return move


def _named(error: TransferError) -> str:
    """The name of a refusal.

    Raises:
        DeadEnd: it has none, or says nothing of what to do instead.
    """
    if error.refusal is None and error.remedy is None:
        raise DeadEnd(f"a refusal without a name or a remedy: {error!r}")
    return str(error.refusal.code if error.refusal else type(error).__name__)


def _approve(town: Town, case: CaseId, actor: Actor) -> None:
    lines = [need.line for need in desk.dossier(town.services, case, actor=actor).needs if need.is_required]
    without = lines if town.dice.random() < 0.7 else lines[:1]
    desk.approve(town.services, case, actor=actor, without=without)


def _waive(town: Town, case: CaseId, actor: Actor) -> None:
    shown = desk.dossier(town.services, case, actor=actor)
    if not shown.needs:
        return
    kind = town.dice.choice(tuple(WaiverKind))
    names_one = kind in (WaiverKind.SUBSTITUTE, WaiverKind.ANSWERED_BY)
    record = shown.records[0].record if shown.records and names_one else None
    desk.waive(town.services, case, town.dice.choice(shown.needs).line, kind, actor=actor, record=record)


def _change(town: Town, case: CaseId, actor: Actor) -> None:
    how: dict[str, Any] = town.dice.choice(
        (
            {"receiver": town.dice.choice((b.SUMMIT, b.MERCY))},
            {"checklist": town.dice.choice(("colorectal", "common"))},
            {"sources": [town.dice.choice((b.MERCY, b.PRAIRIE, b.LAKESIDE))]},
            {"needed_by": date(2027, 2, town.dice.randrange(1, 28))},
            {"appointment_at": datetime(2027, 3, town.dice.randrange(1, 28), 15, tzinfo=UTC)},
        )
    )
    desk.change(town.services, case, actor=actor, **how)


def _count(town: Town, case: CaseId, actor: Actor) -> None:
    if town.dice.random() < 0.3:
        desk.announce_material(town.services, case, town.dice.choice((6, 7)), actor=actor)
        return
    desk.receive_material(
        town.services,
        case,
        pieces=town.dice.choice((5, 6)),
        accession=town.dice.choice(("S25-1", "S25-2")),
        announced=town.dice.choice((None, 6)),
        actor=actor,
        is_another_parcel=town.dice.random() < 0.2,
    )


def _answer_request(town: Town, case: CaseId, actor: Actor) -> None:
    asked = _requests(town, case)
    if asked:
        name, answer = town.dice.choice(asked)[0], town.dice.choice(tuple(RequestAnswer))
        how: dict[str, Any] = town.dice.choice(
            (
                {},
                {"day": date(2027, 1, town.dice.randrange(1, 28))},
                {"institution": town.dice.choice((b.MERCY, b.PRAIRIE, b.SUMMIT))},
                {"fee": Fee(amount=Decimal("12.50"), currency="USD")},
            )
        )
        desk.answer_request(town.services, name, answer, actor=actor, **how)


def _close(town: Town, case: CaseId, actor: Actor) -> None:
    desk.close(town.services, case, town.dice.choice(ENDINGS), actor=actor)


def _merge(town: Town, case: CaseId, actor: Actor) -> None:
    other = town.dice.choice(town.cases())
    for one in (ANN, BEN):
        desk.merge(town.services, case, other, actor=one)
    if town.dice.random() < 0.7:  # people who are two should not stay one for long
        process_all(town.services)
        desk.split(town.services, other, actor=actor)


def _stop(town: Town, case: CaseId, actor: Actor) -> None:
    desk.stop_everything(town.services, case, town.dice.choice((End.PAUSED, End.REVOKED)), actor=actor)


def on_a_form(town: Town) -> str | None:
    """A person pauses, resumes, revokes or disputes a form."""
    case = town.a_case()
    opened = _case(town, case).as_opened if case else None
    if opened is None:
        return None
    with town.services.ledger.transaction() as tx:
        forms = [one.permission.id for one in permissions.filed(tx, opened.patient)]
    if not forms:
        return None
    form, services = town.dice.choice(forms), town.services
    verbs: dict[str, Callable[[], object]] = {
        "pause": lambda: desk.pause(services, form, actor=ANN),
        "resume": lambda: desk.resume(services, form, actor=ANN),
        "revoke": lambda: desk.revoke(services, form, actor=ANN),
        "dispute": lambda: desk.dispute(services, form, Dispute.COMPOUND, actor=ANN),
        "withdraw dispute": lambda: desk.withdraw_dispute(services, form, Dispute.COMPOUND, actor=ANN),
    }
    name = town.dice.choice([*sorted(verbs), "resume", "resume"])
    try:
        verbs[name]()
    except TransferError as error:
        return f"{name}: refused ({_named(error)})"
    return name


def answers_a_question(town: Town) -> str | None:
    """Any open question with any of its answers.

    Raises:
        DeadEnd: not one of its answers is taken.
    """
    with town.services.ledger.transaction() as tx:
        asked = holds.open_holds(tx)
    if not asked:
        return None
    hold = town.dice.choice(sorted(asked, key=lambda one: (one.opened_at, one.code)))
    words = list(ANSWERS[hold.code])
    town.dice.shuffle(words)
    refused = []
    for word in words:
        try:
            actor, case = town.dice.choice((ANN, BEN)), _named_case(town, hold, word)
            desk.resolve(town.services, hold.id, word, actor=actor, case=case)
        except TransferError as error:
            refused.append(f"{word}: {_named(error)}")
        else:
            return f"{hold.code}: {word}"
    raise DeadEnd(f"no answer to {hold.code} about {hold.about} is taken: {refused}")


def _named_case(town: Town, hold: Hold, word: HoldAnswer) -> CaseId | None:
    """A case of a patient that the question compares with."""
    if word is not HoldAnswer.OURS:
        return None
    try:
        compared = desk.hold(town.services, hold.id, actor=ANN).comparison
    except TransferError:
        return None
    named = [case for one in (compared.candidates if compared else ()) for case in one.cases]
    still = [case for case in named if _case(town, CaseId(case)).is_open]
    return CaseId(town.dice.choice(still or named)) if named else None


# --- time -------------------------------------------------------------------------------------------------------------


def time_passes(town: Town) -> str:
    by = town.dice.choice((timedelta(minutes=2), timedelta(hours=7), timedelta(days=1), timedelta(days=4)))
    town.time_passes(by)
    if town.dice.random() < 0.3:
        with town.services.ledger.transaction() as tx:
            rounds.owe(tx, Dag.HOUSEKEEPING, "inbox")
    return f"{by} pass"


def _case(town: Town, case: CaseId) -> Any:
    with town.services.ledger.transaction() as tx:
        return tx.case(case)


def _requests(town: Town, case: CaseId) -> list[tuple[str, InstitutionId]]:
    with town.services.ledger.transaction() as tx:
        return [(one.id, one.institution) for one in requests.of_case(tx, case)]


#: what may happen, and how often beside the others
MOVES: Mapping[Move, int] = MappingProxyType(
    {
        refers: 6,
        refers_again: 10,
        referral_stands: 4,
        task_is_cancelled: 1,
        refers_by_hl7: 3,
        appointment: 5,
        report_comes: 12,
        form_is_signed: 12,
        form_is_taken_back: 2,
        receipt: 20,
        source_says: 8,
        on_a_form: 8,
        answers_a_question: 30,
        time_passes: 20,
        _at_desk(_approve, "approve"): 30,
        _at_desk(lambda t, c, a: desk.give_up(t.services, c, actor=a), "give up"): 5,
        _at_desk(lambda t, c, a: desk.recall(t.services, c, actor=a), "recall"): 4,
        _at_desk(_waive, "waive"): 8,
        _at_desk(_change, "change"): 6,
        _at_desk(_count, "count glass"): 6,
        _at_desk(_answer_request, "answer a request"): 8,
        _at_desk(_close, "close"): 2,
        _at_desk(_merge, "merge"): 2,
        _at_desk(_stop, "stop everything"): 1,
    }
)
