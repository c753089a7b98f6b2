"""Papers: kept as they came, taken by one person, indexed page by page, and destroyed when their time is over."""

import io
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pikepdf
import pytest

from tests.kit import builders as b
from tests.kit.papers import a_fax, a_pdf
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.actions import ActionCode
from transfer.adapters.paper.folder import WatchedFolder
from transfer.arrivals import ArrivalState
from transfer.completeness import NeedState
from transfer.errors import NotAllowed, Unavailable, Unknown
from transfer.facts import SYSTEM, Chain
from transfer.flow import desk
from transfer.flow.desk import IndexedAs
from transfer.flow.housekeeping import clean_up
from transfer.flow.lines_in import look_at_line, watch
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import ArrivalId, CaseId, IncomingId, RecordId
from transfer.incoming import IncomingState, PagesBecame, SentBack, SentBackHow
from transfer.ledger import Ledger, arrivals, records
from transfer.partial_dates import PartialDate
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.requests import RequestState
from transfer.sealing import KeyName

pytestmark = pytest.mark.servers

NOTE = IndexedAs(kind=RecordKind.NOTE, institution=b.LAKESIDE, day=PartialDate(2026, 5, 12))


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_paper(services: Services, body: bytes = b"", *, actor=ANN) -> IncomingId:
    """Somebody brought a paper in, and took it."""
    name = IncomingId(str(desk.upload_paper(services, body or a_pdf(6), actor=actor).fields["incoming"]))
    desk.take_paper(services, name, actor=actor)
    return name


def the_paper(services: Services, name: IncomingId):
    (found,) = [one for one in desk.list_incoming(services, actor=ANN, everything=True).papers if one.incoming == name]
    return found


def need(services: Services, case: CaseId, line: str) -> desk.NeedView:
    return next(one for one in desk.dossier(services, case, actor=ANN).needs if one.line == line)


def collected(services: Services, case: CaseId) -> list[tuple[str, str]]:
    with services.ledger.transaction() as tx:
        return [(kept.kind, kept.institution) for kept, _ in records.joined(tx, case)]


def pages_of(services: Services, case: CaseId) -> list[int]:
    """How many pages the first record of the case has."""
    with services.ledger.transaction() as tx:
        name = next(iter(tx.case(case).records))
        found = records.get(tx, RecordId(name))
        assert found
        (part,) = records.parts(tx, found)
    with pikepdf.open(io.BytesIO(b"".join(services.vault.read(part.location)))) as made:
        return [len(made.pages)]


class TestComing:
    def test_a_paper_is_listed_and_its_bytes_are_sealed(self, services):
        name = a_paper(services)

        (found,) = desk.list_incoming(services, actor=ANN).papers
        assert (found.incoming, found.line, found.pages, found.left) == (name, "upload", 6, (1, 2, 3, 4, 5, 6))
        assert not any(b"%PDF" in one for one in services.vault.objects.values())

    def test_the_same_file_again_is_the_same_paper(self, services):
        body = a_fax(2)
        name = a_paper(services, body)

        did = desk.upload_paper(services, body, actor=BEN)

        assert (did.code, did.fields["incoming"]) == (ActionCode.PAPER_STORED_BEFORE, name)
        assert len(desk.list_incoming(services, actor=ANN).papers) == 1

    def test_what_is_no_paper_is_refused_and_nothing_is_kept(self, services):
        with pytest.raises(NotAllowed) as refused:
            desk.upload_paper(services, b"\0\0\0\x18ftypheic\0\0\0\0", actor=ANN)

        assert refused.value.refusal.code is RefusalCode.NO_PAPER
        assert "HEIC" in str(refused.value)
        assert services.vault.objects == {}
        assert desk.list_incoming(services, actor=ANN).papers == ()


