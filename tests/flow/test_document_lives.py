"""What becomes of a document whatever its source says of it later: in the packet, on its line, at the desk; each word
of each language, before and after the packet was handed over.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.fakes import QuietReceiver
from tests.kit.lives import FINAL, WORDS, Sent, Word
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import links
from transfer.adapters.document_statuses import MEANINGS, Vocabulary
from transfer.arrivals import ArrivalKind
from transfer.case import Case
from transfer.completeness import CollectedRecord, assess
from transfer.flow import desk
from transfer.flow.assess import look
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, InstitutionId, PacketId, RecordId
from transfer.ledger import Ledger, records
from transfer.records import DocumentStatus, RecordKind, Relation
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

SAID = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
LATER = SAID + timedelta(days=1)


@pytest.fixture
def services(ledger: Ledger, tmp_path: Any) -> Services:
    return b.new_services(ledger, hand_to=lambda _: QuietReceiver())


def come(services: Services, messages: dict[str, Sent]) -> dict[str, str]:
    """These messages come. The record that each became."""
    stored = {
        key: b.comes(services, one.institution, ArrivalKind.ANSWER, one.body, one.content_type, one.door).arrival
        for key, one in messages.items()
    }
    process_all(services)
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT record, arrival FROM records WHERE arrival = ANY(%s)", [*stored.values()])
    became = {row.arrival: row.record for row in rows}
    return {key: became[arrival] for key, arrival in stored.items()}


def numbered() -> Iterator[tuple[str, Word]]:
    for number, word in enumerate(WORDS, start=1):
        yield f"N{number:03}", word


def finals(chart: Chart) -> dict[str, Sent]:
    return {number: FINAL[word.language](chart, number, f"{number} as it was", SAID) for number, word in numbered()}


def words(chart: Chart, at: datetime = LATER) -> dict[str, Sent]:
    return {number: word.say(chart, number, f"{number} as it is said to be now", at) for number, word in numbered()}


def statuses_in(said: dict[str, Any]) -> dict[str, str]:
    """The records in a packet, and how each is marked."""
    return {one["record"]: one["status"] for one in said["documents"]}


def ends_the_earlier(word: Word) -> bool:
    """A FHIR source keeps one entry for a document: what it says of it last is all there is. A final report by HL7 v2
    that is stated later is the whole report again.
    """
    if word.language in ("reference", "report"):
        return True
    is_corrected = word.status.is_changed and word.status != "appended"
    is_again = word.status is DocumentStatus.FINAL and word.relation is None
    return word.status.is_void or is_corrected or is_again or word.relation is Relation.REPLACES


def answers(services: Services, folded: Case, record: str) -> bool:
    """Whether this record, were it alone, would answer a line."""
    told = folded.records[record]
    alone = CollectedRecord(
        id=RecordId(record),
        kind=RecordKind(told.document),
        status=DocumentStatus(told.status),
        at=LATER,
        source=InstitutionId(told.institution),
        superseded=record in folded.superseded,
    )
    judged = assess(
        services.checklists["colorectal"], requests=[], records=[alone], materials={}, waivers={}, now=LATER
    )
    return any(need.chosen == record for need in judged.needs)


def a_packet(services: Services, case: CaseId) -> None:
    with services.ledger.transaction() as tx:
        lacking = look(tx, services, case).lacking
    desk.approve(services, case, actor=ANN, without=lacking)
    process_all(services)


#: the words of each language on a whole document
VOCABULARIES = {
    "oru": (Vocabulary.RESULT_STATUS, Vocabulary.OBSERVATION_STATUS),
    "mdm": (Vocabulary.COMPLETION_STATUS, Vocabulary.AVAILABILITY_STATUS),
    "reference": (Vocabulary.DOCUMENT_REFERENCE, Vocabulary.COMPOSITION),
    "report": (Vocabulary.DIAGNOSTIC_REPORT,),
}


def test_each_state_that_a_language_can_say_is_tried():
    for language, vocabularies in VOCABULARIES.items():
        tried = {word.status for word in WORDS if word.language == language}
        assert {status for one in vocabularies for status in MEANINGS[one].values() if status} <= tried
        assert DocumentStatus.UNKNOWN in tried
    assert {word.status for word in WORDS} == set(DocumentStatus)


@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "out of order"])
def test_each_word_before_the_packet(services: Services, is_late: bool):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    if is_late:
        after = come(services, words(chart))
        before = come(services, finals(chart))
    else:
        before = come(services, finals(chart))
        after = come(services, words(chart))

    with services.ledger.transaction() as tx:
        folded = tx.case(case)
    assert {number: folded.records[after[number]].status for number, _ in numbered()} == {
        number: word.status for number, word in numbered()
    }
    a_packet(services, case)
    there = statuses_in(b.manifest(services, case, 1))
    for number, word in numbered():
        assert answers(services, folded, after[number]) is word.status.is_settled, str(word)
        assert answers(services, folded, before[number]) is not ends_the_earlier(word), str(word)
        goes = (before[number] in there, there.get(after[number]))
        # By HL7 v2 a draft that came after the final one goes beside it.
        assert goes == (not ends_the_earlier(word), None if word.status.is_void else word.status), str(word)
    assert not [one for one in b.open_holds(services, case) if one.code is HoldCode.DELIVERED_VOID]
    assert b.manifest(services, case, 1)["withdrawn"] == []


def test_each_word_after_the_packet(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    before = come(services, finals(chart))
    a_packet(services, case)
    first = {one["record"]: one["number"] for one in b.manifest(services, case, 1)["documents"]}

    after = come(services, words(chart))

    asked = b.the_hold(services, HoldCode.DELIVERED_VOID)
    assert asked.about == PacketId.of(case, 1)
    with services.ledger.transaction() as tx:
        assert links.ended(tx.case(case), PacketId.of(case, 1), 30, tx.now()) is links.LinkEnd.HOLDS_VOID
    desk.resolve(services, asked.id, HoldAnswer.DELTA, actor=ANN)
    process_all(services)

    said = b.manifest(services, case, 2)
    there = statuses_in(said)
    replaced = {(old["record"], old["number"]) for one in said["documents"] for old in one["supersedes"]}
    gone = {(one["record"], one["number"]) for one in said["withdrawn"]}
    for number, word in numbered():
        goes = (before[number] in there, there.get(after[number]))
        assert goes == (not ends_the_earlier(word), None if word.status.is_void else word.status), str(word)
        was = (before[number], first[before[number]])
        assert (was in gone) is word.status.is_void, str(word)
        assert (was in replaced) is (ends_the_earlier(word) and not word.status.is_void), str(word)
    assert HoldCode.DELIVERED_VOID not in {one.code for one in b.open_holds(services, case)}


@pytest.mark.parametrize("is_late", [False, True], ids=["in order", "out of order"])
def test_a_document_that_replaces_several_ends_each_of_them(services: Services, is_late: bool):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    parts = {number: FINAL["reference"](chart, number, f"part {number}", SAID) for number in ("P1", "P2")}
    related = [{"code": "replaces", "target": {"identifier": lives.number(number)}} for number in parts]
    resource = lives.a_reference("WHOLE", "both parts", relatesTo=related)
    whole = {"WHOLE": lives.pushed(chart, resource, LATER)}

    became: dict[str, str] = {}
    for messages in (whole, parts) if is_late else (parts, whole):
        became |= come(services, messages)

    with services.ledger.transaction() as tx:
        folded = tx.case(case)
    assert {number: became[number] in folded.superseded for number in (*parts, "WHOLE")} == {
        "P1": True,
        "P2": True,
        "WHOLE": False,
    }


def test_each_document_of_a_message_is_a_record_of_its_own(services: Services):
    chart = b.a_chart()
    b.a_case(services, chart)
    one, two = (FINAL["mdm"](chart, number, f"text of {number}", SAID) for number in ("D1", "D2"))
    body = one.body + b"TXA" + two.body.partition(b"\rTXA")[2]

    b.comes(services, one.institution, ArrivalKind.ANSWER, body, one.content_type, one.door)
    process_all(services)

    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT record FROM records ORDER BY record")
        kept = [found for row in rows if (found := records.get(tx, row.record))]
        files = [(one, records.parts(tx, one)[0]) for one in kept]
    said = sorted(
        (number.value, b"".join(services.vault.read(file.location)))
        for one, file in files
        for number in one.about.identifiers
    )
    assert [number for number, _ in said] == ["D1", "D2"]
    assert [[f"text of {number}".encode() in text for number in ("D1", "D2")] for _, text in said] == [
        [True, False],
        [False, True],
    ]
