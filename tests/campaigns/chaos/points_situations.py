"""Moments of an installation at which a verb has all its work to do."""

import asyncio
import base64
import io
import random
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from tempfile import TemporaryFile
from typing import IO, Any

import psycopg
import yaml

from tests.kit.acts import Journey, a_case, is_announced, steps_to_its_end
from tests.kit.discs import a_zip, an_image, named_as
from tests.kit.doors import a_task, deliver, post
from tests.kit.house import Chart, House
from tests.kit.letter_posts import a_post
from tests.kit.paper_forms import SCAN, fields_for
from tests.kit.papers import a_pdf
from tests.kit.pdf_pages import three_pages
from tests.kit.processing import process_all
from tests.kit.staff import NURSE, REGISTRAR
from transfer.adapters.vault import PART
from transfer.alerts import AlertWay
from transfer.completeness import is_lacking
from transfer.contacts import Contact
from transfer.facilities import AddedFacility
from transfer.flow import deliver as delivering
from transfer.flow import desk
from transfer.flow.alerting import AlertWatch, SaidAlert
from transfer.flow.assemble import assemble
from transfer.flow.opening import open_case
from transfer.flow.outside.sending import send_file
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import AccountingId, CaseId, IncomingId, InstitutionId, PacketId
from transfer.incoming import PagesBecame
from transfer.ledger import holds, records, rounds
from transfer.ledger.arrival_line import ArrivalLine
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.ledger.disclosures import Sender
from transfer.ledger.rounds import Taken
from transfer.looks import PatientFlag
from transfer.operation import Fault, FaultCode
from transfer.parcels import Carrier
from transfer.permissions import Dispute, End
from transfer.records import RecordKind
from transfer.rounds import Dag
from transfer.sandbox.oncology import letters
from transfer.sandbox.pathology import messages

Known = dict[str, Any]

#: forms of most situations leave the office out, whose ten documents are many lines of the same and much to wait for
WITHOUT_OFFICE = ["prairie-pathology", "mercy-imaging"]
CEDAR = AddedFacility(
    id=InstitutionId("cedar-clinic-minot"),
    name="Cedar Clinic",
    city="Minot",
    time_zone="America/Chicago",
    holds=frozenset({RecordKind.NOTE}),
    contact=Contact(telephone="701 555 0142", fax="701 555 0143"),
)
SECOND = {"system": "urn:oid:2.16.840.1.113883.19.5.7", "value": "second"}


def taken(services: Services, dag: Dag) -> Taken:
    """The owed round of this DAG, posted and taken as a run's first task does."""
    with services.ledger.transaction() as tx:
        (one,) = [owed for owed in rounds.postable(tx) if owed.dag is dag]
        rounds.posted(tx, one)
    with services.ledger.transaction() as tx:
        ours = rounds.take(tx, one.dag, one.subject, one.number)
    assert ours
    return ours


def a_report(chart: Chart, *, status: str = "F", pages: int = 0) -> bytes:
    """A pathology report; with so many pages of notes in it, one that is kept in the vault."""
    message = messages.report(chart, control_id=f"P{random.randrange(10**15)}", status=status, form="oru")
    return message + b"NTE|99||" + b"Seen. " * 700 * pages + b"\r" if pages else message


# --- of a case --------------------------------------------------------------------------------------------------------


def referred(house: House, slices: int = 2, **form: object) -> Known:
    """The form and the report are sealed unmatched; the referral has just come."""
    chart = house.a_patient(slices=slices)
    house.release_form(chart, **(form or {"disclosers": WITHOUT_OFFICE}))
    house.pathology_report(chart)
    process_all(house.services)
    return {"case": house.referral(chart)}


def admitted(house: House, slices: int = 2) -> Known:
    """The case is open; two departments are to be asked in a round that is taken."""
    case = referred(house, slices, disclosers=["lakeside-oncology", *WITHOUT_OFFICE])["case"]
    ours = taken(house.services, Dag.OPEN_CASE)
    names = [str(name) for name in open_case(house.services, ours)]
    with house.services.ledger.transaction() as tx:
        rows = tx.rows("SELECT department, request FROM requests WHERE request = ANY(%s)", names)
    return {"case": case, "taken": ours, **{row.department: row.request for row in rows}}


