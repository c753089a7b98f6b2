"""Parcels, from the courier to the way back: whose they are, what is in them, what a pathologist needs besides."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from tests.kit import builders as b
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.contacts import Contact
from transfer.errors import NotAllowed, Unknown
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.desk.pieces_to_settle import call_whom
from transfer.identifiers import CaseId, MaterialId, ParcelId
from transfer.institutions import Basis, Institutions
from transfer.ledger import Ledger
from transfer.materials import CheckIn, Discrepancy, LabelCheck, MaterialKind, Sufficiency
from transfer.parcels import Carrier
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.requests import Owner
from transfer.sentences import sentence

NUMBER = "1Z999AA10123456784"
ACCESSION = "S25-10071"
SLIDE, BLOCK, UNSTAINED = MaterialKind.SLIDE, MaterialKind.BLOCK, MaterialKind.UNSTAINED


@pytest.fixture
def services(ledger: Ledger):
    return b.new_services(ledger)


def taken_in(services, number: str = NUMBER) -> ParcelId:
    return desk.receive_parcel(services, carrier=Carrier.UPS, number=number, shelf="A12", actor=ANN).fields["parcel"]


def logged_in(services, case: CaseId, parcel: ParcelId, counts=None, accession: str = ACCESSION, **other):
    seen = CheckIn(parcel=parcel, accession=accession, counts=counts or {SLIDE: 12, BLOCK: 2}, **other)
    return desk.log_in(services, case, seen, actor=ANN)


def pieces(services, case: CaseId) -> list[tuple[str, int, int, str]]:
    return [(m.pieces, m.received, m.expected, m.state) for m in desk.dossier(services, case, actor=ANN).materials]


def to_do(services) -> list[str]:
    return [one.says for one in desk.undecided_cases(services, actor=ANN)]


def the_wanted(services, case: CaseId) -> MaterialId:
    return next(MaterialId(m.material) for m in desk.dossier(services, case, actor=ANN).materials if not m.received)


def the_slides(services, case: CaseId) -> MaterialId:
    return next(MaterialId(m.material) for m in desk.dossier(services, case, actor=ANN).materials if m.received)


class TestParcels:
    def test_one_number_is_one_parcel_however_it_is_read(self, services):
        parcel = taken_in(services)

        again = desk.receive_parcel(services, carrier=Carrier.UPS, number=f"]C1{NUMBER}", actor=BEN)

        assert (again.fields["parcel"], again.changed) == (parcel, False)
        assert desk.find_parcel(services, "1z 999 AA1 01 2345 6784", actor=ANN).id == parcel

    def test_its_number_stands_nowhere_in_clear(self, services):
        taken_in(services)

        with services.ledger.transaction() as tx:
            (line,) = [one for one in tx.lines(Chain.desk(tx.now().date())) if one.fact.kind == "parcel-received"]
            (row,) = tx.rows("SELECT * FROM parcels")
        assert b"23456784" not in line.text
        assert NUMBER not in str(row)
        assert row.number_end == "6784"

    def test_of_a_short_number_no_end_is_kept(self, services):
        desk.receive_parcel(services, carrier=Carrier.OTHER, number="77-1234", actor=ANN)

        (parcel,) = desk.list_parcels(services, actor=ANN).waiting
        assert parcel.number_end == ""

    def test_one_of_nobody_known_is_listed_until_something_of_it_is_logged_in(self, services):
        case, parcel = b.a_case(services), taken_in(services)
        by_hand = desk.receive_parcel(services, carrier=Carrier.BY_HAND, actor=ANN).fields["parcel"]

        logged_in(services, case, parcel)

        found = desk.list_parcels(services, actor=ANN)
        assert ([one.id for one in found.waiting], [one.id for one in found.lately]) == ([by_hand], [parcel])

    def test_nothing_is_logged_in_of_a_parcel_that_is_not_here(self, services):
        with pytest.raises(Unknown) as refused:
            logged_in(services, b.a_case(services), ParcelId.draw())

        assert refused.value.refusal.code is RefusalCode.NO_PARCEL


class TestLoggingIn:
    def test_all_kinds_under_one_accession_at_once(self, services):
        case, parcel = b.a_case(services), taken_in(services)

        did = logged_in(services, case, parcel, announced={SLIDE: 12, BLOCK: 2}, with_report=True)

        assert sentence(did).startswith("12 slides, 2 blocks logged in;")
        assert pieces(services, case) == [("block", 2, 2, "in-hand"), ("slide", 12, 12, "in-hand")]
        assert not logged_in(services, case, parcel, announced={SLIDE: 12, BLOCK: 2}, with_report=True).changed
        (told, *_) = [one.says for one in desk.story(services, case, actor=ANN) if "with their report" in one.says]
        assert "logged in" in told

    def test_a_second_count_is_a_new_fact_in_place_of_the_first(self, services):
        case, parcel = b.a_case(services), taken_in(services)
        logged_in(services, case, parcel, {SLIDE: 10})

        logged_in(services, case, parcel, {SLIDE: 11})
        logged_in(services, case, taken_in(services, "1Z999AA10123456791"), {SLIDE: 1})

        assert pieces(services, case) == [("slide", 12, 0, "in-hand")]
        with services.ledger.transaction() as tx:
            counts = [one.fact.received for one in tx.lines(Chain.case(case)) if one.fact.kind == "material-received"]
        assert counts == [10, 11, 12]

    def test_a_parcel_of_two_patients_shows_both(self, services):
        one, other, parcel = b.a_case(services), b.a_case(services), taken_in(services)
        logged_in(services, one, parcel, {SLIDE: 6})
        logged_in(services, other, parcel, {SLIDE: 4}, "S25-20082")

        seen = desk.show_parcel(services, parcel, actor=ANN, identity=True)

        assert {(row.case, row.accession, row.in_parcel) for row in seen.contents} == {
            (one, ACCESSION, 6),
            (other, "S25-20082", 4),
        }
        assert all(row.patient for row in seen.contents)
        (look,) = [x for x in desk.list_looks(services, actor=ANN, days=1) if x.place == "packages"]
        assert set(look.cases) == {one, other}

    def test_another_accession_is_counted_apart_once_somebody_says_that_the_patient_has_both(self, services):
        case, parcel = b.a_case(services), taken_in(services)
        logged_in(services, case, parcel, {SLIDE: 6})

        with pytest.raises(NotAllowed) as refused:
            logged_in(services, case, parcel, {SLIDE: 4}, "S25-20082")
        logged_in(services, case, parcel, {SLIDE: 4}, "S25-20082", is_another_accession=True)

        assert refused.value.refusal.code is RefusalCode.ANOTHER_ACCESSION
        assert sorted(pieces(services, case)) == [("slide", 4, 0, "in-hand"), ("slide", 6, 0, "in-hand")]
        assert not logged_in(services, case, parcel, {SLIDE: 4}, "S25-20082").changed

    @pytest.mark.parametrize("labels", [LabelCheck.DIFFER, LabelCheck.HANDWRITING_DIFFERS, LabelCheck.NONE])
    def test_labels_that_differ_are_a_call_to_the_slide_file_and_no_approval(self, services, labels: LabelCheck):
        case, parcel = b.a_case(services), taken_in(services)

        did = logged_in(services, case, parcel, {SLIDE: 6}, announced={SLIDE: 6}, labels=labels)

        assert did.fields["discrepancies"] == (Discrepancy.LABELS,)
        (says,) = to_do(services)
        assert "labels" in says
        assert "Call Prairie Pathology, Slide room" in says
        logged_in(services, case, parcel, {SLIDE: 6}, announced={SLIDE: 6})
        assert to_do(services) == []

    def test_ten_of_eleven_is_a_call_also_where_a_question_is_open(self, services):
        case, parcel = b.a_case_without_slides(services), taken_in(services)

        logged_in(services, case, parcel, {SLIDE: 10}, announced={SLIDE: 11})

        assert b.open_holds(services)
        assert [one for one in to_do(services) if one.startswith("10 of 11 slides were received")]

    def test_slides_that_nobody_asked_for_wait_for_us_until_somebody_did(self, services):
        case = b.a_case_without_slides(services)
        slides = the_wanted(services, case)

        assert to_do(services) == [
            "Slides are needed, and nobody asked for them yet. Call Prairie Pathology, Slide room."
        ]
        assert "nobody asked the laboratory yet (Prairie Pathology)" in desk.dossier(services, case, actor=ANN).why
        desk.ask_for_material(services, case, slides, actor=ANN)
        assert to_do(services) == []
        assert "nobody asked" not in desk.dossier(services, case, actor=ANN).why

    def test_a_case_waits_for_us_while_slides_are_to_be_asked_for_and_for_the_laboratory_afterwards(self, services):
        case = b.a_case(services)
        slides = the_wanted(services, case)

        assert desk.dossier(services, case, actor=ANN).owner is Owner.DESK
        desk.ask_for_material(services, case, slides, actor=ANN)
        assert desk.dossier(services, case, actor=ANN).owner is Owner.SOURCE

    def test_nobody_is_to_ask_for_slides_without_a_form_or_while_the_patient_has_stopped(self, services):
        without = b.a_case(services, form=False)
        stopped = b.a_case(services)

        assert [one.case for one in desk.undecided_cases(services, actor=ANN)] == [stopped]
        desk.pause(services, b.form_of(services, stopped), actor=ANN)
        assert to_do(services) == []
        for case in (without, stopped):
            assert "nobody asked" not in desk.dossier(services, case, actor=ANN).why

    @pytest.mark.parametrize("form", [True, False])
    def test_nobody_is_to_ask_a_laboratory_that_needs_no_form_once_the_patient_took_everything_back(
        self, ledger: Ledger, form: bool
    ):
        plain = b.new_services(ledger)
        treating = [one.model_copy(update={"requires": Basis.TREATMENT}) for one in plain.institutions.values()]
        services = replace(plain, institutions=Institutions(treating))
        case = b.a_case(services, form=form)
        b.came_in(services, case, RecordKind.PATHOLOGY_REPORT)
        assert [one for one in to_do(services) if "nobody asked" in one]

        desk.stop_everything(services, case, End.REVOKED, actor=ANN)
        process_all(services)

        assert to_do(services) == []
        assert "nobody asked" not in desk.dossier(services, case, actor=ANN).why

    @pytest.mark.parametrize(("is_confirmed", "says"), [(True, " (+1 701 555 0142)"), (False, "")])
    def test_whom_to_call_has_a_number_that_somebody_had_read_back(self, services, is_confirmed: bool, says: str):
        contact = Contact(telephone="701 555 0142", fax="701 555 0143", is_confirmed=is_confirmed)
        prairie = services.institutions[b.PRAIRIE].model_copy(update={"contact": contact})

        assert call_whom(Institutions([prairie]), b.PRAIRIE) == f"Prairie Pathology, Slide room{says}"


class TestPieces:
    """Under a count: what stands on each, and where it is since when."""

    @pytest.fixture
    def case(self, services) -> CaseId:
        made = b.a_case(services)
        logged_in(services, made, taken_in(services), {SLIDE: 2})
        return made

    def shown(self, services, case: CaseId) -> list[tuple[str, str, str, str]]:
        found = desk.show_pieces(services, case, the_slides(services, case), actor=ANN, identity=True).described
        return [(one.label, one.block, one.stain, one.place) for one in found]

    def test_a_count_leads_to_its_pieces_and_each_is_somewhere_since_then(self, services, case, hours_pass):
        material = the_slides(services, case)
        did = desk.describe_piece(services, case, material, "S25 A1", block="A1", stain="HE", place="Desk", actor=ANN)
        first = desk.show_pieces(services, case, material, actor=ANN, identity=True).described[0]
        hours_pass(timedelta(hours=2))

        again = desk.describe_piece(services, case, material, "S25 A1", block="A1", stain="HE", place="Desk", actor=ANN)
        desk.describe_piece(services, case, material, "S25 A1", block="A1", stain="PAS", place="Desk", actor=ANN)
        (still,) = desk.show_pieces(services, case, material, actor=ANN, identity=True).described
        desk.describe_piece(services, case, material, "S25 A1", block="A1", stain="PAS", place="Room 4", actor=ANN)
        (moved,) = desk.show_pieces(services, case, material, actor=ANN, identity=True).described

        assert (did.changed, again.changed) == (True, False)
        assert (still.stain, still.since) == ("PAS", first.since)
        assert (moved.place, moved.id) == ("Room 4", first.id)
        assert moved.since >= first.since + timedelta(hours=2)

    def test_no_more_are_described_than_were_counted_and_a_second_count_keeps_them(self, services, case):
        material = the_slides(services, case)
        for label in ("A1-1", "A1-2"):
            desk.describe_piece(services, case, material, label, actor=ANN)

        with pytest.raises(NotAllowed) as refused:
            desk.describe_piece(services, case, material, "A1-3", actor=ANN)
        assert refused.value.refusal
        assert refused.value.refusal.code is RefusalCode.MORE_THAN_COUNTED
        logged_in(services, case, taken_in(services, "1Z999AA10123456795"), {SLIDE: 1})
        desk.describe_piece(services, case, material, "A1-3", actor=ANN)
        assert [label for label, *_ in self.shown(services, case)] == ["A1-1", "A1-2", "A1-3"]

    def test_what_stands_on_it_is_sealed_and_shown_to_those_who_may_see_identity(self, services, case):
        material = the_slides(services, case)
        desk.describe_piece(services, case, material, "WHITFIELD S25 A1", place="Shelf 2", actor=ANN)

        with services.ledger.transaction() as tx:
            told = "".join(str(line.fact) for line in tx.lines(Chain.case(case)))
            kept = bytes(tx.value("SELECT about FROM materials WHERE material = %s", material))
        assert "WHITFIELD" not in told
        assert b"WHITFIELD" not in kept
        assert desk.show_pieces(services, case, material, actor=ANN).described == ()

    def test_without_a_label_or_of_what_did_not_come_nothing_is_described(self, services, case):
        for label in (" ", "x" * 61):
            with pytest.raises(NotAllowed):
                desk.describe_piece(services, case, the_slides(services, case), label, actor=ANN)
        other = b.a_case(services)
        (awaited,) = desk.dossier(services, other, actor=ANN).materials
        with pytest.raises(NotAllowed):
            desk.describe_piece(services, other, MaterialId(awaited.material), "A1-1", actor=ANN)


class TestLoans:
    def lent(self, services) -> tuple[CaseId, MaterialId]:
        case = b.a_case(services)
        logged_in(services, case, taken_in(services), {SLIDE: 6, UNSTAINED: 10})
        return case, next(one.material for one in desk.list_loans(services, actor=ANN))

    def test_a_loan_goes_back_with_a_number_and_ends_with_its_lenders_receipt(self, services):
        case, material = self.lent(services)
        desk.close(services, case, "opinion-given", actor=ANN)

        desk.return_material(services, case, material, carrier=Carrier.FEDEX, number="771234567890", actor=ANN)

        (loan,) = desk.list_loans(services, actor=ANN, identity=True)
        assert (loan.state, loan.return_number, loan.accession) == ("returning", "771234567890", ACCESSION)
        assert not desk.return_material(services, case, material, carrier=Carrier.FEDEX, actor=ANN).changed
        desk.confirm_return(services, case, material, actor=ANN)
        assert desk.list_loans(services, actor=ANN) == ()
        assert not desk.confirm_return(services, case, material, actor=ANN).changed

    def test_what_is_consumed_is_no_loan(self, services):
        case, _ = self.lent(services)

        (loan,) = desk.list_loans(services, actor=ANN)
        unstained = next(
            m.material for m in desk.dossier(services, case, actor=ANN).materials if m.pieces == "unstained"
        )

        assert loan.kind == "slide"
        with pytest.raises(NotAllowed):
            desk.return_material(services, case, MaterialId(unstained), carrier=Carrier.UPS, actor=ANN)

    def test_the_first_due_back_stands_first_and_may_stay_longer(self, services):
        case = b.a_case(services)
        logged_in(services, case, taken_in(services))
        block, slide = desk.list_loans(services, actor=ANN)
        assert (block.kind, slide.kind) == ("block", "slide")
        later = slide.due_back + timedelta(days=1)

        desk.keep_longer(services, case, block.material, later, actor=ANN)

        assert [one.kind for one in desk.list_loans(services, actor=ANN)] == ["slide", "block"]
        assert not desk.keep_longer(services, case, block.material, later, actor=ANN).changed
        with pytest.raises(NotAllowed):
            desk.keep_longer(services, case, block.material, date(2020, 1, 1), actor=ANN)


class TestPathologist:
    def test_sufficient_settles_the_line_whatever_the_count(self, services):
        case, parcel = b.a_case_without_slides(services), taken_in(services)
        logged_in(services, case, parcel, {SLIDE: 10}, announced={SLIDE: 11})
        assert to_do(services)

        did = desk.judge_material(services, case, the_slides(services, case), Sufficiency.SUFFICIENT, actor=ANN)

        assert did.changed
        assert to_do(services) == []
        process_all(services)
        assert ("release_packet", f"{case}-p1") in b.owed(services) or desk.dossier(services, case, actor=ANN).packets
        again = desk.judge_material(services, case, the_slides(services, case), Sufficiency.SUFFICIENT, actor=BEN)
        assert not again.changed

    def test_what_is_needed_besides_is_a_line_of_its_own_that_somebody_calls_about(self, services):
        case, parcel = b.a_case(services), taken_in(services)
        logged_in(services, case, parcel, {SLIDE: 6}, announced={SLIDE: 6})
        slides = the_slides(services, case)

        desk.judge_material(services, case, slides, Sufficiency.NEED_UNSTAINED, count=10, actor=ANN)

        wanted = next(one for one in desk.dossier(services, case, actor=ANN).materials if one.pieces == "unstained")
        need = next(one for one in desk.dossier(services, case, actor=ANN).needs if one.line == wanted.line)
        assert need.label == "Unstained slides, 10 of them, needed for this patient"
        assert to_do(services) == [
            "More unstained slides are needed, and nobody asked for them yet. Call Prairie Pathology, Slide room."
        ]
        desk.ask_for_material(services, case, MaterialId(wanted.material), actor=ANN)
        assert to_do(services) == []
        logged_in(services, case, taken_in(services, ""), {UNSTAINED: 10}, announced={UNSTAINED: 10})
        assert ("unstained", 10, 10, "in-hand") in pieces(services, case)
        assert need.line not in {
            one.line for one in desk.dossier(services, case, actor=ANN).needs if one.state != "satisfied-by-other"
        }

    def test_a_missing_report_is_asked_for(self, services):
        case, parcel = b.a_case(services), taken_in(services)
        logged_in(services, case, parcel, {SLIDE: 6})

        desk.judge_material(services, case, the_slides(services, case), Sufficiency.NEED_REPORT, actor=ANN)

        with services.ledger.transaction() as tx:
            (added,) = [one.fact for one in tx.lines(Chain.case(case)) if isinstance(one.fact, facts.NeedAdded)]
        assert (added.document, added.institution) == ("pathology-report", b.PRAIRIE)

    def test_what_the_laboratory_does_not_hold_is_not_asked_of_it(self, ledger: Ledger):
        services = b.new_services(ledger)
        lab = services.institutions[b.PRAIRIE]
        slide_room = tuple(one for one in lab.departments if one.id == "slide-room")
        others = [one for one in services.institutions.values() if one.id != b.PRAIRIE]
        changed = lab.model_copy(update={"departments": slide_room})
        alone = replace(services, institutions=Institutions([*others, changed]))
        case, parcel = b.a_case(services), taken_in(services)
        logged_in(services, case, parcel, {SLIDE: 6})

        with pytest.raises(NotAllowed) as refused:
            desk.judge_material(alone, case, the_slides(services, case), Sufficiency.NEED_REPORT, actor=ANN)

        assert refused.value.refusal.code is RefusalCode.HOLDS_NO_KIND