class TestLooking:
    def test_who_has_the_paper_sees_its_pages_and_nobody_else_does(self, services):
        name = a_paper(services)

        assert desk.show_picture(services, name, 6, actor=ANN).startswith(b"\xff\xd8\xff")
        assert b"".join(desk.open_paper(services, name, actor=ANN).pieces()).startswith(b"%PDF-")
        for look in (desk.look_at_paper, desk.open_paper, lambda *a, **k: desk.show_picture(*a, 1, **k)):
            with pytest.raises(NotAllowed, match="not yours"):
                look(services, name, actor=BEN)

        desk.take_paper(services, name, actor=BEN)
        assert desk.look_at_paper(services, name, actor=BEN).taken_by == "ben"
        with pytest.raises(NotAllowed, match="not yours"):
            desk.show_picture(services, name, 1, actor=ANN)

    def test_looks_and_taking_are_facts(self, services):
        name = a_paper(services)
        desk.look_at_paper(services, name, actor=ANN)

        with services.ledger.transaction() as tx:
            today = tx.now().date()
            shown = [x.fact.about for x in tx.lines(Chain.desk(today)) if isinstance(x.fact, facts.ContentViewed)]
            taken = [x.by.person for x in tx.lines(SYSTEM) if isinstance(x.fact, facts.PaperTaken)]
        assert (shown, taken) == ([name], ["ann"])

    @pytest.mark.parametrize("page", [0, 7, -1])
    def test_a_page_that_there_is_not_is_not_shown(self, services, page):
        name = a_paper(services)

        with pytest.raises(Unknown):
            desk.show_picture(services, name, page, actor=ANN)