def a_large_study(house: House) -> Known:
    """The same, and a series goes into the vault in several parts."""
    return admitted(house, slices=PART // (128 * 128 * 2) + 40)


def rounds_owed(house: House) -> Known:
    """One round is owed, a sentence is not on its run yet, and of a posted round the run is gone."""
    known = referred(house)
    with house.services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.HOUSEKEEPING, "inbox")
        (one,) = [owed for owed in rounds.postable(tx) if owed.dag is Dag.HOUSEKEEPING]
        rounds.posted(tx, one)
    return known


def an_open_case(house: House) -> tuple[Chart, CaseId]:
    """Permitted; the office and the archive hold nothing."""
    house.behave("archive", answer="empty")
    house.behave("oncology", answer="empty")
    chart = house.a_patient(slices=2)
    house.release_form(chart)
    process_all(house.services)
    case = house.referral(chart)
    process_all(house.services)
    return chart, case


def came_in(house: House) -> Known:
    """Stored and not processed: two reports, one too long for its row; one unmatched; a second form; "no records"."""
    chart, case = an_open_case(house)
    unmatched = messages.about_nobody_known(random.Random(1), "S1")
    deliver(house, a_report(chart), a_report(chart, status="C", pages=20), unmatched)
    house.release_form(chart, number=SECOND)
    with house.services.ledger.transaction() as tx:
        asked = tx.value("SELECT request FROM requests WHERE case_id = %s AND department = 'film-room'", case)
    said = post(house, "archive", "/fhir/Task", a_task("request", asked, "rejected", "no-records"))
    assert said.status == 201, said
    return {"case": case}


def waiting(house: House) -> Known:
    """Everything of a patient is here but the slides: a person may let the packet go."""
    journey = a_case(house, slices=2)
    with house.services.ledger.transaction() as tx:
        asked = tx.value("SELECT request FROM requests WHERE case_id = %s AND department = 'film-room'", journey.case)
        (hold,) = [one.id for one in holds.open_holds(tx, journey.case) if one.code == "approve-partial"]
    return {
        "case": journey.case,
        "permission": journey.permission,
        "request": asked,
        "hold": hold,
        "fields": fields_for(journey.chart),
    }


def paper_in(house: House) -> Known:
    """A paper waits, and a case is open that some of its pages are of."""
    _, case = an_open_case(house)
    did = desk.upload_paper(house.services, a_pdf(3), actor=NURSE)
    return {"case": case, "paper": IncomingId(str(did.fields["incoming"]))}


def paper_misdirected(house: House) -> Known:
    """A page of a paper that waits is of nobody here."""
    known = paper_in(house)
    desk.leave_out(house.services, IncomingId(known["paper"]), "1", PagesBecame.MISDIRECTED, actor=NURSE)
    return known


def uploaded(house: House) -> Known:
    """A file of two pages that somebody outside sent about an open case, and the question that leads on."""
    _, case = an_open_case(house)
    arrival = send_file(
        house.services,
        lambda new, _: stored_alone(house, new),
        InstitutionId("lakeside-oncology"),
        case,
        a_pdf(2),
        "application/pdf",
        key="k1",
    )
    process_all(house.services)
    with house.services.ledger.transaction() as tx:
        hold = next(one for one in holds.open_holds(tx, case) if one.about == arrival)
    return {"case": case, "hold": hold.id}


def stored_alone(house: House, new: NewArrival) -> Stored:
    async def store() -> Stored:
        line = ArrivalLine(house.services.ledger)
        try:
            return (await line.store([new]))[0]
        finally:
            await line.close()

    return asyncio.run(store())


def disc_in(house: House) -> Known:
    """A CD waits, and a case is open that its study is of."""
    chart, case = an_open_case(house)
    disc = a_zip({"1": an_image("1", 1, **named_as(chart)), "2": an_image("1", 2, **named_as(chart))})
    did = desk.bring_in_disc(house.services, disc_file(disc), actor=NURSE)
    return {"case": case, "disc": IncomingId(str(did.fields["incoming"]))}


