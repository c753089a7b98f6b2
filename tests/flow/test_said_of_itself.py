"""A title or a date that cannot be meant as it stands, at each door."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from tests.kit import builders as b
from tests.kit import lives
from tests.kit.fakes import MemoryDocuments
from tests.kit.processing import process_all
from tests.kit.rejection_notes import HeldStudy, an_image
from tests.kit.scripted_archive import uid
from transfer.arrivals import ArrivalKind
from transfer.flaws import Flaw
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, records
from transfer.ledger.records import StoredRecord
from transfer.patients import Demographics
from transfer.records import DocumentStatus
from transfer.sources import Bad, Found, StudyFound

pytestmark = pytest.mark.servers

SAID: Final = datetime(2026, 10, 3, 12, 0, tzinfo=UTC)
TO_COME: Final = datetime(2099, 10, 3, 12, 0, tzinfo=UTC)


class Office(MemoryDocuments):
    """It says these things of its document."""

    said: dict[str, Any]

    def documents(self, *asked: Any, **how: Any) -> Iterator[Found | Bad]:
        for one in super().documents(*asked, **how):
            assert isinstance(one, Found)
            yield replace(one, document=replace(one.document, **self.said))


def fetched(ledger: Ledger, **said: Any) -> StoredRecord:
    office = Office([b"a note"])
    office.said = said
    services = b.new_services(ledger, ask_documents=lambda _: office)
    return kept(services, b.a_case(services))


def pushed(ledger: Ledger, title: str) -> StoredRecord:
    services, chart = b.new_services(ledger), b.a_chart()
    case = b.a_case(services, chart)
    sent = lives.pushed(chart, lives.a_reference("A", "a text", description=title), SAID)
    b.comes(services, sent.institution, ArrivalKind.ANSWER, sent.body, sent.content_type, sent.door)
    process_all(services)
    return kept(services, case)


def kept(services: Services, case: CaseId) -> StoredRecord:
    with services.ledger.transaction() as tx:
        ((one, _),) = records.joined(tx, case)
    return one


@pytest.mark.parametrize(
    "come", [lambda ledger, title: fetched(ledger, title=title), pushed], ids=["fetched", "pushed"]
)
def test_what_is_called_void_is_looked_at_first(ledger: Ledger, come: Any):
    assert Flaw.UNEXPECTED in come(ledger, "VOID - wrong patient").flaws


@pytest.mark.parametrize(
    "come", [lambda ledger, title: fetched(ledger, title=title), pushed], ids=["fetched", "pushed"]
)
def test_what_is_called_a_draft_is_preliminary(ledger: Ledger, come: Any):
    assert come(ledger, "Operative note (draft)").status is DocumentStatus.PRELIMINARY


def test_a_time_to_come_that_a_source_says_is_none(ledger: Ledger):
    one = fetched(ledger, at=TO_COME, stated_at=TO_COME)

    assert (one.about.at, one.about.stated_at) == (None, None)


class Archive(HeldStudy):
    """It dates its study in a year to come."""

    def studies(self, who: Demographics, *asked: object, **how: Any) -> list[StudyFound]:
        return [replace(one, at=TO_COME) for one in super().studies(who, *asked, **how)]


def test_a_time_to_come_that_an_archive_says_is_none(ledger: Ledger):
    chart = b.a_chart()
    archive = Archive("2.25.7", {"2.25.7.1": {uid(1): an_image(1, chart, "2.25.7", "2.25.7.1")}})
    services = b.new_services(ledger, ask_archive=archive.ask)

    assert kept(services, b.a_case(services, chart)).about.at is None