class TestIndexing:
    def test_pages_become_a_record_of_the_case_and_its_source_has_answered(self, services):
        case, name = b.a_case(services), a_paper(services)

        desk.index_pages(services, name, "2-4", case, NOTE, actor=ANN)
        process_all(services)

        assert collected(services, case) == [(RecordKind.NOTE, b.LAKESIDE)]
        assert pages_of(services, case) == [3]
        assert the_paper(services, name).left == (1, 5, 6)

    def test_what_is_awaited_from_a_source_has_come(self, services):
        case, name = b.a_case(services), a_paper(services)
        report = IndexedAs(kind=RecordKind.PATHOLOGY_REPORT, institution=b.PRAIRIE)
        assert b.request_to(services, case, b.PRAIRIE).state is RequestState.EXPECTED

        desk.index_pages(services, name, "all", case, report, actor=ANN)
        process_all(services)

        assert b.request_to(services, case, b.PRAIRIE).state is RequestState.ANSWERED

    def test_a_page_answers_the_line_that_whoever_indexes_it_says(self, services):
        case, name = b.a_case(services), a_paper(services, a_pdf(6, says="Result"))
        desk.change(services, case, checklist="pancreas", actor=ANN)
        with services.ledger.transaction() as tx:
            recently = PartialDate.of((tx.now() - timedelta(days=9)).date())
        sheet = IndexedAs(kind=RecordKind.LABORATORY, institution=b.LAKESIDE, day=recently)

        desk.index_pages(services, name, "1", case, sheet, actor=ANN)
        process_all(services)
        assert need(services, case, "blood").state == NeedState.RECEIVED  # which test it is stands on no page

        desk.index_pages(services, name, "2", case, replace(sheet, line="blood"), actor=ANN)
        process_all(services)
        assert need(services, case, "blood").state == NeedState.SATISFIED
        said = [one.says for one in desk.story(services, case, actor=ANN)]
        assert any("it answers: " in one for one in said)

    def test_a_line_that_pages_of_the_kind_do_not_answer_is_refused(self, services):
        case, name = b.a_case(services), a_paper(services)

        for line in ("slides", "no-such-line"):
            with pytest.raises(NotAllowed) as refused:
                desk.index_pages(services, name, "1", case, replace(NOTE, line=line), actor=ANN)
            assert refused.value.refusal.code is RefusalCode.NO_SUCH_LINE
        assert the_paper(services, name).left == (1, 2, 3, 4, 5, 6)

    def test_a_whole_paper_is_kept_as_it_came(self, services):
        case, body = b.a_case(services), a_fax(2)
        name = a_paper(services, body)

        desk.index_pages(services, name, "1-2", case, NOTE, actor=ANN)
        process_all(services)

        with services.ledger.transaction() as tx:
            (kept,) = [records.get(tx, RecordId(one)) for one in tx.case(case).records]
            (part,) = records.parts(tx, kept)
            assert part.content_type == "image/tiff"
            assert kept.about.title.startswith("Paper of 2 pages, as it came")
        assert b"".join(services.vault.read(part.location)) == body

    def test_a_copy_says_that_it_is_one(self, services):
        case, name = b.a_case(services), a_paper(services)

        desk.index_pages(
            services, name, "1,3", case, IndexedAs(kind=RecordKind.NOTE, institution=b.LAKESIDE, turn=90), actor=ANN
        )
        process_all(services)

        with services.ledger.transaction() as tx:
            (kept,) = [records.get(tx, RecordId(one)) for one in tx.case(case).records]
        assert kept.about.title.startswith("Copy of pages 1, 3 of a paper of 6 that came ")
        assert kept.about.title.endswith(", turned by 90 degrees")

    def test_without_a_form_it_waits_sealed_and_is_collected_once_there_is_one(self, services):
        chart = b.a_chart()
        case, name = b.a_case(services, chart, form=False), a_paper(services)

        did = desk.index_pages(services, name, "1", case, NOTE, actor=ANN)
        process_all(services)
        assert collected(services, case) == []
        with services.ledger.transaction() as tx:
            waiting = arrivals.get(tx, ArrivalId(str(did.fields["arrival"])))
        assert waiting is not None
        assert waiting.state is ArrivalState.SEALED

        b.sign_form(services, chart)
        process_all(services)
        assert collected(services, case) == [(RecordKind.NOTE, b.LAKESIDE)]

    def test_nobody_is_asked_whose_it_is_even_where_a_twin_is_known(self, services):
        chart = b.a_chart()
        case, _ = b.a_case(services, chart), b.a_case(services, b.a_twin(chart))
        name = a_paper(services)

        desk.index_pages(services, name, "1", case, NOTE, actor=ANN)
        process_all(services)

        assert collected(services, case) == [(RecordKind.NOTE, b.LAKESIDE)]

    def test_the_same_again_is_done_once(self, services):
        case, name = b.a_case(services), a_paper(services)
        desk.index_pages(services, name, "1-2", case, NOTE, actor=ANN)
        kept = len(services.vault.objects)

        did = desk.index_pages(services, name, "2,1", case, NOTE, actor=ANN)

        assert did.code is ActionCode.PAGES_INDEXED_BEFORE
        assert len(the_paper(services, name).parts) == 1
        assert len(services.vault.objects) == kept

    def test_pages_of_two_patients_are_divided_and_no_page_is_of_both(self, services):
        one, other, name = b.a_case(services), b.a_case(services), a_paper(services)
        desk.index_pages(services, name, "1-3", one, NOTE, actor=ANN)

        with pytest.raises(NotAllowed, match="pages 3 are indexed otherwise"):
            desk.index_pages(services, name, "3-6", other, NOTE, actor=ANN)
        desk.index_pages(services, name, "4-6", other, NOTE, actor=ANN)
        process_all(services)

        assert len(collected(services, one)) == len(collected(services, other)) == 1
        assert the_paper(services, name).state is IncomingState.DONE
        assert desk.list_incoming(services, actor=ANN).papers == ()

    def test_a_closed_case_takes_no_pages(self, services):
        case, name = b.a_case(services), a_paper(services)
        desk.close(services, case, "not-coming", actor=ANN)

        with pytest.raises(NotAllowed):
            desk.index_pages(services, name, "1", case, NOTE, actor=ANN)
        assert the_paper(services, name).parts == ()

    def test_what_happened_names_no_patient(self, services):
        case, name = b.a_case(services), a_paper(services)
        desk.index_pages(services, name, "1-2", case, NOTE, actor=ANN)

        with services.ledger.transaction() as tx:
            (fact,) = [x.fact for x in tx.lines(Chain.case(case)) if isinstance(x.fact, facts.PagesIndexed)]
        assert (fact.incoming, fact.pages, fact.document, fact.institution) == (name, "1-2", "note", b.LAKESIDE)


