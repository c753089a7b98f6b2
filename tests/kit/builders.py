"""Cases to test with: real ledger, real verbs, referrals and forms as the stand-in oncology office writes them.

What would be fetched over the network answers nothing, as if every source were down; what came from them is put into
the case by `came_in`.
"""

import atexit
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from tests.kit.centers import waiting_for
from tests.kit.fakes import KeptMail, MemoryVault
from tests.kit.packets import a_signer
from tests.kit.processing import process_all
from tests.kit.seeds import a_seed
from tests.kit.staff import ANN, BEN
from transfer import checklist, facts, institutions
from transfer.adapters import warm_process
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.adapters.opening import OpeningProcess
from transfer.arrivals import ArrivalKind, Door
from transfer.case import Case, OpenedCase
from transfer.delivery import Delivery
from transfer.disclosures import DisclosureOutcome
from transfer.errors import Unreachable
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.assess import Assessment, look, settle_needs
from transfer.flow.basis import may_collect
from transfer.flow.collecting import answered, join
from transfer.flow.opening_records import OpenedParts
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, HoldId, InstitutionId, MaterialId, PacketId, PatientId, PermissionId
from transfer.ledger import Ledger, arriving, facilities, holds, packets, patients, records, requests
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.ledger.holds import Hold
from transfer.ledger.records import About, NewRecord, RecordPart
from transfer.matching import MatchRule
from transfer.materials import MaterialState
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import Request, RequestState
from transfer.sandbox.charts import Chart, draw_chart
from transfer.sandbox.oncology import letters
from transfer.sandbox.pathology import messages

ROOT = Path(__file__).parents[2]
LAKESIDE = InstitutionId("lakeside-oncology")
PRAIRIE = InstitutionId("prairie-pathology")
MERCY = InstitutionId("mercy-imaging")
SUMMIT = InstitutionId("summit-cancer-center")
#: a center of its own for a third opinion; any institution may be referred to
THIRD = MERCY

#: where each kind of record comes from
_HELD_BY = {RecordKind.PATHOLOGY_REPORT: PRAIRIE, RecordKind.IMAGES: MERCY}


def a_setting(name: str) -> str:
    """Something of the kind that its name says."""
    if name.endswith("SHA256"):
        return hashlib.sha256(name.encode()).hexdigest()
    return f"http://127.0.0.1:9/{name}" if name.endswith("URL") else "9" if name.endswith("PORT") else f"secret-{name}"


#: what the institutions' files refer to; nothing listens at these addresses
NAMES: Mapping[str, str] = {
    name: a_setting(name)
    for name in (
        "SANDBOX_ONCOLOGY_URL",
        "SANDBOX_ONCOLOGY_TOKEN",
        "SANDBOX_ONCOLOGY_DOOR_TOKEN_SHA256",
        "SANDBOX_PATHOLOGY_DOOR_TOKEN_SHA256",
        "SANDBOX_PATHOLOGY_MLLP_PORT",
        "SANDBOX_ARCHIVE_URL",
        "SANDBOX_ARCHIVE_TOKEN",
        "SANDBOX_ARCHIVE_DOOR_TOKEN_SHA256",
        "SANDBOX_CENTER_URL",
        "SANDBOX_CENTER_TOKEN",
        "SANDBOX_CENTER_DOOR_TOKEN_SHA256",
    )
} | {"SANDBOX_ARCHIVE_USER": "", "SANDBOX_ARCHIVE_PASSWORD": ""}


def nowhere() -> Any:
    raise Unreachable("there is no installation around a test")


def nobody_answers(_: object) -> Any:
    raise Unreachable("nothing listens there")


@cache
def _opener() -> OpeningProcess:
    """One for all tests of this process. It ends with it.

    It is started here, and says so where it cannot be: a test would see that nothing can be opened now, which is right
    and is not what it is about.
    """
    opening = OpeningProcess()
    atexit.register(opening.close)
    opening.image(0, [])
    return opening


@cache
def _institutions() -> institutions.Institutions:
    return institutions.load(ROOT / "institutions", NAMES)


@cache
def _checklists() -> checklist.Checklists:
    return checklist.load(ROOT / "checklists")


def new_services(ledger: Ledger, *, deliver: Delivery = Delivery.WHEN_ALL, **other: object) -> Services:
    """Everything a verb may touch, with the partners of `institutions/` and a vault in memory.

    The center waits for the slides too, unless told otherwise: so a test can stop before the packet goes.
    """
    warm_process.begin()
    plain: dict[str, Any] = {
        "ledger": ledger,
        "vault": MemoryVault(),
        "opener": _opener(),
        "institutions": waiting_for(_institutions(), deliver),
        "checklists": _checklists(),
        "signer": a_signer,
        "public_url": "https://transfer.example",
        "source_id": lambda: "urn:uuid:00000000-0000-4000-8000-000000000001",
        "ask_documents": nobody_answers,
        "ask_archive": nobody_answers,
        "mailer": KeptMail(),
        "site": nowhere,
        "hand_to": lambda receiving: ReceiverClient(receiving.fhir_url, receiving.token),
    }
    known = plain | other
    ledger.follow(facilities.Followed(known["institutions"]))
    return Services(**known)


