"""The verbs that write."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from tests.campaigns.chaos.points_running import Verb, later
from tests.campaigns.chaos.points_situations import CEDAR, Known, disc_file, handing_over, taken, watcher
from tests.kit import processing
from tests.kit.discs import a_zip, an_image
from tests.kit.doors import deliver, post
from tests.kit.house import House
from tests.kit.letter_posts import a_post
from tests.kit.paper_forms import SCAN
from tests.kit.papers import a_pdf
from tests.kit.scripted_airflow import ScriptedAirflow
from tests.kit.staff import NURSE, REGISTRAR
from transfer import facts
from transfer.accounting import DelayReason
from transfer.adapters.airflow_api import AirflowApi
from transfer.calls import Call, Callee, CallOutcome
from transfer.completeness import WaiverKind
from transfer.contacts import Contact
from transfer.dispatcher import Dispatcher
from transfer.embedded.ports import answers
from transfer.facts import Fact
from transfer.flow import desk, page_texts
from transfer.flow.assemble import assemble
from transfer.flow.opening import open_case
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.gateway.__main__ import serve
from transfer.holds import HoldAnswer
from transfer.identifiers import InstitutionId, PacketId
from transfer.incoming import PagesBecame, SentBackHow
from transfer.ledger import rounds, written
from transfer.ledger.arrivals import IN_ROW
from transfer.letter_codes import CodeHolder
from transfer.looks import LookReason, PatientFlag
from transfer.materials import CheckIn, MaterialKind, Sufficiency
from transfer.metrics import exposed
from transfer.misdirections import Misdirected, Misdirection
from transfer.parcels import Carrier
from transfer.permissions import Dispute, End
from transfer.procedures import ProcedureKind
from transfer.records import RecordKind
from transfer.reports import ReportKind, ReviewFinding
from transfer.rounds import Dag
from transfer.sheets import SheetFormat

Act = Callable[[House, Known], object]

LAKESIDE = InstitutionId("lakeside-oncology")
CEDAR_ELSEWHERE = Contact(telephone="701 555 0142", fax="701 555 0199")
SOON = datetime.now(UTC).date() + timedelta(days=7)
#: made once, for the same pages made again are other bytes
PAPER = a_pdf(2)
OF_MERCY = desk.IndexedStudies(institution=InstitutionId("mercy-imaging"))
ON_PAPER = desk.EnteredReferral(
    referring=LAKESIDE,
    receiver=InstitutionId("summit-cancer-center"),
    family="Quillfeather",
    given=("Odalys",),
    birth_date=date(1961, 2, 3),
    diagnosis="Colon cancer",
    checklist="colorectal",
)
A_NOTE = desk.IndexedAs(kind=RecordKind.NOTE, institution=LAKESIDE)
ASTRAY = Misdirection(what=Misdirected.FAX, noticed_on=date(2026, 1, 5), words="A clinic of the same name")
CALL = Call(callee=Callee.PATIENT, outcome=CallOutcome.SPOKE)


def _round(dag: Dag) -> Act:
    """What a run of this DAG does, from taking its round to saying that it is done."""

    def act(house: House, _: Known) -> None:
        with house.services.ledger.transaction() as tx:
            (one,) = [owed for owed in rounds.postable(tx) if owed.dag is dag]
            rounds.posted(tx, one)
        processing.run(house.services, one)

    return act


def _request(department: str) -> Act:
    return lambda house, known: request(house.services, known["taken"], known[department])


OF_ROUNDS = [
    Verb(
        name="open a case",
        situation="referred",
        act=lambda house, _: open_case(house.services, taken(house.services, Dag.OPEN_CASE)),
    ),
    Verb(name="ask for documents", situation="admitted", act=_request("records-office")),
    Verb(name="ask for images", situation="admitted", act=_request("film-room")),
    Verb(name="ask for a large study", situation="large-study", act=_request("film-room")),
    Verb(name="receive what came", situation="came-in", act=_round(Dag.RECEIVE_ARRIVALS)),
    Verb(
        name="assemble a packet",
        situation="approved",
        act=lambda house, known: assemble(house.services, PacketId(known["packet"])),
    ),
    Verb(
        name="deliver a packet",
        situation="assembled",
        act=lambda house, known: handing_over(house.services, known["packet"]),
    ),
    Verb(
        name="deliver in doubt",
        situation="in-doubt",
        act=lambda house, known: handing_over(house.services, known["packet"]),
    ),
    Verb(name="settle: accepted", situation="accepted", act=_round(Dag.SETTLE_DELIVERY)),
    Verb(name="settle: declined", situation="declined", act=_round(Dag.SETTLE_DELIVERY)),
    Verb(name="withdraw", situation="paused", act=_round(Dag.ENFORCE_PERMISSIONS)),
    Verb(name="purge a patient", situation="revoked", act=_round(Dag.ENFORCE_PERMISSIONS)),
    Verb(name="purge in part", situation="revoked-in-part", act=_round(Dag.ENFORCE_PERMISSIONS)),
    Verb(name="purge unmatched", situation="lapsed", act=_round(Dag.HOUSEKEEPING)),
]


# --- the desk ---------------------------------------------------------------------------------------------------------


def _at_desk(name: str, act: Act, situation: str = "waiting") -> Verb:
    """A person who got no answer does the same again."""
    return Verb(name=f"desk: {name}", situation=situation, act=act, again=act)


def _bring_in_disc(house: House, _: Known) -> object:
    with disc_file(a_zip({"1": an_image("1", 1), "2": an_image("1", 2)})) as disc:
        return desk.bring_in_disc(house.services, disc, actor=NURSE)


def _looking_first(name: str, act: Act, kind: type[Fact], situation: str = "waiting", *, there: int = 0) -> Verb:
    """Each time it is done anew, so a person who got no answer looks first. `there`: facts of the kind that
    the situation wrote.
    """

    def again(house: House, known: Known) -> None:
        with house.services.ledger.transaction() as tx:
            now = tx.now()
            found = len(written.between(tx, (kind,), now - timedelta(days=1), now))
        if found == there:
            act(house, known)

    return Verb(name=f"desk: {name}", situation=situation, act=act, again=again)


def _open_referral(house: House, known: Known) -> object:
    body = json.dumps(known["referral"]).encode()
    return desk.open_referral(house.services, LAKESIDE, body, actor=NURSE)


def _announce(house: House, known: Known) -> object:
    return desk.announce_material(house.services, known["case"], 6, actor=NURSE)


def _check_in(known: Known) -> CheckIn:
    counts = {MaterialKind.SLIDE: 6, MaterialKind.BLOCK: 2}
    return CheckIn(parcel=known["parcel"], accession="S25-10071", counts=counts, announced=counts)


def _file_paper_form(house: House, known: Known) -> object:
    """A scan that is kept in the vault."""
    scan, institution = SCAN + bytes(IN_ROW), LAKESIDE
    return desk.file_paper_form(house.services, known["case"], institution, known["fields"], scan, actor=NURSE)


def _declare_emergency(house: House, known: Known) -> object:
    return desk.declare_emergency(
        house.services, known["case"], "mercy-imaging", clinician="Dr. Okafor", reason="Surgery tonight", actor=NURSE
    )


def _withhold(house: House, known: Known) -> object:
    return desk.withhold_pages(
        house.services, known["case"], known["record"], (1,), reason="Of another specimen", actor=NURSE
    )


def _take_along(house: House, _: Known) -> object:
    period = desk.latest_days(house.services, 30, actor=NURSE)
    return desk.disclosures_file(house.services, period, SheetFormat.CSV, actor=NURSE)


def _take_along_if_none_was_made(house: House, known: Known) -> object:
    """Each file says when it was made, so a second one is another. Who got no answer sees whether there is one."""
    with house.services.ledger.transaction() as tx:
        is_made = tx.rows("SELECT 1 FROM facts WHERE kind = 'report-made'")
    return None if is_made else _take_along(house, known)


def _review(house: House, _: Known) -> object:
    period = desk.latest_days(house.services, 30, actor=NURSE)
    return desk.review_period(house.services, period, ReportKind.VIEWS, ReviewFinding.NOTHING, actor=NURSE)


def _ask_accounting(house: House, known: Known) -> object:
    period = desk.latest_days(house.services, 30, actor=NURSE)
    return desk.ask_accounting(house.services, known["case"], period.last, period, actor=NURSE)


def _writing(house: House) -> Services:
    """The services of a desk that writes letters."""
    return replace(house.services, letter_post=a_post())


OF_THE_DESK = [
    _at_desk("approve", lambda h, k: desk.approve(h.services, k["case"], actor=NURSE)),
    _at_desk("answer a question", lambda h, k: desk.resolve(h.services, k["hold"], HoldAnswer.APPROVE, actor=NURSE)),
    _at_desk(
        "two people say whose",
        lambda h, k: desk.resolve(h.services, k["hold"], HoldAnswer.OURS, actor=REGISTRAR, case=k["case"]),
        "doubtful",
    ),
    _at_desk("waive", lambda h, k: desk.waive(h.services, k["case"], "slides", WaiverKind.ABSENT, actor=NURSE)),
    _at_desk(
        "count pieces",
        lambda h, k: desk.receive_material(
            h.services, k["case"], pieces=6, announced=6, accession="S25-10071", actor=NURSE
        ),
    ),
    _at_desk("announce pieces", _announce, "counted"),
    _at_desk(
        "take a parcel in",
        lambda h, _: desk.receive_parcel(h.services, carrier=Carrier.UPS, number="1Z999AA10123456784", actor=NURSE),
    ),
    _at_desk(
        "log a parcel in",
        lambda h, k: desk.log_in(h.services, k["case"], _check_in(k), actor=NURSE),
        "parcel",
    ),
    _at_desk(
        "give a loan back",
        lambda h, k: desk.return_material(
            h.services, k["case"], k["material"], carrier=Carrier.UPS, number="1Z999AA10123456784", actor=NURSE
        ),
        "counted",
    ),
    _at_desk(
        "describe a piece",
        lambda h, k: desk.describe_piece(h.services, k["case"], k["material"], "A1-1", place="Shelf 2", actor=NURSE),
        "counted",
    ),
    _at_desk(
        "a loan is back",
        lambda h, k: desk.confirm_return(h.services, k["case"], k["material"], actor=NURSE),
        "counted",
    ),
    _at_desk(
        "keep a loan longer",
        lambda h, k: desk.keep_longer(h.services, k["case"], k["material"], date(2030, 1, 31), actor=NURSE),
        "counted",
    ),
    _at_desk(
        "judge pieces",
        lambda h, k: desk.judge_material(
            h.services, k["case"], k["material"], Sufficiency.NEED_BLOCK, words="the other half", actor=NURSE
        ),
        "counted",
    ),
    _at_desk(
        "ask for pieces",
        lambda h, k: desk.ask_for_material(h.services, k["case"], k["material"], actor=NURSE),
        "parcel",
    ),
    _at_desk("declare an emergency", _declare_emergency),
    _at_desk("note", lambda h, k: desk.add_note(h.services, k["case"], "Called her daughter", actor=NURSE)),
    _at_desk(
        "telephone answer",
        lambda h, k: desk.answer_request(h.services, k["request"], desk.RequestAnswer.AGAIN, actor=NURSE),
    ),
    _at_desk("revoke", lambda h, k: desk.revoke(h.services, k["permission"], actor=NURSE), "assembled"),
    _at_desk("pause", lambda h, k: desk.pause(h.services, k["permission"], actor=NURSE)),
    _at_desk("stop everything", lambda h, k: desk.stop_everything(h.services, k["case"], End.PAUSED, actor=NURSE)),
    _at_desk("place a legal hold", lambda h, k: desk.place_legal_hold(h.services, k["case"], actor=NURSE)),
    _at_desk("lift a legal hold", lambda h, k: desk.lift_legal_hold(h.services, k["case"], actor=NURSE), "legal-hold"),
    _at_desk(
        "dispute",
        lambda h, k: desk.dispute(h.services, k["permission"], Dispute.FALSE, actor=NURSE, note="The date was altered"),
    ),
    _at_desk(
        "withdraw a dispute",
        lambda h, k: desk.withdraw_dispute(h.services, k["permission"], Dispute.FALSE, actor=NURSE),
        "disputed",
    ),
    _at_desk("enter a paper form", _file_paper_form),
    _at_desk("resume", lambda h, k: desk.resume(h.services, k["permission"], actor=NURSE), "paused"),
    _at_desk(
        "resume everything",
        lambda h, k: desk.resume_everything(h.services, k["case"], actor=NURSE),
        "all-stopped",
    ),
    _at_desk(
        "merge two patients",
        lambda h, k: desk.merge(h.services, k["case"], k["other"], actor=REGISTRAR),
        "two-of-one",
    ),
    _at_desk("take them apart", lambda h, k: desk.split(h.services, k["other"], actor=NURSE), "merged"),
    _at_desk("close", lambda h, k: desk.close(h.services, k["case"], "opinion-given", actor=NURSE)),
    _at_desk(
        "change a case",
        lambda h, k: desk.change(h.services, k["case"], needed_by=date(2030, 1, 31), actor=NURSE),
    ),
    _at_desk(
        "add an appointment",
        lambda h, k: desk.set_appointment(h.services, k["case"], datetime(2030, 1, 31, 9, tzinfo=UTC), actor=NURSE),
    ),
    _at_desk(
        "cancel an appointment",
        lambda h, k: desk.cancel_appointment(h.services, k["case"], "referral", actor=NURSE),
    ),
    _at_desk("give up a packet", lambda h, k: desk.give_up(h.services, k["case"], actor=NURSE), "assembled"),
    _at_desk("recall", lambda h, k: desk.recall(h.services, k["case"], actor=NURSE), "assembled"),
    _at_desk("bring in a paper", lambda h, _: desk.upload_paper(h.services, PAPER, actor=NURSE)),
    _at_desk("take a paper", lambda h, k: desk.take_paper(h.services, k["paper"], actor=NURSE), "paper-in"),
    _at_desk(
        "index pages",
        lambda h, k: desk.index_pages(h.services, k["paper"], "1-2", k["case"], A_NOTE, actor=NURSE),
        "paper-in",
    ),
    _at_desk(
        "bring in an upload",
        lambda h, k: desk.bring_in_upload(h.services, k["hold"], actor=NURSE),
        "uploaded",
    ),
    _at_desk("bring in a disc", _bring_in_disc),
    _at_desk(
        "index studies",
        lambda h, k: desk.index_studies(h.services, k["disc"], "all", k["case"], OF_MERCY, actor=NURSE),
        "disc-in",
    ),
    _at_desk(
        "leave pages out",
        lambda h, k: desk.leave_out(h.services, k["paper"], "1", PagesBecame.MISDIRECTED, actor=NURSE),
        "paper-in",
    ),
    _at_desk(
        "read the words on a scan",
        lambda h, _: page_texts.read_next(h.services, lambda _type, _body, page: f"page {page}"),
        "paper-in",
    ),
    _at_desk(
        "say how it went back",
        lambda h, k: desk.record_sent_back(h.services, k["paper"], SentBackHow.FAX, actor=NURSE),
        "paper-misdirected",
    ),
    _at_desk(
        "enter a referral from paper",
        lambda h, k: desk.enter_referral(h.services, ON_PAPER, actor=NURSE, came_on=desk.PagesOf(k["paper"], "1-2")),
        "paper-in",
    ),
    _at_desk("enter a referral", _open_referral, "at-the-doors"),
    _at_desk(
        "file in our chart",
        lambda h, k: desk.file_in_chart(h.services, k["case"], f"{k['case']}-p1", actor=NURSE),
        "assembled",
    ),
    _at_desk(
        "record what went astray",
        lambda h, k: desk.record_misdirection(h.services, k["case"], ASTRAY, actor=NURSE),
    ),
    _at_desk("log a call", lambda h, k: desk.log_call(h.services, k["case"], CALL, actor=NURSE)),
    _at_desk(
        "plan the next look",
        lambda h, k: desk.plan_action(h.services, k["film-room"], SOON, actor=NURSE),
        "admitted",
    ),
    _at_desk("give a reply code", lambda h, k: desk.give_reply_code(h.services, k["request"], actor=NURSE)),
    _at_desk("give a code", lambda h, k: desk.give_own_code(h.services, k["case"], CodeHolder.PATIENT, actor=NURSE)),
    _looking_first(
        "give a pin",
        lambda h, k: desk.give_own_pin(h.services, k["case"], CodeHolder.PATIENT, actor=NURSE),
        facts.LetterPinGiven,
    ),
    _at_desk("end codes", lambda h, k: desk.end_codes(h.services, k["case"], CodeHolder.PATIENT, actor=NURSE)),
    _at_desk("add a facility", lambda h, _: desk.add_facility(h.services, CEDAR, actor=NURSE)),
    _at_desk(
        "change how a facility is reached",
        lambda h, _: desk.change_contact(h.services, CEDAR.id, CEDAR_ELSEWHERE, actor=NURSE),
        "facility-added",
    ),
    _at_desk("call a facility back", lambda h, _: desk.call_back(h.services, CEDAR.id, actor=NURSE), "facility-added"),
    _at_desk(
        "send a letter", lambda h, k: desk.send_letter(_writing(h), k["request"], actor=NURSE), "letter-cancelled"
    ),
    _at_desk(
        "try a letter again", lambda h, k: desk.retry_letter(_writing(h), k["letter"], actor=NURSE), "letter-owed"
    ),
    _at_desk("cancel a letter", lambda h, k: desk.cancel_letter(_writing(h), k["letter"], actor=NURSE), "letter-owed"),
    _at_desk(
        "say that a letter was sent by hand",
        lambda h, k: desk.mark_sent_by_hand(_writing(h), k["letter"], actor=NURSE),
        "letter-owed",
    ),
    _at_desk("assign", lambda h, k: desk.assign(h.services, k["case"], "keller", actor=NURSE)),
    _at_desk("reassign", lambda h, k: desk.reassign(h.services, "keller", "okafor", actor=NURSE), "assigned"),
    _at_desk(
        "add a need",
        lambda h, k: desk.add_need(h.services, k["case"], RecordKind.OPERATIVE_NOTE, LAKESIDE, actor=NURSE),
    ),
    _at_desk(
        "list what was done",
        lambda h, k: desk.add_procedure(h.services, k["case"], ProcedureKind.OPERATION, LAKESIDE, actor=NURSE),
    ),
    _at_desk("withhold pages", _withhold, "pdf-held"),
    _at_desk(
        "drop a need",
        lambda h, k: desk.drop_need(h.services, k["case"], k["line"], actor=NURSE),
        "need-added",
    ),
    _at_desk(
        "say why one looks",
        lambda h, k: desk.state_reason(h.services, k["case"], LookReason.PATIENT_ASKED, actor=NURSE),
    ),
    _at_desk("flag a patient", lambda h, k: desk.flag_patient(h.services, k["case"], PatientFlag.VIP, actor=NURSE)),
    _at_desk(
        "take a flag away",
        lambda h, k: desk.unflag_patient(h.services, k["case"], PatientFlag.VIP, actor=NURSE),
        "flagged",
    ),
    _at_desk(
        "invite somebody of a center",
        lambda h, _: desk.invite_to_center(h.services, "summit-cancer-center", "ann@summit.example", actor=NURSE),
    ),
    _looking_first(
        "renew a center's pin",
        lambda h, _: desk.renew_center_pin(h.services, "ann@summit.example", actor=NURSE),
        facts.CenterAccountSet,
        "center-invited",
        there=1,
    ),
    _at_desk(
        "end a center's account",
        lambda h, _: desk.end_center_account(h.services, "ann@summit.example", actor=NURSE),
        "center-invited",
    ),
    Verb(name="desk: take a list along", situation="waiting", act=_take_along, again=_take_along_if_none_was_made),
    _looking_first("take a list along", _take_along, facts.ReportMade),
    _at_desk("review a period", _review),
    _at_desk("take in who asks for an accounting", _ask_accounting),
    _at_desk(
        "delay an accounting",
        lambda h, k: desk.delay_accounting(h.services, k["accounting"], DelayReason.VOLUME, actor=NURSE),
        "accounting-asked",
    ),
    _looking_first(
        "give an accounting",
        lambda h, k: desk.give_accounting(h.services, k["accounting"], SheetFormat.CSV, actor=NURSE),
        facts.AccountingGiven,
        "accounting-asked",
    ),
    _at_desk("make the emergency account", lambda h, _: desk.set_local_account(h.services, "a" * 20, actor=NURSE)),
    _at_desk(
        "remove the emergency account",
        lambda h, _: desk.remove_local_account(h.services, actor=NURSE),
        "emergency-account",
    ),
]


# --- the doors --------------------------------------------------------------------------------------------------------


def _by_mllp(what: str) -> Act:
    def send(house: House, known: Known) -> bool:
        return deliver(house, known[what]) == ["AA"]

    return send


def _by_fhir(what: str, path: str) -> Act:
    def send(house: House, known: Known) -> bool:
        return post(house, "oncology", path, known[what]).status in (200, 201)

    return send


def _at_door(name: str, send: Act) -> Verb:
    """The gateway takes a message and is killed; what is not acknowledged is sent again to the one started after."""
    return Verb(
        name=f"door: {name}",
        situation="at-the-doors",
        act=lambda house, known: _serving_one(house, lambda: send(house, known)),
        again=lambda house, known: _sent_again(house, lambda: send(house, known)),
    )


def _serving_one(house: House, send: Callable[[], object]) -> None:
    """Serve until one message was taken. Whether it was acknowledged is written down by its sender.

    Raises:
        AssertionError: nobody was killed, and yet it was not acknowledged.
    """
    _acknowledged(house).unlink(missing_ok=True)
    server = os.getpid()
    if os.fork() == 0:
        sys.settrace(None)
        threading.settrace(None)
        with contextlib.suppress(Exception):
            _await_doors(house, lambda: os.getppid() == server)
            if send():
                _acknowledged(house).touch()
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGTERM)
        os._exit(0)
    asyncio.run(serve(house.services, house.settings, {}, exposed))
    assert _acknowledged(house).exists(), "the doors were open, and what was sent was not acknowledged"


def _acknowledged(house: House) -> Path:
    return house.var / "tmp" / "acknowledged"


def _await_doors(house: House, is_alive: Callable[[], bool] = lambda: True) -> None:
    for port in (house.settings.gateway_http[1], int(house.settings.names["SANDBOX_PATHOLOGY_MLLP_PORT"])):
        while not answers(port):
            assert is_alive(), "the gateway died before it opened its doors"
            time.sleep(0.005)


def _sent_again(house: House, send: Callable[[], object]) -> None:
    """To a gateway started anew, unless it was acknowledged."""
    time.sleep(0.05)  # the sender notices that the line is dead
    if _acknowledged(house).exists():
        _acknowledged(house).unlink()
        return
    server = os.fork()
    if server == 0:
        with contextlib.suppress(BaseException):
            asyncio.run(serve(house.services, house.settings, {}, exposed))
        os._exit(0)
    try:
        _await_doors(house)
        assert send(), "the gateway does not take it"
    finally:
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)


OF_THE_DOORS = [
    _at_door("a report", _by_mllp("short")),
    _at_door("a long report", _by_mllp("long")),
    _at_door("a release form", _by_fhir("form", "/fhir/Consent")),
    _at_door("a revocation", _by_fhir("revocation", "/fhir/Consent")),
]


# --- the dispatcher ---------------------------------------------------------------------------------------------------


def _dispatch(house: House, _: Known) -> None:
    """Post, note and sweep once, against what Airflow would answer."""
    told = house.var / "tmp" / "airflow"
    if not told.exists():
        airflow = ScriptedAirflow()
        if os.fork() == 0:
            sys.settrace(None)
            threading.settrace(None)
            signal.alarm(60)
            airflow.serve_forever()
        told.write_text(airflow.url)
    Dispatcher(house.services.ledger, AirflowApi(told.read_text(), "dispatcher", "secret")).step()


def _look_again(house: House, _: Known) -> None:
    """Whoever looks next: what was claimed and not told is due by then."""
    for _round in range(2):
        later(house, timedelta(minutes=3))
        watcher(house).look()


OF_THE_WATCHERS = [
    Verb(name="watch for alerts", situation="alert-seen", act=lambda h, _: watcher(h).look(), again=_look_again)
]
OF_THE_DISPATCHER = [Verb(name="post, note, sweep", situation="rounds-owed", act=_dispatch, again=_dispatch)]

VERBS = [*OF_ROUNDS, *OF_THE_DESK, *OF_THE_DOORS, *OF_THE_DISPATCHER, *OF_THE_WATCHERS]
