"""Several series of a study under way at once, where the source's file allows it."""

from dataclasses import dataclass, field, replace
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryVault
from tests.kit.rejection_notes import HeldStudy, an_image
from tests.kit.scripted_archive import uid
from transfer.asking import Asking
from transfer.errors import ChangedMeanwhile, Unreachable
from transfer.flow.services import Services
from transfer.institutions import Institutions
from transfer.ledger import Ledger, records
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart
from transfer.sources import KeepGoing, SeriesObject

pytestmark = pytest.mark.servers

STUDY, FIRST, SECOND = "2.25.7", "2.25.7.1", "2.25.7.2"


@dataclass
class Slow(HeldStudy):
    """An archive whose answers end together, where they begin together; and says how many were under way at most."""

    together: int = 1
    #: of this series nothing comes
    silent: str | None = None
    most: int = 0
    #: of each series, in their order
    wanted: list[frozenset[str] | None] = field(default_factory=list)
    ended_by_us: list[str] = field(default_factory=list)
    _now: int = 0
    _counting: Any = field(default_factory=Lock)
    _barrier: Any = None

    def fetch_series(self, study: str, series: str, *, keep_going: KeepGoing, **how: Any) -> SeriesObject | None:  # type: ignore[override]
        self.wanted.append(how["wanted"])
        self._count(1)
        try:
            self._meet()
            if series == self.silent:
                raise Unreachable("gone")
            if self.silent:
                self._wait_for_the_end(series, keep_going)
            return super().fetch_series(study, series, **how)
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        with self._counting:
            self._now += more
            self.most = max(self.most, self._now)

    def _meet(self) -> None:
        self._barrier = self._barrier or Barrier(self.together)
        try:
            self._barrier.wait(30)
        except BrokenBarrierError:
            pytest.fail("the other series was not begun")

    def _wait_for_the_end(self, series: str, keep_going: KeepGoing) -> None:
        try:
            while True:
                keep_going()
        except ChangedMeanwhile:
            self.ended_by_us.append(series)
            raise


def an_archive(chart: Chart, **how: Any) -> Slow:
    files = {
        series: {uid(number): an_image(number, chart, STUDY, series)}
        for number, series in enumerate((FIRST, SECOND), 1)
    }
    return Slow(STUDY, files, **how)


def asking_at_once(services: Services, series: int) -> Services:
    """The same, where the archive of Mercy gives so many series at once."""
    theirs = services.institutions[b.MERCY]
    changed = theirs.model_copy(update={"asking": Asking(series_at_once=series)})
    others = [one for one in services.institutions.values() if one.id != b.MERCY]
    return replace(services, institutions=Institutions([changed, *others]))


def images_in_the_vault(services: Services) -> int:
    assert isinstance(services.vault, MemoryVault)
    return sum(b"DICM" in data for data in services.vault.objects.values())


def series_of(services: Services, case: Any) -> list[list[str]]:
    """The series of each study that the case has, in the order in which they came."""
    with services.ledger.transaction() as tx:
        return [
            [part.series.series_instance_uid for part in records.parts(tx, kept) if part.series]
            for kept, _ in records.joined(tx, case)
            if kept.about.study_instance_uid
        ]


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


def test_two_series_are_under_way_at_once_where_the_file_says_so(ledger: Ledger, chart: Chart):
    archive = an_archive(chart, together=2)
    services = asking_at_once(b.new_services(ledger, ask_archive=archive.ask), 2)

    case = b.a_case(services, chart)

    assert b.request_to(services, case, b.MERCY).state is RequestState.ANSWERED
    assert series_of(services, case) == [[FIRST, SECOND]]
    assert archive.most == 2


def test_no_more_are_under_way_than_the_file_says(ledger: Ledger, chart: Chart):
    archive = an_archive(chart, together=2)
    archive.files |= {
        f"2.25.7.{number}": {uid(number): an_image(number, chart, STUDY, f"2.25.7.{number}")} for number in (3, 4)
    }
    services = asking_at_once(b.new_services(ledger, ask_archive=archive.ask), 2)

    case = b.a_case(services, chart)

    assert [len(each) for each in series_of(services, case)] == [4]
    assert archive.most == 2


def test_one_series_is_under_way_where_the_file_says_nothing(ledger: Ledger, chart: Chart):
    archive = an_archive(chart)
    services = b.new_services(ledger, ask_archive=archive.ask)

    case = b.a_case(services, chart)

    assert series_of(services, case) == [[FIRST, SECOND]]
    assert archive.most == 1


def test_an_image_that_two_series_list_comes_once(ledger: Ledger, chart: Chart):
    """What is wanted of a series is known when the one before it is here."""
    archive = an_archive(chart)
    archive.files[SECOND] |= archive.files[FIRST]
    services = asking_at_once(b.new_services(ledger, ask_archive=archive.ask), 2)

    b.a_case(services, chart)

    assert archive.wanted == [None, {uid(2)}]


def test_a_series_that_fails_ends_the_others_and_nothing_of_them_stays(ledger: Ledger, chart: Chart):
    archive = an_archive(chart, together=2, silent=FIRST)
    services = asking_at_once(b.new_services(ledger, ask_archive=archive.ask), 2)

    case = b.a_case(services, chart)

    assert archive.ended_by_us == [SECOND]
    assert b.request_to(services, case, b.MERCY).state is RequestState.DUE
    assert series_of(services, case) == []
    assert images_in_the_vault(services) == 0


def test_a_series_that_came_beside_one_of_another_patient_is_not_kept(ledger: Ledger, chart: Chart):
    archive = an_archive(chart, together=2)
    other = an_image(1, chart, STUDY, FIRST, PatientName="Somebody^Else", PatientID="9", PatientSex="O")
    archive.files[FIRST] = {uid(1): other}
    services = asking_at_once(b.new_services(ledger, ask_archive=archive.ask), 2)

    case = b.a_case(services, chart)

    assert archive.most == 2
    assert series_of(services, case) == []
    assert images_in_the_vault(services) == 0
