"""A form for records of some years alone: what is dated within goes, the rest and what is undated does not."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments, MemoryVault, OpensAll
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from tests.kit.studies import a_study
from transfer.case import OpenedCase
from transfer.flow import desk
from transfer.flow.basis import class_of, may_release
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, records
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics
from transfer.permissions import Finding
from transfer.requests import RequestState
from transfer.sources import Ending, Found, IndexEntry, SeriesFound, SeriesObject, StudyFound

pytestmark = pytest.mark.servers

OF_2020_AND_2021 = {"provision": {"dataPeriod": {"start": "2020-01-01", "end": "2021-12-31"}}}
OF_2020 = PartialDate(2020, 6, 30)
YEAR_2021 = PartialDate(2021)
OF_2023 = PartialDate(2023, 1, 5)


class Dated(MemoryDocuments):
    """A records office whose documents are of these days."""

    def __init__(self, *days: PartialDate | None) -> None:
        super().__init__([f"of {day}".encode() for day in days])
        self.days = days

    def ask(self, _source: object) -> "Dated":
        return self

    def documents(self, *asked: Any, **how: Any) -> Iterator[Found]:
        for found, day in zip(super().documents(*asked, **how), self.days, strict=True):
            yield replace(found, document=replace(found.document, day=day))  # type: ignore[arg-type,union-attr]


def collected(services: Services, case: CaseId) -> set[PartialDate | None]:
    with services.ledger.transaction() as tx:
        return {kept.about.day for kept, _ in records.joined(tx, case)}


def a_case_of(ledger: Ledger, office: Dated) -> tuple[Services, CaseId, Any]:
    services = b.new_services(ledger, ask_documents=office.ask)
    chart = b.a_chart()
    b.sign_form(services, chart, resource=OF_2020_AND_2021)
    return services, b.a_case(services, chart, form=False), chart


def test_what_is_of_the_period_is_collected_and_nothing_else(ledger: Ledger):
    office = Dated(OF_2020, YEAR_2021, OF_2023, PartialDate(2019), None)
    services, case, chart = a_case_of(ledger, office)

    assert collected(services, case) == {OF_2020, YEAR_2021}
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.ANSWERED

    b.sign_form(services, chart)
    process_all(services)
    assert collected(services, case) == {*office.days}, "a form for all records brings the rest"


def test_a_person_is_told_that_what_is_undated_does_not_go(ledger: Ledger):
    services, case, _ = a_case_of(ledger, Dated(None))

    assert collected(services, case) == set()
    (asked,) = [one for one in desk.holds(services, actor=ANN) if one.code is HoldCode.FORM_DOUBTED]
    assert asked.about == Finding.PERHAPS_NOT_COVERED


def test_a_form_that_comes_later_and_is_narrower_holds_what_was_collected_before(ledger: Ledger):
    services = b.new_services(ledger, ask_documents=Dated(OF_2020, YEAR_2021, OF_2023).ask)
    chart = b.a_chart()
    case = b.a_case(services, chart)
    assert may_leave(services, case) == {OF_2020: True, YEAR_2021: True, OF_2023: True}

    b.sign_form(services, chart, resource=OF_2020_AND_2021)
    process_all(services)

    assert may_leave(services, case) == {OF_2020: True, YEAR_2021: True, OF_2023: False}


def may_leave(services: Services, case: CaseId) -> dict[PartialDate | None, bool]:
    with services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(case))
        said = [class_of(kept) for kept, _ in records.joined(tx, case)]
        rulings = may_release(tx, services.institutions, opened.patient, opened.receiver, said)
    return {content.dated: ruling.is_permitted for content, ruling in rulings.by_class.items()}


@pytest.mark.parametrize(
    ("day", "is_collected"),
    [(date(2020, 1, 1), True), (date(2021, 12, 31), True), (date(2022, 1, 1), False), (None, False)],
)
def test_a_study_is_fetched_by_its_day(ledger: Ledger, day: date | None, is_collected: bool):
    archive = Archive(day)
    services = b.new_services(ledger, ask_archive=archive.ask, opener=OpensAll())
    chart = b.a_chart()
    b.sign_form(services, chart, resource=OF_2020_AND_2021)
    case = b.a_case(services, chart, form=False)

    assert bool(collected(services, case)) is is_collected
    assert archive.fetched == is_collected, "what no form covers stays there"
    assert b.request_to(services, case, b.MERCY).state is (
        RequestState.ANSWERED if is_collected else RequestState.NOT_FOUND
    )


class Archive:
    """It has one study of one image, of this day."""

    def __init__(self, day: date | None) -> None:
        self.day = day
        self.fetched = 0

    def ask(self, _source: object) -> Any:
        return self

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        return [replace(a_study("2.25.1", who), date=self.day)]

    def series(self, _study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid="2.25.2")]

    def instances(self, _study: str, _series: str, **_: object) -> frozenset[str]:
        return frozenset({"2.25.3"})

    def fetch_series(self, _study: str, _series: str, *, vault: MemoryVault, **_: object) -> SeriesObject:
        self.fetched += 1
        place = vault.keep([b"a tar of images"])
        index = (IndexEntry("2.25.3", 0, 4, place.sha256),)
        return SeriesObject(study_instance_uid="2.25.1", series_instance_uid="2.25.2", location=place, index=index,
                            complete=True, ending=Ending.CLOSED, stated=())  # fmt: skip