class TestLeavingOut:
    def test_cover_sheets_are_left_out_and_the_paper_is_kept(self, services, hours_pass):
        case, name = b.a_case(services), a_paper(services)
        desk.leave_out(services, name, "1", PagesBecame.LEFT_OUT, actor=ANN)
        desk.index_pages(services, name, "2-6", case, NOTE, actor=ANN)

        hours_pass(timedelta(hours=24 * 400))
        clean_up(services)

        assert the_paper(services, name).state is IncomingState.DONE

    def test_a_misdirected_paper_is_destroyed_after_its_time(self, services, hours_pass):
        name = a_paper(services)
        desk.leave_out(services, name, "all", PagesBecame.MISDIRECTED, actor=ANN)

        hours_pass(timedelta(hours=24 * 6))
        clean_up(services)
        assert the_paper(services, name).state is IncomingState.DONE
        hours_pass(timedelta(hours=25))
        clean_up(services)

        assert the_paper(services, name).state is IncomingState.DESTROYED
        assert services.vault.objects == {}
        assert services.ledger.keys.was_destroyed(KeyName.incoming(name))
        with pytest.raises(Unknown):
            desk.open_paper(services, name, actor=ANN)

    def test_what_was_destroyed_may_come_again(self, services, hours_pass):
        body = a_pdf(2)
        name = a_paper(services, body)
        desk.leave_out(services, name, "all", PagesBecame.MISDIRECTED, actor=ANN)
        hours_pass(timedelta(days=8))
        clean_up(services)

        again = a_paper(services, body)

        assert again != name
        assert desk.show_picture(services, again, 1, actor=ANN).startswith(b"\xff\xd8\xff")

    def test_while_pages_are_left_nothing_is_destroyed(self, services, hours_pass):
        name = a_paper(services)
        desk.leave_out(services, name, "1-2", PagesBecame.MISDIRECTED, actor=ANN)

        hours_pass(timedelta(hours=24 * 30))
        clean_up(services)

        assert the_paper(services, name).state is IncomingState.WAITING

    def test_the_same_again_is_said_once_and_a_record_is_not_left_out(self, services):
        case, name = b.a_case(services), a_paper(services)
        desk.index_pages(services, name, "1", case, NOTE, actor=ANN)
        desk.leave_out(services, name, "2", PagesBecame.LEFT_OUT, actor=ANN)

        did = desk.leave_out(services, name, "2", PagesBecame.LEFT_OUT, actor=ANN)
        assert did.code is ActionCode.PAGES_LEFT_OUT_BEFORE
        with pytest.raises(NotAllowed, match="indexed otherwise"):
            desk.leave_out(services, name, "1", PagesBecame.MISDIRECTED, actor=ANN)


class TestSendingBack:
    def test_a_paper_stays_in_the_list_until_somebody_says_how_it_went_back(self, services, hours_pass):
        name = a_paper(services)
        desk.leave_out(services, name, "all", PagesBecame.MISDIRECTED, actor=ANN)
        hours_pass(timedelta(days=8))
        clean_up(services)
        (waits,) = desk.list_incoming(services, actor=ANN).papers
        assert (waits.state, waits.to_send_back, waits.sent_back) == (IncomingState.DESTROYED, True, None)

        did = desk.record_sent_back(services, name, SentBackHow.SHREDDED, actor=BEN)

        assert did.code is ActionCode.SENT_BACK
        assert desk.list_incoming(services, actor=ANN).papers == ()
        today = self.today(services)
        assert the_paper(services, name).sent_back == SentBack(how=SentBackHow.SHREDDED, on=today, by="ben")
        assert self.told(services) == [("ben", "shredded", today.isoformat())]

    def test_the_same_again_changes_nothing_and_another_word_takes_its_place(self, services):
        name = a_paper(services)
        desk.leave_out(services, name, "1", PagesBecame.MISDIRECTED, actor=ANN)
        desk.record_sent_back(services, name, SentBackHow.FAX, actor=ANN)

        again = desk.record_sent_back(services, name, SentBackHow.FAX, actor=BEN)
        assert again.code is ActionCode.SENT_BACK_BEFORE
        desk.record_sent_back(services, name, SentBackHow.MAIL, actor=BEN)

        assert the_paper(services, name).sent_back.how is SentBackHow.MAIL
        assert [(by, how) for by, how, _ in self.told(services)] == [("ann", "fax"), ("ben", "mail")]
        assert the_paper(services, name).state is IncomingState.WAITING  # its other pages are left

        desk.leave_out(services, name, "2", PagesBecame.MISDIRECTED, actor=ANN)  # one more is to go back
        assert the_paper(services, name).to_send_back

    def test_what_was_not_misdirected_did_not_go_back_nor_on_a_day_on_which_it_was_not_here(self, services):
        other, name = a_paper(services, a_pdf(1)), a_paper(services)
        desk.leave_out(services, other, "1", PagesBecame.LEFT_OUT, actor=ANN)
        desk.leave_out(services, name, "1", PagesBecame.MISDIRECTED, actor=ANN)

        with pytest.raises(NotAllowed) as refused:
            desk.record_sent_back(services, other, SentBackHow.FAX, actor=ANN)
        assert refused.value.refusal.code is RefusalCode.NOT_MISDIRECTED
        for days in (-2, 2):
            day = self.today(services) + timedelta(days=days)
            with pytest.raises(NotAllowed) as refused:
                desk.record_sent_back(services, name, SentBackHow.FAX, actor=ANN, on=day)
            assert refused.value.refusal.code is RefusalCode.NOT_SENT_BACK_THEN
        with pytest.raises(Unknown):
            desk.record_sent_back(services, IncomingId.draw(), SentBackHow.FAX, actor=ANN)

    def today(self, services):
        with services.ledger.transaction() as tx:
            return tx.now().astimezone(services.zone).date()

    def told(self, services):
        with services.ledger.transaction() as tx:
            found = [(x.by.person, x.fact) for x in tx.lines(SYSTEM) if isinstance(x.fact, facts.PaperSentBack)]
        return [(by, fact.how, fact.on) for by, fact in found]


