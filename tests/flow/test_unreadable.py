"""What nobody can read answers nothing, whichever door it came by; people are asked, and nothing goes before."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit import unreadable as u
from tests.kit.fakes import MemoryDocuments, MemoryVault, OpensAll
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from tests.kit.studies import a_study
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.adapters.packet.layout import MANIFEST
from transfer.arrivals import ArrivalKind, Door
from transfer.completeness import NeedState, WaitCode
from transfer.errors import NotAllowed, Unavailable
from transfer.flaws import Flaw
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.flow.assess import settle_needs
from transfer.flow.opening_records import OpenedParts
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, PacketId, RecordId
from transfer.ledger import Ledger, packets, records, rounds
from transfer.ledger.records import StoredRecord
from transfer.opened import OpenedDocument
from transfer.patients import Demographics
from transfer.records import RecordKind, Relation
from transfer.requests import RequestAnswer
from transfer.rounds import Dag
from transfer.sandbox.pathology import messages
from transfer.security_labels import UNREAD
from transfer.sources import Ending, IndexEntry, SeriesFound, SeriesObject, StudyFound

pytestmark = pytest.mark.servers


# --- the doors --------------------------------------------------------------------------------------------------------


@dataclass
class Came:
    """A case with a document that can be read and one that cannot, from one door."""

    services: Services
    case: CaseId
    line: str

    def kept(self) -> list[StoredRecord]:
        with self.services.ledger.transaction() as tx:
            return [kept for kept, _ in records.joined(tx, self.case)]

    def need(self) -> Any:
        return next(n for n in b.assessed(self.services, self.case).completeness.needs if n.line.key == self.line)

    def asked(self) -> list[str]:
        return sorted(hold.code for hold in b.open_holds(self.services, self.case))


def by_fhir_fetch(ledger: Ledger, sent: u.Sent, *good: bytes) -> Came:
    office = MemoryDocuments([sent.data, *good])
    office.types[0] = sent.content_type
    services = b.new_services(ledger, ask_documents=lambda _: office)
    return Came(services, b.a_case(services), "oncology-notes")


def by_fhir_push(ledger: Ledger, sent: u.Sent, *good: bytes) -> Came:
    services, chart = b.new_services(ledger), b.a_chart()
    case = b.a_case(services, chart)
    body = u.a_push(chart, (sent.content_type, sent.data), *(("text/plain", one) for one in good))
    b.comes(services, b.LAKESIDE, ArrivalKind.ANSWER, body, "application/fhir+json")
    process_all(services)
    return Came(services, case, "oncology-notes")


def _by_message(ledger: Ledger, sent: u.Sent, form: str, good: tuple[bytes, ...]) -> Came:
    services, chart = b.new_services(ledger), b.a_chart()
    case = b.a_case(services, chart)
    for number, one in enumerate((sent, *(u.Sent(data, "text/plain", Flaw.EMPTY) for data in good))):
        body = u.with_content(messages.report(chart, control_id=str(number), status="F", form=form), one)
        body = body.replace(chart["pathology"]["accession"]["value"].encode(), b"S26-%d" % number)
        body = body.replace(chart["pathology"]["order"].encode(), b"9%d" % number)
        body = body.replace(chart["documents"]["pathology"]["number"].encode(), b"D%d" % number)
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
    process_all(services)
    return Came(services, case, "pathology-report")


def by_oru(ledger: Ledger, sent: u.Sent, *good: bytes) -> Came:
    return _by_message(ledger, sent, "oru", good)


def by_mdm(ledger: Ledger, sent: u.Sent, *good: bytes) -> Came:
    return _by_message(ledger, sent, "mdm", good)


@dataclass
class Archive:
    """It has a study for each of these files."""

    files: list[bytes]
    asked: list[str] = field(default_factory=list)

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        return [a_study(f"2.25.1{n}", who) for n, _ in enumerate(self.files)]

    def series(self, study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid=f"{study}.2")]

    def instances(self, study: str, _series: str, **_: object) -> frozenset[str]:
        return frozenset({f"{study}.3"})

    def fetch_series(self, study: str, series: str, *, vault: MemoryVault, **_: object) -> SeriesObject:
        self.asked.append(study)
        data = self.files[int(study.removeprefix("2.25.1"))]
        place = vault.keep([bytes(512), data, bytes(100)])
        index = (IndexEntry(f"{study}.3", 512, len(data), hashlib.sha256(data).hexdigest()),)
        return SeriesObject(study_instance_uid=study, series_instance_uid=series, location=place, index=index,
                            complete=True, ending=Ending.CLOSED, stated=(), labels=frozenset())  # fmt: skip


def by_archive(ledger: Ledger, sent: u.Sent, *good: bytes) -> Came:
    archive = Archive([sent.data, *(u.an_image() for _ in good)])
    services = b.new_services(ledger, ask_archive=lambda _: archive)
    return Came(services, b.a_case(services), "images")


DOORS: Mapping[str, Callable[..., Came]] = {
    "FHIR fetch": by_fhir_fetch,
    "FHIR push": by_fhir_push,
    "ORU": by_oru,
    "MDM": by_mdm,
}
IMAGES = {
    "half an image": lambda: u.Sent(u.an_image(64)[:-4096], "", Flaw.CUT),
    "more rows than pixels": lambda: u.Sent(u.an_image(Rows=99), "", Flaw.CUT),
    "encapsulated and cut": lambda: u.Sent(u.an_image(64, encapsulated=True)[:-40], "", Flaw.CUT),
    "no pixels": lambda: u.Sent(u.an_image(PixelData=None), "", Flaw.CUT),
    "nothing": lambda: u.Sent(b"", "", Flaw.EMPTY),
    "no image": lambda: u.Sent(u.a_picture(), "", Flaw.MISLABELLED),
}
TABLE = [(door, way, u.WAYS[way]) for door in DOORS for way in u.WAYS]
NOT_TAKEN = {("FHIR fetch", "a page to log in"), ("FHIR fetch", "a PDF left in base64")}
UNPACKED = {(door, "a PDF left in base64") for door in ("FHIR push", "ORU", "MDM")}
GOOD = b"Final diagnosis: melanoma in situ."


@pytest.mark.parametrize(("door", "way", "sent"), TABLE, ids=lambda value: str(value) if isinstance(value, str) else "")
def test_what_nobody_can_read_answers_nothing_and_people_are_asked(
    ledger: Ledger, door: str, way: str, sent: Callable[[], u.Sent]
):
    """What stands there instead of a document is not even taken from a source that is asked; what its door can unpack
    is no such document.
    """
    came = DOORS[door](ledger, sent())

    if (door, way) in UNPACKED:
        assert came.need().state is NeedState.SATISFIED
        return
    if (door, way) in NOT_TAKEN:
        assert came.kept() == []
        assert came.need().state is NeedState.MISSING
        assert "documents-not-given" in came.asked()
        return
    (kept,) = came.kept()
    assert kept.flaws
    assert came.need().state is NeedState.RECEIVED
    assert came.asked() == ["document-unreadable"]


@pytest.mark.parametrize("door", DOORS)
def test_it_keeps_no_other_from_answering(ledger: Ledger, door: str):
    came = DOORS[door](ledger, u.WAYS["half a PDF"](), GOOD)

    assert sorted(bool(kept.flaws) for kept in came.kept()) == [False, True]
    assert came.need().state is NeedState.SATISFIED
    assert came.asked() == ["document-unreadable"]


@pytest.mark.parametrize("way", IMAGES)
def test_images_are_opened_as_documents_are(ledger: Ledger, way: str):
    sent = IMAGES[way]()
    came = by_archive(ledger, sent)

    (kept,) = came.kept()
    assert kept.flaws == {sent.flaw}
    assert came.need().state is NeedState.RECEIVED
    assert came.asked() == ["document-unreadable"]


def test_a_study_that_cannot_be_opened_keeps_no_other_out(ledger: Ledger):
    came = by_archive(ledger, IMAGES["half an image"](), GOOD)

    assert came.need().state is NeedState.SATISFIED
    assert came.asked() == ["document-unreadable"]


# --- what people say --------------------------------------------------------------------------------------------------


def answered(came: Came, answer: HoldAnswer) -> Any:
    hold = b.the_hold(came.services, "document-unreadable")
    did = desk.resolve(came.services, hold.id, answer, actor=ANN)
    process_all(came.services)
    return did


def test_the_question_says_which_document_it_is_and_what_is_wrong_with_it(ledger: Ledger):
    came = by_oru(ledger, u.WAYS["a PDF with a password"]())

    (view,) = desk.holds(came.services, actor=ANN, case=came.case)
    assert "It is pathology report from prairie-pathology. It opens by a password alone." in view.says
    assert [answer.answer for answer in view.answers] == ["approve", "leave-out", "open-again", "again"]


def test_one_that_a_person_takes_counts_all_the_same_and_the_trail_says_who(ledger: Ledger):
    came = by_oru(ledger, u.WAYS["a PDF with a password"]())

    assert answered(came, HoldAnswer.APPROVE).code == "record-taken"

    assert came.need().state is NeedState.SATISFIED
    (taken,) = b.assessed(came.services, came.case).case.taken.values()
    assert (taken.by, taken.flaws) == (ANN.person, ("password",))


def test_one_that_is_left_out_answers_nothing_and_is_not_asked_about_again(ledger: Ledger):
    came = by_oru(ledger, u.WAYS["half a PDF"]())

    assert answered(came, HoldAnswer.LEAVE_OUT).code == "record-left-out"

    assert came.need().state is NeedState.RECEIVED
    assert WaitCode.NOT_READABLE in {wait.code for wait in b.assessed(came.services, came.case).completeness.waits}
    assert came.asked() == []


@dataclass
class DiesTwice(OpensAll):
    """A machine short of memory: nothing can be opened, until it has some again."""

    is_short: bool = True

    def document(self, *_: Any) -> OpenedDocument:
        return OpenedDocument(flaws=frozenset({Flaw.UNREADABLE} if self.is_short else ()))


@pytest.mark.parametrize("is_still_short", [False, True])
def test_one_that_is_opened_once_more_is_judged_anew(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, is_still_short: bool
):
    opener, new_services = DiesTwice(), b.new_services
    monkeypatch.setattr(b, "new_services", lambda ledger, **how: new_services(ledger, opener=opener, **how))
    came = by_oru(ledger, u.Sent(u.a_pdf(), "application/pdf", Flaw.UNREADABLE))
    asked = b.the_hold(came.services, "document-unreadable")
    opener.is_short = is_still_short

    assert answered(came, HoldAnswer.OPEN_AGAIN).code == "record-opened-again"

    if is_still_short:
        assert b.the_hold(came.services, "document-unreadable").id != asked.id
    else:
        assert came.need().state is NeedState.SATISFIED
        assert came.asked() == []


def test_what_was_seen_while_it_came_is_not_taken_back_by_opening_it_once_more(ledger: Ledger):
    """Part of it never came, and what came can be read."""
    came = by_oru(ledger, u.Sent(u.a_pdf(), "application/pdf", Flaw.UNREADABLE))
    (kept,) = came.kept()
    with ledger.transaction() as tx:
        tx.run("UPDATE records SET flaws = '{cut}', flaws_seen = '{cut}', opened_at = NULL")

    process_again(came)

    assert [one.flaws for one in came.kept()] == [{Flaw.CUT}]
    assert b.the_hold(came.services, "document-unreadable").about == kept.id


def process_again(came: Came) -> None:
    with came.services.ledger.transaction() as tx:
        rounds.owe(tx, Dag.OPEN_CASE, came.case)
    process_all(came.services)


def test_one_that_is_asked_for_again_is_fetched_again_and_the_better_one_counts(ledger: Ledger):
    came = by_fhir_fetch(ledger, u.WAYS["half a PDF"]())
    office: Any = came.services.ask_documents(None)  # type: ignore[arg-type]
    office.papers = [u.a_pdf(9)]

    answered(came, HoldAnswer.AGAIN)

    assert sorted(bool(kept.flaws) for kept in came.kept()) == [False, True]
    assert came.need().state is NeedState.SATISFIED
    assert came.asked() == []


def test_images_that_are_asked_for_again_are_fetched_again(ledger: Ledger):
    came = by_archive(ledger, IMAGES["half an image"]())
    archive: Any = came.services.ask_archive(None)  # type: ignore[arg-type]
    archive.files = [u.an_image()]

    answered(came, HoldAnswer.AGAIN)

    assert archive.asked == ["2.25.10", "2.25.10"]
    assert came.need().state is NeedState.SATISFIED
    assert came.asked() == []


def test_one_that_is_as_bad_again_is_asked_about_again(ledger: Ledger):
    came = by_fhir_fetch(ledger, u.WAYS["half a PDF"]())
    first = b.the_hold(came.services, "document-unreadable")

    answered(came, HoldAnswer.AGAIN)

    assert b.the_hold(came.services, "document-unreadable").about != first.about


def test_a_department_that_sends_by_itself_is_awaited_again(ledger: Ledger):
    came = by_oru(ledger, u.WAYS["half a PDF"]())

    assert answered(came, HoldAnswer.AGAIN).code == "request-moved"

    assert b.request_to(came.services, came.case, b.PRAIRIE).state == "expected"


def test_a_better_copy_withdraws_the_question(ledger: Ledger):
    """The same report by message is cut; then it comes whole, under the same numbers."""
    services, chart = b.new_services(ledger), b.a_chart()
    case = b.a_case(services, chart)
    plain = messages.report(chart, control_id="1", status="F", form="oru")
    for body in (u.with_content(plain, u.WAYS["half a PDF"]()), plain.replace(b"|1|P|", b"|2|P|")):
        b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
        process_all(services)

    came = Came(services, case, "pathology-report")
    assert sorted(bool(kept.flaws) for kept in came.kept()) == [False, True]
    assert came.need().state is NeedState.SATISFIED
    assert came.asked() == []


# --- before anything goes ---------------------------------------------------------------------------------------------


def with_unreadable_note(services: Services, case: CaseId) -> str:
    found = OpenedParts(flaws=frozenset({Flaw.CUT}))
    return b.came_in(services, case, RecordKind.NOTE, content=b"half a n", found=found)


def test_nothing_goes_before_people_have_said_what_becomes_of_it(ledger: Ledger):
    services = b.new_services(ledger)
    case = b.a_case_without_slides(services)
    with_unreadable_note(services, case)

    with pytest.raises(NotAllowed) as refused:
        desk.approve(services, case, actor=ANN)
    assert refused.value.refusal is not None
    assert refused.value.refusal.code == "undecided-first"

    desk.resolve(services, b.the_hold(services, "document-unreadable").id, HoldAnswer.LEAVE_OUT, actor=ANN)
    assert desk.approve(services, case, actor=ANN).code == "approved"


@pytest.mark.parametrize(("answer", "count"), [(HoldAnswer.APPROVE, 4), (HoldAnswer.LEAVE_OUT, 3)])
def test_only_what_a_person_took_goes_along(ledger: Ledger, answer: HoldAnswer, count: int):
    services = b.new_services(ledger)
    case = b.a_case_without_slides(services)
    with_unreadable_note(services, case)
    desk.resolve(services, b.the_hold(services, "document-unreadable").id, answer, actor=ANN)
    desk.approve(services, case, actor=ANN)

    packet = PacketId.of(case, 1)
    assert assemble(services, packet)
    with services.ledger.transaction() as tx:
        assert len(packets.contents(tx, packet)) == count
        plan = packets.plan_of(tx, packet, b.patient_of(services, case))
    said = json.loads(b"".join(services.vault.read(plan.entry(MANIFEST).location)))
    taken = [one["taken"] for one in said["documents"] if one["taken"]]
    day = datetime.now(UTC)
    words = f"It stops before its end. Taken all the same by {ANN.person}, {day:%d %b %Y}."
    assert taken == ([words] if answer is HoldAnswer.APPROVE else [])


def test_what_an_earlier_version_kept_is_opened_before_a_packet_of_it_is_made(ledger: Ledger):
    """A packet was planned, and then this version came."""
    services = b.new_services(ledger)
    case = b.a_case_without_slides(services)
    b.came_in(services, case, RecordKind.NOTE, content=u.a_pdf(9)[:2000])
    desk.approve(services, case, actor=ANN)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE records SET opened_at = NULL")
    packet = PacketId.of(case, 1)

    assert not assemble(services, packet)
    assert [hold.code for hold in b.open_holds(services, case)] == ["document-unreadable"]

    desk.resolve(services, b.the_hold(services, "document-unreadable").id, HoldAnswer.APPROVE, actor=ANN)
    assert ("release_packet", packet) in b.owed(services)
    assert assemble(services, packet)


def test_a_packet_that_waited_is_put_together_once_nobody_need_say_anything(ledger: Ledger):
    """What cannot be read came after the packet was planned, and is withdrawn."""
    services = b.new_services(ledger)
    case = b.a_case_without_slides(services)
    desk.approve(services, case, actor=ANN)
    packet, record = PacketId.of(case, 1), with_unreadable_note(services, case)
    assert not assemble(services, packet)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done'")

    with services.ledger.transaction() as tx:
        tx.lock_case(case)
        settle_needs(tx, services, case)
    assert ("release_packet", packet) not in b.owed(services)

    with services.ledger.transaction() as tx:
        tx.lock_case(case)
        records.supersede(tx, case, RecordId(record), None, Relation.WITHDRAWS)
        settle_needs(tx, services, case)
    assert ("release_packet", packet) in b.owed(services)
    assert assemble(services, packet)


# --- where nothing can be opened --------------------------------------------------------------------------------------


@dataclass
class Away(OpensAll):
    """Nothing can be opened now."""

    is_away: bool = True

    def document(self, *told: Any) -> OpenedDocument:
        if self.is_away:
            raise Unavailable("the process that opens documents does not run")
        return OpenedDocument()


@pytest.mark.parametrize("door", [by_fhir_fetch, by_oru])
def test_what_cannot_be_opened_now_waits_and_is_opened_in_the_next_round(
    ledger: Ledger, door: Callable[..., Came], monkeypatch: pytest.MonkeyPatch
):
    away, new_services = Away(), b.new_services
    monkeypatch.setattr(b, "new_services", lambda ledger, **how: new_services(ledger, opener=away, **how))
    came = door(ledger, u.Sent(GOOD, "text/plain", Flaw.EMPTY))

    assert [kept.is_opened for kept in came.kept()] == [False]
    assert came.need().state is NeedState.RECEIVED
    assert WaitCode.NOT_OPENED in {wait.code for wait in b.assessed(came.services, came.case).completeness.waits}
    assert came.asked() == []

    away.is_away = False
    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE state <> 'done'")
    process_all(came.services)

    assert [kept.is_opened for kept in came.kept()] == [True]
    assert came.need().state is NeedState.SATISFIED


@dataclass
class TwoSeries(Archive):
    """Its study has two series."""

    def series(self, study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid=f"{study}.{n}") for n in (2, 4)]

    def instances(self, study: str, series: str, **_: object) -> frozenset[str]:
        return frozenset({f"{series}.3"})

    def fetch_series(self, study: str, series: str, *, vault: MemoryVault, **how: object) -> SeriesObject:
        got = super().fetch_series(study, series, vault=vault, **how)
        return replace(got, index=tuple(replace(one, sop_instance_uid=f"{series}.3") for one in got.index))


@dataclass
class AwayAtFirst(OpensAll):
    """The first image cannot be opened now."""

    asked: int = 0

    def image(self, *_: Any) -> frozenset[Flaw]:
        self.asked += 1
        if self.asked == 1:
            raise Unavailable("the process that opens documents does not run")
        return frozenset()


def test_a_study_counts_only_once_each_of_its_series_was_opened(ledger: Ledger):
    archive, opener = TwoSeries([u.an_image()]), AwayAtFirst()
    services = b.new_services(ledger, ask_archive=lambda _: archive, opener=opener)
    came = Came(services, b.a_case(services), "images")
    assert [kept.is_opened for kept in came.kept()] == [False]

    with ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET not_before = transfer.now() WHERE state <> 'done'")
    process_all(services)

    assert [kept.is_opened for kept in came.kept()] == [True]
    assert opener.asked == 4
    assert came.need().state is NeedState.SATISFIED


# --- a study of which not all images come -----------------------------------------------------------------------------


@dataclass
class Lacking(Archive):
    """Its one study has three images; of these it gives the first ones, and its answer ends like this."""

    gives: int = 2
    ending: Ending = Ending.CLOSED

    def instances(self, study: str, _series: str, **_: object) -> frozenset[str]:
        return frozenset(f"{study}.{n}" for n in (3, 4, 5))

    def fetch_series(self, study: str, series: str, *, vault: MemoryVault, **how: Any) -> SeriesObject:
        self.asked.append(study)
        data = self.files[0]
        place = vault.keep([data] * self.gives)
        wanted = how.get("wanted") or self.instances(study, series)
        names = [f"{study}.{n}" for n in (3, 4, 5)][: self.gives]
        index = tuple(
            IndexEntry(name, n * len(data), len(data), hashlib.sha256(data).hexdigest())
            for n, name in enumerate(names)
            if name in wanted
        )
        complete = {one.sop_instance_uid for one in index} == {*wanted}
        return SeriesObject(study_instance_uid=study, series_instance_uid=series, location=place, index=index,
                            complete=complete, ending=self.ending, stated=(), labels=frozenset())  # fmt: skip


@dataclass
class HalfLabelled(TwoSeries):
    """The images of its second series have this label."""

    label: str = ""

    def fetch_series(self, study: str, series: str, *, vault: MemoryVault, **how: object) -> SeriesObject:
        got = super().fetch_series(study, series, vault=vault, **how)
        return replace(got, labels=frozenset({self.label} if series.endswith(".4") else ()))


@pytest.mark.parametrize(("label", "also"), [("HIV", []), (UNREAD, ["source-label-unread"])])
def test_a_study_of_which_half_cannot_be_used_is_asked_about(ledger: Ledger, label: str, also: list[str]):
    archive = HalfLabelled([u.an_image()], label=label)
    services = b.new_services(ledger, ask_archive=lambda _: archive, opener=OpensAll())
    came = Came(services, b.a_case(services), "images")

    assert [kept.is_whole for kept in came.kept()] == [False]
    assert came.asked() == ["images-lacking", *also]


@pytest.fixture
def archive() -> Lacking:
    return Lacking([u.an_image()])


@pytest.fixture
def lacking(ledger: Ledger, archive: Lacking) -> Came:
    services = b.new_services(ledger, ask_archive=lambda _: archive)
    return Came(services, b.a_case(services), "images")


def decide_lacking(came: Came, answer: HoldAnswer) -> Any:
    did = desk.resolve(came.services, b.the_hold(came.services, "images-lacking").id, answer, actor=ANN)
    process_all(came.services)
    return did


def test_a_study_of_which_an_image_never_comes_is_asked_about(lacking: Came):
    assert lacking.asked() == ["images-lacking"]
    assert lacking.need().state is NeedState.RECEIVED


def test_a_person_takes_what_came_and_the_packet_says_what_is_lacking(lacking: Came):
    services, case = lacking.services, lacking.case
    assert decide_lacking(lacking, HoldAnswer.APPROVE).code == "record-taken"

    assert lacking.need().state is NeedState.SATISFIED
    assert b.request_to(services, case, b.MERCY).state == "answered"
    assert lacking.asked() == []
    b.came_in(services, case, RecordKind.NOTE)
    b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
    desk.approve(services, case, actor=ANN)
    packet = PacketId.of(case, 1)
    assert assemble(services, packet)
    with services.ledger.transaction() as tx:
        plan = packets.plan_of(tx, packet, b.patient_of(services, case))
    (study,) = json.loads(b"".join(services.vault.read(plan.entry(MANIFEST).location)))["imaging"]
    assert study["taken"].startswith(f"1 of its images did not come. Taken all the same by {ANN.person}, ")
    assert len(study["series"][0]["instances"]) == 2


def test_what_is_taken_stays_taken_when_the_archive_is_asked_again(lacking: Came, archive: Lacking):
    decide_lacking(lacking, HoldAnswer.APPROVE)
    request = b.request_to(lacking.services, lacking.case, b.MERCY)
    desk.answer_request(lacking.services, request.id, RequestAnswer.AGAIN, actor=ANN)
    process_all(lacking.services)

    assert len(archive.asked) == 2
    assert lacking.need().state is NeedState.SATISFIED
    assert lacking.asked() == []


def test_asked_again_the_rest_comes_and_the_question_is_withdrawn(lacking: Came, archive: Lacking):
    archive.gives = 3

    assert decide_lacking(lacking, HoldAnswer.AGAIN).code == "request-moved"

    assert lacking.need().state is NeedState.SATISFIED
    assert lacking.asked() == []


def test_a_study_that_is_left_out_answers_nothing(lacking: Came):
    assert decide_lacking(lacking, HoldAnswer.LEAVE_OUT).code == "record-left-out"

    assert lacking.need().state is NeedState.RECEIVED
    assert lacking.asked() == []


def test_an_archive_that_broke_off_is_asked_again_before_anybody(ledger: Ledger):
    archive = Lacking([u.an_image()], ending=Ending.DIED)
    services = b.new_services(ledger, ask_archive=lambda _: archive)
    came = Came(services, b.a_case(services), "images")
    assert came.asked() == []

    request = b.request_to(services, came.case, b.MERCY)
    desk.answer_request(services, request.id, RequestAnswer.AGAIN, actor=ANN)
    process_all(services)
    assert came.asked() == ["images-lacking"]
