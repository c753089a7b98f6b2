"""The words on pages that wait: read once, sealed, gone with their page; what they suggest, and to whom."""

from dataclasses import replace
from datetime import date
from threading import Event

import pytest

from tests.kit import builders as b
from tests.kit.papers import a_fax, a_pdf, a_report_of
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.errors import NotAllowed, Unavailable
from transfer.facts import Chain
from transfer.flow import desk, page_texts
from transfer.flow.desk import IndexedAs, PageSuggestion
from transfer.flow.housekeeping import destroy_papers
from transfer.flow.page_texts import PAGES_READ, read_next
from transfer.flow.services import Services
from transfer.identifiers import CaseId, IncomingId
from transfer.incoming import PagesBecame
from transfer.ledger import Ledger, incoming
from transfer.ledger import page_texts as stored
from transfer.looks import LookReason, PatientFlag
from transfer.records import RecordKind
from transfer.sealing import KeyName

pytestmark = pytest.mark.servers

NOTE = IndexedAs(kind=RecordKind.NOTE, institution=b.LAKESIDE)


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_paper(services: Services, pages: int = 4) -> IncomingId:
    """Somebody brought a paper in, and took it."""
    name = IncomingId(str(desk.upload_paper(services, a_fax(pages), actor=ANN).fields["incoming"]))
    desk.take_paper(services, name, actor=ANN)
    return name


def says(*pages: str):
    """A reader that finds these texts on pages one after another, and nothing on those behind."""
    return lambda _type, _body, page: pages[page - 1] if page <= len(pages) else ""


def read(services: Services, *pages: str) -> None:
    """All that waits is read."""
    while read_next(services, says(*pages)):
        pass


def rows(services: Services, name: IncomingId) -> dict[int, bytes]:
    with services.ledger.transaction() as tx:
        return stored.of(tx, name, range(1, 301))


def suggested(services: Services, name: IncomingId, *, actor=ANN) -> dict[int, PageSuggestion]:
    return {one.page: one for one in desk.suggest(services, name, actor=actor)}


def named(services: Services, name: IncomingId) -> dict[int, list[CaseId]]:
    return {page: [one.case for one in said.cases] for page, said in suggested(services, name).items()}


class TestReading:
    def test_each_page_is_read_once_the_paper_that_came_first_before_others(self, services):
        first, second, asked = a_paper(services, 2), a_paper(services, 3), []

        while read_next(services, lambda _type, body, page: asked.append(page) or ""):
            pass

        assert asked == [1, 2, 1, 2, 3]
        assert [len(rows(services, one)) for one in (first, second)] == [2, 3]

    def test_one_that_was_broken_off_is_read_on(self, services):
        name = a_paper(services, 3)

        def breaks(_type: str, _body: bytes, page: int) -> str:
            if page == 2:
                raise Unavailable("the program is away")
            return "words"

        with pytest.raises(Unavailable):
            read_next(services, breaks)
        assert sorted(rows(services, name)) == [1]
        read(services, "one", "two", "three")

        assert sorted(rows(services, name)) == [1, 2, 3]

    def test_one_whose_original_is_gone_does_not_keep_those_behind_it_waiting(self, services):
        first, second = a_paper(services, 2), a_paper(services, 1)
        with services.ledger.transaction() as tx:
            services.vault.remove(incoming.get(tx, first).original.key)

        read(services, "words")

        assert [len(rows(services, one)) for one in (first, second)] == [2, 1]

    def test_what_was_read_is_sealed_under_the_key_of_its_paper(self, services):
        name = a_paper(services, 1)
        read(services, "Vandermeer, Theodora")

        (sealed,) = rows(services, name).values()
        assert b"Vandermeer" not in sealed
        opened = services.ledger.keys.unseal(KeyName.incoming(name), sealed, about=f"{name}.1.text")
        assert opened == b"Vandermeer, Theodora"

    def test_a_page_that_somebody_has_said_what_it_is_is_not_read_and_what_was_read_on_it_is_gone(self, services):
        case, name = b.a_case(services), a_paper(services)
        desk.index_pages(services, name, "1", case, NOTE, actor=ANN)
        read(services, "one", "two", "three", "four")
        assert list(rows(services, name)) == [2, 3, 4]

        desk.leave_out(services, name, "2", PagesBecame.LEFT_OUT, actor=ANN)
        desk.index_pages(services, name, "3", case, NOTE, actor=ANN)
        assert list(rows(services, name)) == [4]

    def test_a_paper_that_is_destroyed_takes_its_words_with_it(self, services, monkeypatch):
        name = a_paper(services, 2)
        read(services, "one", "two")
        with services.ledger.transaction() as tx:
            tx.run("UPDATE incoming SET state = 'done', destroy_after = transfer.now() WHERE incoming = %s", name)

        destroy_papers(services)

        assert rows(services, name) == {}
        assert not services.ledger.keys.has(KeyName.incoming(name))
        assert not read_next(services, says("again"))

    def test_what_is_destroyed_while_it_is_read_keeps_nothing(self, services):
        name = a_paper(services, 2)

        def destroyed(_type: str, _body: bytes, page: int) -> str:
            desk.leave_out(services, name, "all", PagesBecame.MISDIRECTED, actor=ANN) if page == 1 else None
            return "words"

        assert read_next(services, destroyed)
        assert rows(services, name) == {}
        assert not read_next(services, says())

    def test_a_paper_whose_key_is_gone_is_not_tried_again_and_again(self, services):
        name = a_paper(services, 1)
        services.ledger.keys.destroy(KeyName.incoming(name))

        assert not read_next(services, says("words"))
        assert rows(services, name) == {}

    def test_without_the_program_nothing_is_kept_and_it_is_tried_again(self, services):
        name = a_paper(services, 1)

        def lacks(*_: object) -> str:
            raise Unavailable("the program that reads text is not there")

        with pytest.raises(Unavailable):
            read_next(services, lacks)
        assert rows(services, name) == {}

        read(services, "words")
        assert list(rows(services, name)) == [1]

    def test_of_a_long_paper_so_many_pages_are_read(self, services):
        name = IncomingId(str(desk.upload_paper(services, a_pdf(PAGES_READ + 2), actor=ANN).fields["incoming"]))
        read(services, *["words"] * 300)

        assert list(rows(services, name)) == [*range(1, PAGES_READ + 1)]

    def test_it_goes_on_after_a_mistake_tells_no_words_and_ends_when_told(self, services, caplog):
        stop, asked = Event(), []
        a_paper(services, 1)

        def fails_once(*_: object) -> str:
            asked.append(1)
            if len(asked) == 1:
                raise ValueError("Vandermeer")
            stop.set()
            return "Vandermeer"

        page_texts.watch(services, fails_once, stop, every=0.01)

        assert len(asked) == 2
        assert "reading pages failed" in caplog.text
        assert "Vandermeer" not in caplog.text