def disc_file(disc: io.BytesIO) -> IO[bytes]:
    """An open file without a name, as a page is sent one."""
    file = TemporaryFile()  # noqa: SIM115  it is gone with whoever was given it
    file.write(disc.getvalue())
    file.seek(0)
    return file


def counted(house: House) -> Known:
    """The slides came in a parcel whose list was not with it."""
    known = waiting(house)
    desk.receive_material(house.services, known["case"], pieces=6, accession="S25-10071", actor=NURSE)
    process_all(house.services)
    return known | {"material": _slides_of(house, known)}


def parcel(house: House) -> Known:
    """A parcel stands on the shelf, and nobody looked into it."""
    known = waiting(house)
    number = "1Z999AA10123456784"
    did = desk.receive_parcel(house.services, carrier=Carrier.UPS, number=number, actor=NURSE)
    return known | {"parcel": did.fields["parcel"], "material": _slides_of(house, known)}


def _slides_of(house: House, known: Known) -> str:
    return desk.dossier(house.services, known["case"], actor=NURSE).materials[0].material


def paused(house: House) -> Known:
    """The permission was taken back by telephone: what is asked is to be withdrawn."""
    known = waiting(house)
    desk.pause(house.services, known["permission"], actor=NURSE)
    return known


def all_stopped(house: House) -> Known:
    """The patient stopped everything by telephone."""
    known = waiting(house)
    desk.stop_everything(house.services, known["case"], End.PAUSED, actor=NURSE)
    return known


def legal_hold(house: House) -> Known:
    """Nothing of the patient may be destroyed."""
    known = waiting(house)
    desk.place_legal_hold(house.services, known["case"], actor=NURSE)
    return known


def disputed(house: House) -> Known:
    """A person has found something wrong with the form."""
    known = waiting(house)
    desk.dispute(house.services, known["permission"], Dispute.FALSE, actor=NURSE)
    return known


def facility_added(house: House) -> Known:
    """A facility that no file names was added, and nobody called there yet."""
    known = waiting(house)
    desk.add_facility(house.services, CEDAR, actor=NURSE)
    return known


def letter_owed(house: House) -> Known:
    """A letter to a facility may go, and has not been sent."""
    known = waiting(house)
    house = replace(house, services=replace(house.services, letter_post=a_post()))
    desk.add_facility(house.services, CEDAR, actor=NURSE)
    fields = yaml.safe_load(known["fields"]) | {"released_by": ["lakeside-oncology", str(CEDAR.id)]}
    institution, form = InstitutionId("lakeside-oncology"), yaml.safe_dump(fields).encode()
    desk.file_paper_form(house.services, known["case"], institution, form, SCAN, actor=NURSE)
    desk.change(house.services, known["case"], sources=[CEDAR.id], actor=NURSE)
    process_all(house.services)
    desk.call_back(house.services, CEDAR.id, actor=NURSE)
    (letter,) = desk.list_letters(house.services, actor=NURSE)
    return {**known, "request": letter.request, "letter": letter.letter}


def letter_cancelled(house: House) -> Known:
    """The same, and it does not go."""
    known = letter_owed(house)
    desk.cancel_letter(house.services, known["letter"], actor=NURSE)
    return known


class TellsAFile:
    """Who is told of alerts: their names, each in a line of a file."""

    def __init__(self, house: House, way: AlertWay) -> None:
        self._file, self._way = house.var / "tmp" / "told", way

    def tell(self, said: SaidAlert) -> None:
        with self._file.open("a") as told:
            told.write(f"{said.name}.{self._way}\n")


def watcher(house: House) -> AlertWatch:
    """Who watches an installation of which a part is away."""
    senders = {way: TellsAFile(house, way) for way in AlertWay}
    fault = Fault(code=FaultCode.PART_AWAY, about="store", why="it does not answer")
    return AlertWatch(house.services, "gateway", senders, lambda: [fault], house.var / "tmp" / "away")


def alert_seen(house: House) -> Known:
    """A part is away for so long that the next look tells it."""
    watcher(house).look()
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [timedelta(minutes=3)])
    return {}


def assigned(house: House) -> Known:
    """The case is somebody's."""
    known = waiting(house)
    desk.assign(house.services, known["case"], "keller", actor=NURSE)
    return known