def a_chart(seed: int | None = None) -> Chart:
    """A synthetic patient; without a seed another one each time, the same ones in each run of a test."""
    return draw_chart(seed=a_seed() if seed is None else seed)


def a_twin(chart: Chart) -> Chart:
    """Somebody else of the same name, born on the same day."""
    same = {key: chart["patient"][key] for key in ("family", "given", "birth_date", "sex")}
    other = a_chart()
    return {**other, "patient": {**other["patient"], **same}}


def report_of(chart: Chart, control_id: str = "1") -> bytes:
    """A pathology report as Prairie writes it."""
    return messages.report(chart, control_id=control_id, status="F", form="oru")


def report_comes(services: Services, chart: Chart) -> str:
    """The laboratory pushes its report; it is processed. The arrival's id."""
    stored = comes(services, PRAIRIE, ArrivalKind.ANSWER, report_of(chart), HL7_V2, Door.MLLP)
    process_all(services)
    return stored.arrival


def comes(
    services: Services,
    institution: str,
    kind: ArrivalKind,
    body: bytes,
    content_type: str,
    door: Door = Door.FHIR,
    subject: str | None = None,
) -> Stored:
    """Something comes in through a door and is stored."""
    digest = hashlib.sha256(body)
    incoming = NewArrival(
        institution=InstitutionId(institution),
        door=door,
        kind=kind,
        business=digest.hexdigest(),
        control=None,
        content_type=content_type,
        payload=body,
        location=None,
        content_sha256=digest.digest(),
        subject=subject,
    )
    with services.ledger.transaction() as tx:
        stored = arriving.store(tx, [incoming])
        arriving.owe_for(tx, [incoming], stored)
        return stored[0]


def referral_of(chart: Chart, **overrides: object) -> bytes:
    """A referral as Lakeside writes it."""
    return json.dumps(letters.referral(chart, dict(overrides))).encode()


def refer(services: Services, chart: Chart, **overrides: object) -> CaseId:
    """A referral comes; its case is not opened before its round is processed."""
    stored = comes(services, LAKESIDE, ArrivalKind.REFERRAL, referral_of(chart, **overrides), "application/fhir+json")
    return CaseId(stored.subject or "")


def sign_form(services: Services, chart: Chart, **overrides: object) -> None:
    """A signed release form comes."""
    form = json.dumps(letters.release_form(chart, dict(overrides))).encode()
    comes(services, LAKESIDE, ArrivalKind.AUTHORIZATION, form, "application/fhir+json")


def a_case(services: Services, chart: Chart | None = None, *, form: bool = True) -> CaseId:
    """An opened case, with or without a release form. No source has given anything yet."""
    chart = chart or a_chart()
    if form:
        sign_form(services, chart)
    case = refer(services, chart)
    process_all(services)
    return case


def a_case_of_others(services: Services, chart: Chart | None = None) -> CaseId:
    """The same with a form, and somebody asked the laboratory for its slides: nobody here is to do anything."""
    case = a_case(services, chart)
    asked_for_pieces(services, case)
    return case


def asked_for_pieces(services: Services, case: CaseId) -> None:
    """Somebody asked each laboratory for what the case wants of it."""
    for one in desk.dossier(services, case, actor=ANN).materials:
        if one.state == MaterialState.WANTED:
            desk.ask_for_material(services, case, MaterialId(one.material), actor=ANN)


def a_third_opinion(services: Services, chart: Chart, *, form: bool = True) -> CaseId:
    """A case of the same patient at another center, under a number and a form of its own."""
    if form:
        sign_form(services, chart, recipients=[SUMMIT, THIRD], number="third")
    number = {**chart["referral"]["number"], "value": "third"}
    case = refer(services, chart, receiver=THIRD, number=number)
    process_all(services)
    return case


def a_case_without_slides(services: Services, chart: Chart | None = None) -> CaseId:
    """Everything is there but the glass."""
    case = a_case(services, chart)
    for kind in (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES):
        came_in(services, case, kind)
    return case


def came_in(
    services: Services,
    case: CaseId,
    kind: RecordKind,
    *,
    content: bytes = b"",
    content_type: str = "text/plain",
    status: DocumentStatus = DocumentStatus.FINAL,
    found: OpenedParts | None = None,
    about: About | None = None,
    source: InstitutionId | None = None,
) -> str:
    """A record of this kind was collected and opened, and its department has answered. Its id."""
    source = source or _HELD_BY.get(kind, LAKESIDE)
    patient = patient_of(services, case)
    place = services.vault.keep([content or f"{case} {kind}".encode()])
    with services.ledger.transaction() as tx:
        patients.hold_epoch_shared(tx, patient)
        tx.lock_case(case)
        opened = OpenedCase.of(tx.case(case))
        ruling = may_collect(tx, services.institutions, opened, source, kind, frozenset(), dated=None)
        new = NewRecord(
            patient=patient,
            institution=source,
            kind=kind,
            status=status,
            origin=f"test/{place.key}",
            about=about or About(title=kind, at=tx.now()),
            parts=(RecordPart(role="received", content_type=content_type, location=place),),
        )
        kept = records.keep(tx, new)
        join(tx, services, opened, kept, ruling, MatchRule.IDENTIFIER, found=found or OpenedParts())
        for request in requests.of_case(tx, case):
            holds = services.institutions[request.institution].department(request.department).holds
            if request.state is RequestState.DUE and kind in holds:
                requests.move(tx, request, RequestState.ANSWERED)
        answered(tx, services, case, source, kind)
        settle_needs(tx, services, case)
    return kept.id