class TestSuggesting:
    def test_pages_of_two_patients_are_each_told_whose_they_read_like(self, services):
        charts = [b.a_chart(), b.a_chart()]
        cases = [b.a_case(services, chart) for chart in charts]
        name = a_paper(services)
        read(services, a_report_of(charts[0]), "no name at all", a_report_of(charts[1], "Operative report"), "")

        found = suggested(services, name)

        assert named(services, name) == {1: [cases[0]], 3: [cases[1]]}
        assert found[1].kind
        assert (found[1].kind.kind, found[1].kind.words) == (RecordKind.PATHOLOGY_REPORT, "Surgical pathology report")
        assert found[3].kind
        assert found[3].kind.kind is RecordKind.OPERATIVE_NOTE
        assert found[1].day
        assert (found[1].day.day, found[1].day.words) == (date(2026, 10, 5), "Collected: 10/5/2026")
        assert charts[0]["patient"]["family"] in found[1].cases[0].words

    def test_two_who_were_born_on_one_day_are_both_suggested_where_a_page_names_both(self, services):
        charts = [b.a_chart(), b.a_chart()]
        charts[1]["patient"]["birth_date"] = charts[0]["patient"]["birth_date"]
        cases = {b.a_case(services, chart) for chart in charts}
        people = [f"{one['patient']['given'][0]} {one['patient']['family']}" for one in charts]
        name = a_paper(services, 1)
        read(services, f"{' and '.join(people)}, both born {charts[0]['patient']['birth_date']}")

        assert set(named(services, name)[1]) == cases

    def test_whoever_has_no_open_case_is_not_suggested(self, services):
        chart = b.a_chart()
        case, name = b.a_case(services, chart), a_paper(services, 1)
        read(services, a_report_of(chart))
        desk.close(services, case, desk.ENDINGS[0], actor=ANN)

        assert named(services, name) == {1: []}, "its kind is suggested still"

    def test_another_birth_date_suggests_nobody(self, services):
        chart = b.a_chart()
        b.a_case(services, chart)
        other = {**chart, "patient": {**chart["patient"], "birth_date": "1930-01-02"}}
        name = a_paper(services, 1)
        read(services, a_report_of(other))

        assert named(services, name) == {1: []}

    def test_pages_without_words_suggest_nothing_and_nothing_is_written_of_a_look(self, services):
        b.a_case(services)
        name = a_paper(services, 2)
        read(services)

        assert desk.suggest(services, name, actor=ANN) == ()
        assert looks(services) == []

    def test_that_a_patient_is_named_is_a_fact_and_only_who_has_the_paper_is_told(self, services):
        chart = b.a_chart()
        case, name = b.a_case(services, chart), a_paper(services, 1)
        read(services, a_report_of(chart))

        suggested(services, name)
        assert looks(services) == [(case,)]
        with pytest.raises(NotAllowed, match="not yours"):
            desk.suggest(services, name, actor=BEN)
        assert looks(services) == [(case,)]

    def test_whoever_must_say_why_they_look_is_told_no_name_before(self, services):
        chart = b.a_chart()
        case, name = b.a_case(services, chart), a_paper(services, 1)
        read(services, a_report_of(chart))
        desk.flag_patient(services, case, PatientFlag.VIP, actor=ANN)

        assert named(services, name) == {1: []}
        desk.state_reason(services, case, LookReason.TREATMENT, actor=ANN)
        assert named(services, name) == {1: [case]}

    def test_of_the_first_page_that_is_left_alone_where_that_is_wanted(self, services):
        chart = b.a_chart()
        case, name = b.a_case(services, chart), a_paper(services, 3)
        read(services, "Operative report", a_report_of(chart), a_report_of(chart))
        first = desk.suggest(services, name, actor=ANN, only_first=True)
        assert [one.page for one in first] == [1]

        desk.index_pages(services, name, "1", case, replace(NOTE, kind=RecordKind.OPERATIVE_NOTE), actor=ANN)
        assert [one.page for one in desk.suggest(services, name, actor=ANN, only_first=True)] == [2]


def looks(services: Services) -> list[tuple[str, ...]]:
    """The cases of each look at who somebody is."""
    with services.ledger.transaction() as tx:
        lines = tx.lines(Chain.desk(tx.now().date()))
    return [tuple(one.fact.cases) for one in lines if isinstance(one.fact, facts.IdentityViewed)]