def need_added(house: House) -> Known:
    """The case needs a record that its checklist does not name."""
    known = waiting(house)
    lakeside = InstitutionId("lakeside-oncology")
    desk.add_need(house.services, known["case"], RecordKind.OPERATIVE_NOTE, lakeside, actor=NURSE)
    with house.services.ledger.transaction() as tx:
        (known["line"],) = tx.case(known["case"]).added
    return known


def flagged(house: House) -> Known:
    """Whoever looks at the patient says why."""
    known = waiting(house)
    desk.flag_patient(house.services, known["case"], PatientFlag.VIP, actor=NURSE)
    return known


def accounting_asked(house: House) -> Known:
    """The patient asked for an accounting."""
    known = waiting(house)
    period = desk.latest_days(house.services, 30, actor=NURSE)
    done = desk.ask_accounting(house.services, known["case"], period.last, period, actor=NURSE)
    return known | {"accounting": AccountingId(str(done.fields["accounting"]))}


def emergency_account(house: House) -> Known:
    """Somebody can sign in while the hospital's accounts are away."""
    known = waiting(house)
    desk.set_local_account(house.services, "a" * 20, actor=NURSE)
    return known


def center_invited(house: House) -> Known:
    """Somebody of the center signs in at our pages."""
    known = waiting(house)
    desk.invite_to_center(house.services, "summit-cancer-center", "ann@summit.example", actor=NURSE)
    return known


def doubtful(house: House) -> Known:
    """A report without a number: one person has said that it is the case's, another must."""
    chart, case = an_open_case(house)
    said = a_report(chart)
    before, _, rest = said.partition(b"\rPID|1||")
    deliver(house, before + b"\rPID|1|||" + rest.partition(b"|")[2])
    process_all(house.services)
    with house.services.ledger.transaction() as tx:
        (hold,) = [one.id for one in holds.open_holds(tx) if one.code == "whose-record"]
    desk.resolve(house.services, hold, HoldAnswer.OURS, actor=NURSE, case=case)
    return {"case": case, "hold": hold}


def two_of_one(house: House) -> Known:
    """One person has said that the patients of two cases are one, another must. One of them has a report."""
    _, case = an_open_case(house)
    chart, other = an_open_case(house)
    deliver(house, a_report(chart))
    process_all(house.services)
    desk.merge(house.services, case, other, actor=NURSE)
    return {"case": case, "other": other}


def merged(house: House) -> Known:
    """The patients of two cases were merged, and are two after all."""
    known = two_of_one(house)
    desk.merge(house.services, known["case"], known["other"], actor=REGISTRAR)
    process_all(house.services)
    return known


def pdf_held(house: House) -> Known:
    """A case holds a report that came as a PDF in its message."""
    chart, case = an_open_case(house)
    said = messages.report(chart, control_id="PDF1", status="F", form="mdm")
    before, mark, _ = said.partition(b"^Base64^")
    after = said[len(before) + len(mark) :].lstrip(b"+/=" + string.ascii_letters.encode() + string.digits.encode())
    deliver(house, before + mark + base64.b64encode(three_pages()) + after)
    process_all(house.services)
    with house.services.ledger.transaction() as tx:
        (record,) = [
            kept.id
            for kept, _ in records.joined(tx, case)
            if any(part.content_type == "application/pdf" for part in records.parts(tx, kept))
        ]
    return {"case": case, "record": record}


# --- of a packet ------------------------------------------------------------------------------------------------------


def _a_packet(house: House) -> Journey:
    """Approved with a report and a study in it, and to be put together."""
    chart = house.a_patient(slices=2)
    house.release_form(chart, disclosers=WITHOUT_OFFICE)
    process_all(house.services)
    case = house.referral(chart)
    house.pathology_report(chart)
    process_all(house.services)
    lacking = [need.line.key for need in house.assessment(case).completeness.needs if is_lacking(need)]
    desk.approve(house.services, case, actor=NURSE, without=lacking)
    return Journey(house, chart, case)


def approved(house: House) -> Known:
    """A packet is to be put together."""
    journey = _a_packet(house)
    return {"case": journey.case, "packet": journey.packet, "permission": journey.permission}