# --- looking ----------------------------------------------------------------------------------------------------------


def patient_of(services: Services, case: CaseId) -> PatientId:
    with services.ledger.transaction() as tx:
        opened = tx.case(case).opened
    assert opened is not None
    return PatientId(opened.patient)


def assessed(services: Services, case: CaseId) -> Assessment:
    with services.ledger.transaction() as tx:
        return look(tx, services, case)


def form_of(services: Services, case: CaseId) -> PermissionId:
    """The release form of a case's patient."""
    (form,) = [one for one in desk.list_permissions(services, case, actor=ANN) if not one.is_stop]
    return PermissionId(form.permission)


def request_to(services: Services, case: CaseId, institution: str) -> Request:
    with services.ledger.transaction() as tx:
        return next(one for one in requests.of_case(tx, case) if one.institution == institution)


def put(services: Services, request: Request, *states: RequestState) -> Request:
    """Move a request along, as the verbs would."""
    with services.ledger.transaction() as tx:
        for state in states:
            requests.move(tx, request, state)
            request = replace(request, state=state)
    return request


def open_holds(services: Services, subject: str | None = None) -> list[Hold]:
    with services.ledger.transaction() as tx:
        return holds.open_holds(tx, subject)


def the_hold(services: Services, code: str) -> Hold:
    """The one open question of that code."""
    (hold,) = [one for one in open_holds(services) if one.code == code]
    return hold


def two_say_purge(services: Services, hold: str) -> None:
    """Two people confirm what is destroyed; where one of them ended the permission, the other's word is the last."""
    for who in (ANN, BEN):
        desk.resolve(services, HoldId(hold), HoldAnswer.PURGE, actor=who)


def owed(services: Services) -> set[tuple[str, str]]:
    """DAG and subject of every round that is not done."""
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT dag_id, subject FROM due_runs WHERE state <> 'done' AND not_before <= transfer.now()")
        return {(row.dag_id, row.subject) for row in rows}


def ref_i12(chart: Chart) -> bytes:
    """A referral in HL7 v2, about the same patient."""
    who, number = chart["patient"], chart["numbers"][LAKESIDE]["value"]
    given = "^".join(who["given"])
    born, sex = who["birth_date"].replace("-", ""), who["sex"][0].upper()
    segments = (
        r"MSH|^~\&|EHR|LAKESIDE|RECORDS|TRANSFER|20260105101500-0600||REF^I12^REF_I12|71301|P|2.5.1",
        "RF1|P|R|MED|SO^Second Opinion^HL70282|O|REF71^LAKESIDE|20260105|20270405",
        "PRD|RP^Referring Provider^HL70286|ATTENDING^ANN|||||2990000012^NPI",
        "PRD|RT^Referred to Provider^HL70286|CONSULT^CARL|||||2990000046^NPI",
        "PRD|PP^Other^HL70286|LAB^LIA|||||2990000020^NPI",
        f"PID|1||{number}^^^LAKESIDE^MR||{who['family']}^{given}||{born}|{sex}",
        "DG1|1||C18.7^Malignant neoplasm of sigmoid colon^I10|||F",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


def folded(services: Services, case: CaseId) -> Case:
    """The case as its facts make it now."""
    with services.ledger.transaction() as tx:
        return tx.case(case)


def facts_of(services: Services, case: CaseId, kind: type[facts.Fact] = facts.Fact) -> list[Any]:
    """The facts of a kind in its chain, in their order."""
    with services.ledger.transaction() as tx:
        return [line.fact for line in tx.lines(Chain.case(case)) if isinstance(line.fact, kind)]


def manifest(services: Services, case: CaseId, number: int = 1) -> dict[str, Any]:
    """What a packet of the case says of itself to programs."""
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, PacketId.of(case, number), patient_of(services, case))
    said: dict[str, Any] = json.loads(b"".join(services.vault.read(plan.entry("manifest.json").location)))
    return said


def codes_asked(services: Services, case: CaseId) -> set[str]:
    """What is asked about it now."""
    return {hold.code for hold in open_holds(services, case)}


def handed_over(services: Services, case: CaseId) -> str:
    """A person approves its packet, and that is handed over. The packet's id."""
    desk.approve(services, case, actor=ANN)
    process_all(services)
    newest = folded(services, case).newest_packet
    assert newest
    assert newest.outcome is DisclosureOutcome.MADE
    return newest.planned.packet