class TestLines:
    @pytest.fixture
    def folder(self, tmp_path):
        for name, body in {"a.pdf": a_pdf(2), "b.tif": a_fax(1), "c.txt": b"words", "d.pdf": a_pdf(2)}.items():
            (tmp_path / name).write_bytes(body)
        return tmp_path

    def test_a_line_brings_papers_in_and_refuses_the_rest(self, services, folder, caplog):
        line = WatchedFolder("main-fax", folder, quiet_seconds=0)
        assert look_at_line(services, line) == 0  # nothing is known to be whole yet

        assert look_at_line(services, line) == 2  # two of them are the same paper

        assert [one.line for one in desk.list_incoming(services, actor=ANN).papers] == ["main-fax", "main-fax"]
        assert len(list((folder / "done").iterdir())) == 3
        assert [one.name.partition("-")[0] for one in (folder / "refused").iterdir()] == ["no"]
        assert look_at_line(services, line) == 0
        assert not any(name in caplog.text for name in ("a.pdf", "c.txt"))

    def test_what_came_before_the_vault_was_away_is_taken_once_it_is_back(self, services, folder, monkeypatch):
        line = WatchedFolder("main-fax", folder, quiet_seconds=0)
        look_at_line(services, line)
        with monkeypatch.context() as away, pytest.raises(Unavailable):
            away.setattr(services.vault, "keep", nobody)
            look_at_line(services, line)
        assert desk.list_incoming(services, actor=ANN).papers == ()

        assert look_at_line(services, line) == 2

    def test_a_line_that_fails_keeps_no_other_waiting(self, services, folder):
        stop = Event()

        class Broken:
            name = "broken"

            def waiting(self):
                raise RuntimeError("O'Donnell")

        class Last:
            name = "last"

            def waiting(self):
                stop.set()
                return iter(())

        watch(services, [Broken(), WatchedFolder("away", folder / "none"), Last()], stop, every=0)

        assert stop.is_set()


def nobody(*_: object) -> None:
    raise Unavailable("the store does not answer")


def test_a_purge_takes_the_paper_that_the_records_came_on(services):
    case, name = b.a_case(services), a_paper(services)
    desk.index_pages(services, name, "all", case, NOTE, actor=ANN)
    process_all(services)
    assert collected(services, case)

    desk.stop_everything(services, case, End.REVOKED, actor=ANN)
    process_all(services)
    for hold in b.open_holds(services, case):
        if hold.code is HoldCode.CONFIRM_PURGE:
            b.two_say_purge(services, hold.id)
    process_all(services)

    assert the_paper(services, name).state is IncomingState.DESTROYED
    assert services.ledger.keys.was_destroyed(KeyName.incoming(name))