def assembled(house: House) -> Known:
    """A packet is put together and not handed over."""
    known = approved(house)
    assert assemble(house.services, PacketId(known["packet"]))
    return known


def handing_over(services: Services, packet: str) -> None:
    with Sender(services.ledger) as sender:
        delivering.deliver(services, PacketId(packet), sender)


def in_doubt(house: House) -> Known:
    """Whoever handed the packet over died before it was sent; nobody knows that."""
    known = assembled(house)

    def verb(services: Services) -> None:
        with Sender(services.ledger._real) as sender:  # type: ignore[attr-defined]
            delivering.deliver(services, PacketId(known["packet"]), sender)

    assert steps_to_its_end(house, verb, 1, of="submit")
    return known


def _handed_over(house: House) -> Journey:
    journey = _a_packet(house)
    house.process_until(lambda: is_announced(journey))
    return journey


def _heard(word: str, *reasons: str) -> Callable[[House], Known]:
    def prepare(house: House) -> Known:
        journey = _handed_over(house)
        task = a_task("packet", journey.packet, word, *reasons)
        assert post(house, "center", "/fhir/Task", task).status == 201
        return {"case": journey.case, "packet": journey.packet}

    return prepare


# --- of a purge -------------------------------------------------------------------------------------------------------


def _revoked(*, spared: bool) -> Callable[[House], Known]:
    def prepare(house: House) -> Known:
        journey = _handed_over(house)
        if spared:
            house.release_form(journey.chart, number=SECOND, disclosers=["mercy-imaging"])
            process_all(house.services)
        house.revocation(journey.chart)
        process_all(house.services)
        journey.say("confirm-purge", HoldAnswer.PURGE)
        return {"case": journey.case}

    return prepare


def lapsed(house: House) -> Known:
    """Unmatched messages whose time is over, one of them in the vault, and the days they came on."""
    dice = random.Random(2)
    long = messages.about_nobody_known(dice, "S0") + b"NTE|99||" + b"Seen. " * 14000 + b"\r"
    deliver(house, long, *(messages.about_nobody_known(dice, f"S{number}") for number in range(1, 4)))
    process_all(house.services)
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [timedelta(days=6)])
    with house.services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.HOUSEKEEPING, "inbox")
    return {}


# --- at the doors -----------------------------------------------------------------------------------------------------


def at_the_doors(house: House) -> Known:
    """An open case, and what its institutions are about to say."""
    chart, case = an_open_case(house)
    return {
        "case": case,
        "short": a_report(chart),
        "long": a_report(chart, status="C", pages=20),
        "form": letters.release_form(chart, {"number": SECOND}),
        "revocation": letters.release_form(chart, {"status": "inactive"}),
        "referral": letters.referral(house.a_patient(slices=2), {}),
    }


SITUATIONS: dict[str, Callable[[House], Known]] = {
    "referred": referred,
    "admitted": admitted,
    "large-study": a_large_study,
    "rounds-owed": rounds_owed,
    "came-in": came_in,
    "waiting": waiting,
    "paper-in": paper_in,
    "paper-misdirected": paper_misdirected,
    "disc-in": disc_in,
    "uploaded": uploaded,
    "counted": counted,
    "parcel": parcel,
    "paused": paused,
    "all-stopped": all_stopped,
    "legal-hold": legal_hold,
    "disputed": disputed,
    "alert-seen": alert_seen,
    "assigned": assigned,
    "letter-owed": letter_owed,
    "letter-cancelled": letter_cancelled,
    "facility-added": facility_added,
    "need-added": need_added,
    "flagged": flagged,
    "accounting-asked": accounting_asked,
    "emergency-account": emergency_account,
    "center-invited": center_invited,
    "doubtful": doubtful,
    "two-of-one": two_of_one,
    "merged": merged,
    "pdf-held": pdf_held,
    "approved": approved,
    "assembled": assembled,
    "in-doubt": in_doubt,
    "accepted": _heard("accepted"),
    "declined": _heard("rejected", "images"),
    "revoked": _revoked(spared=False),
    "revoked-in-part": _revoked(spared=True),
    "lapsed": lapsed,
    "at-the-doors": at_the_doors,
}
