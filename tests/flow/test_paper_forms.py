"""A release form on paper: filed at once like any other, kept with its scan, and what people find wrong with one."""

import struct
from dataclasses import replace
from datetime import date

import pytest

from tests.kit import builders as b
from tests.kit.filed_forms import filed
from tests.kit.paper_forms import SCAN, fields_for
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.actions import ActionCode
from transfer.adapters import paper
from transfer.arrivals import Door
from transfer.errors import NeedsReview, NotAllowed, TooLarge
from transfer.facts import Chain
from transfer.flow import desk, reading
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, arrivals, disputes, patients, permissions
from transfer.permissions import Dispute, End, Finding
from transfer.refusals import RefusalCode
from transfer.requests import RequestState

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def chart():
    return b.a_chart()


@pytest.fixture
def case(services: Services, chart) -> CaseId:
    return b.a_case(services, chart, form=False)


def enter(services: Services, case: CaseId, fields: bytes, scan: bytes = SCAN, institution=b.LAKESIDE):
    return desk.file_paper_form(services, case, institution, fields, scan, actor=ANN)


def asked(services: Services, case: CaseId, institution) -> RequestState:
    process_all(services)
    return b.request_to(services, case, institution).state


class TestFiling:
    def test_a_form_is_in_force_at_once_and_its_sources_are_asked(self, services, chart, case):
        assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED

        did = enter(services, case, fields_for(chart))

        assert (did.code, did.fields["findings"]) == (ActionCode.PAPER_FORM_FILED, ())
        assert [one.permission.id for one in filed(services, case)] == [did.fields["permission"]]
        assert asked(services, case, b.LAKESIDE) is not RequestState.NOT_PERMITTED

    def test_fields_and_scan_are_sealed_together_and_read_the_same_again(self, services, chart, case):
        enter(services, case, fields_for(chart))

        (form,) = filed(services, case)
        with services.ledger.transaction() as tx:
            row = tx.row("SELECT arrival FROM permissions")
            arrival = arrivals.get(tx, row.arrival)
            body = reading.payload(tx, services, arrival)
        assert arrival.door is Door.DESK
        assert SCAN in body
        assert SCAN not in arrival.sealed
        assert reading.read(services, arrival, body) == form.permission.form

    def test_a_large_scan_lies_in_the_vault_once(self, services, chart, case):
        scan = SCAN + bytes(200_000)
        enter(services, case, fields_for(chart), scan)

        again = enter(services, case, fields_for(chart), scan)

        assert (again.code, again.changed) == (ActionCode.PAPER_FORM_ENTERED_BEFORE, False)
        assert len(services.vault.objects) == 1
        assert len(filed(services, case)) == 1

    def test_the_trail_says_who_entered_it_and_who_looked_at_the_signature(self, services, chart, case):
        enter(services, case, fields_for(chart, signature__kind="electronic"))

        with services.ledger.transaction() as tx:
            (line,) = [
                one
                for one in tx.lines(Chain.patient(b.patient_of(services, case)))
                if isinstance(one.fact, facts.PaperFormEntered)
            ]
        said = line.fact
        assert (line.by.person, said.signature, said.looked_at_by) == (ANN.person, "electronic", "ann")
        assert said.looked_at_on == "2026-03-03"

    def test_what_is_wrong_with_it_is_told_and_shown_with_the_case(self, services, chart, case):
        did = enter(services, case, fields_for(chart, signature="missing", disputes=["conditioned"]))

        (shown,) = desk.dossier(services, case, actor=ANN).permissions
        assert did.fields["findings"] == (Finding.SIGNATURE_MISSING, Finding.CONDITIONED)
        assert (shown.state, shown.findings, shown.disputes) == (
            "not-valid",
            ("signature-missing", "conditioned"),
            ("conditioned",),
        )
        assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED

    def test_a_form_that_ended_does_not_come_back_with_another_scan_of_it(self, services, chart, case):
        did = enter(services, case, fields_for(chart))
        desk.revoke(services, did.fields["permission"], actor=ANN)

        again = enter(services, case, fields_for(chart), SCAN + b"%\n")

        assert (again.code, again.changed) == (ActionCode.PAPER_FORM_ENTERED_BEFORE, False)
        assert [one.permission.ended for one in filed(services, case)] == [End.REVOKED]

    def test_a_form_put_right_under_its_own_number_replaces_the_first(self, services, chart, case):
        enter(services, case, fields_for(chart))
        enter(services, case, fields_for(chart, information__records=["note"]))

        assert [one.permission.ended for one in filed(services, case)] == [End.REPLACED, None]

    def test_a_form_that_came_by_fhir_is_replaced_by_the_paper_that_names_it(self, services, chart, case):
        b.sign_form(services, chart)
        process_all(services)

        enter(services, case, fields_for(chart, replaces=chart["form"]["number"]["value"]))

        assert [one.permission.ended for one in filed(services, case)] == [End.REPLACED, None]

    def test_a_number_counts_with_who_gave_it(self, services, chart, case):
        enter(services, case, fields_for(chart))
        services = replace(
            services, institutions=_with(services, b.PRAIRIE, grants=services.institutions[b.LAKESIDE].grants)
        )

        enter(services, case, fields_for(chart), institution=b.PRAIRIE)

        assert [one.permission.ended for one in filed(services, case)] == [None, None]

    def test_a_refusal_on_paper_stops_whatever_other_form_there_is(self, services, chart, case):
        enter(services, case, fields_for(chart))
        enter(services, case, fields_for(chart, form="refusal", number="form-8", other_terms="present"))

        assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED


def _with(services: Services, name, **other):
    known = dict(services.institutions)
    known[name] = known[name].model_copy(update=other)
    return type(services.institutions)(known.values())


class TestNotFiling:
    @pytest.mark.parametrize(
        ("differing", "code"),
        [
            ({"patient__family": "Somebody-Else"}, RefusalCode.FORM_OF_ANOTHER),
            ({"patient__birth_date": date(1950, 1, 2)}, RefusalCode.FORM_OF_ANOTHER),
            ({"patient__family": "missing"}, RefusalCode.FORM_OF_ANOTHER),
            ({"purposes": "TREAT"}, RefusalCode.FIELDS_NOT_UNDERSTOOD),
        ],
    )
    def test_a_form_of_somebody_else_or_that_is_none_is_refused_and_not_kept(
        self, services, chart, case, differing, code
    ):
        with pytest.raises(NotAllowed) as refused:
            enter(services, case, fields_for(chart, **differing))

        assert refused.value.refusal.code is code
        assert chart["patient"]["family"] not in str(refused.value)
        assert filed(services, case) == []

    def test_the_scan_is_a_pdf_of_bounded_size(self, services, chart, case, monkeypatch):
        with pytest.raises(NotAllowed, match="no PDF"):
            enter(services, case, fields_for(chart), b"\x89PNG")
        monkeypatch.setattr(paper, "LARGEST_SCAN", 100)
        with pytest.raises(TooLarge):
            enter(services, case, fields_for(chart), SCAN + bytes(100))

    def test_an_institution_that_may_not_file_forms_brings_none_on_paper(self, services, chart, case):
        with pytest.raises(NotAllowed) as refused:
            enter(services, case, fields_for(chart), institution=b.MERCY)

        assert refused.value.refusal.code is RefusalCode.MAY_NOT_FILE_FORMS

    def test_a_closed_case_takes_none(self, services, chart, case):
        desk.close(services, case, "not-coming", actor=ANN)

        with pytest.raises(NotAllowed):
            enter(services, case, fields_for(chart))

    def test_what_no_rule_can_carry_is_held_for_a_person_and_permits_nothing(self, services, chart, case):
        did = enter(services, case, fields_for(chart, other_terms="present"))

        assert (did.code, did.fields["findings"]) == (ActionCode.PAPER_FORM_UNCLEAR, (Finding.WORDS_SAY_MORE,))
        assert filed(services, case) == []
        (hold,) = [one for one in b.open_holds(services) if one.subject == did.fields["arrival"]]
        desk.resolve(services, hold.id, HoldAnswer.AGAIN, actor=ANN)
        process_all(services)
        assert [one.code for one in b.open_holds(services) if one.subject == did.fields["arrival"]] == [hold.code]
        assert filed(services, case) == []

    def test_a_form_that_may_be_a_namesakes_is_compared_by_people_and_filed_when_they_say_so(
        self, services, chart, case
    ):
        b.refer(services, b.a_twin(chart))
        process_all(services)
        whose = b.the_hold(services, HoldCode.WHOSE_REFERRAL)
        for person in (ANN, BEN):
            desk.resolve(services, whose.id, HoldAnswer.NOT_OURS, actor=person)
        process_all(services)

        did = enter(services, case, fields_for(chart))

        assert did.code is ActionCode.PAPER_FORM_DOUBTFUL
        assert filed(services, case) == []
        hold = b.the_hold(services, HoldCode.WHOSE_FORM)
        assert len(desk.hold(services, hold.id, actor=ANN, identity=True).comparison.candidates) == 2
        for person in (ANN, BEN):
            desk.resolve(services, hold.id, HoldAnswer.OURS, actor=person, case=case)
        process_all(services)
        assert len(filed(services, case)) == 1


def test_what_a_person_finds_wrong_with_it_stands_also_where_people_say_later_whose_it_is(services, chart, case):
    b.refer(services, b.a_twin(chart))
    process_all(services)
    whose = b.the_hold(services, HoldCode.WHOSE_REFERRAL)
    for person in (ANN, BEN):
        desk.resolve(services, whose.id, HoldAnswer.NOT_OURS, actor=person)
    process_all(services)
    enter(services, case, fields_for(chart, disputes=["conditioned"]))

    hold = b.the_hold(services, HoldCode.WHOSE_FORM)
    for person in (ANN, BEN):
        desk.resolve(services, hold.id, HoldAnswer.OURS, actor=person, case=case)

    assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED
    (shown,) = desk.dossier(services, case, actor=ANN).permissions
    assert (shown.state, shown.disputes) == ("not-valid", ("conditioned",))


def test_a_refusal_that_may_be_a_namesakes_stops_at_once_and_people_say_whose_it_is(services, chart, case):
    b.refer(services, b.a_twin(chart))
    process_all(services)
    whose = b.the_hold(services, HoldCode.WHOSE_REFERRAL)
    for person in (ANN, BEN):
        desk.resolve(services, whose.id, HoldAnswer.NOT_OURS, actor=person)
    b.sign_form(services, chart)
    assert asked(services, case, b.LAKESIDE) is not RequestState.NOT_PERMITTED

    did = enter(services, case, fields_for(chart, form="refusal", number="form-8"))

    assert did.code is ActionCode.PAPER_FORM_DOUBTFUL
    assert [one.permission.ended for one in filed(services, case)] == [End.PAUSED]
    hold = b.the_hold(services, HoldCode.WHOSE_FORM)
    for person in (ANN, BEN):
        desk.resolve(services, hold.id, HoldAnswer.OURS, actor=person, case=case)
    assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED
    assert any(one.permission.form.denies for one in filed(services, case))


def test_a_doubtful_signature_is_asked_about(services, chart, case):
    did = enter(services, case, fields_for(chart, signature__kind="stamp"))
    (asked_about,) = [one for one in b.open_holds(services) if one.subject == did.fields["arrival"]]
    assert (asked_about.code, asked_about.about) == (HoldCode.FORM_UNCLEAR, "signature-doubted")

    did = enter(services, case, fields_for(chart, signature__looked_at_on="2026-03-01"))

    (doubted,) = [one for one in b.open_holds(services) if one.code is HoldCode.FORM_DOUBTED]
    assert (did.code, doubted.about) == (ActionCode.PAPER_FORM_FILED, "signature-verified-early")


def test_a_purge_takes_the_scan_with_the_rest(services, chart, case):
    did = enter(services, case, fields_for(chart), SCAN + bytes(200_000))
    process_all(services)
    assert len(services.vault.objects) == 1

    desk.revoke(services, did.fields["permission"], actor=ANN)
    process_all(services)
    b.two_say_purge(services, b.the_hold(services, HoldCode.CONFIRM_PURGE).id)
    process_all(services)

    assert services.vault.objects == {}
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE payload IS NOT NULL AND state <> 'purged'") == 0


class TestDisputing:
    @pytest.fixture
    def form(self, services, chart, case) -> str:
        enter(services, case, fields_for(chart))
        process_all(services)
        return filed(services, case)[0].permission.id

    @pytest.mark.parametrize("what", Dispute)
    def test_a_disputed_form_permits_nothing_until_it_is_withdrawn(self, services, case, form, what):
        before = b.request_to(services, case, b.LAKESIDE).state
        assert before is not RequestState.NOT_PERMITTED

        desk.dispute(services, form, what, actor=ANN)

        assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED
        (shown,) = desk.dossier(services, case, actor=ANN).permissions
        assert (shown.disputes, what.finding in shown.findings) == ((what,), True)
        desk.withdraw_dispute(services, form, what, actor=BEN)
        assert asked(services, case, b.LAKESIDE) is not RequestState.NOT_PERMITTED

    def test_it_moves_the_epoch_once_and_is_written_with_its_note_once(self, services, case, form):
        def epoch() -> int:
            with services.ledger.transaction() as tx:
                return patients.hold_epoch_shared(tx, b.patient_of(services, case))

        before = epoch()
        first = desk.dispute(services, form, Dispute.FALSE, actor=ANN, note="The date was altered.")
        again = desk.dispute(services, form, Dispute.FALSE, actor=BEN, note="The date was altered.")
        over = desk.withdraw_dispute(services, form, Dispute.FALSE, actor=BEN)
        over_again = desk.withdraw_dispute(services, form, Dispute.FALSE, actor=BEN)

        assert [one.changed for one in (first, again, over, over_again)] == [True, False, True, False]
        assert epoch() == before + 2
        with services.ledger.transaction() as tx:
            lines = tx.lines(Chain.patient(b.patient_of(services, case)))
        told = [one for one in lines if isinstance(one.fact, facts.DisputeEntered | facts.DisputeWithdrawn)]
        assert [(one.fact.kind, one.by.person) for one in told] == [
            ("dispute-entered", "ann"),
            ("dispute-withdrawn", "ben"),
        ]
        texts = [one.text for one in desk.dossier(services, case, actor=ANN, notes=True).notes]
        assert texts.count("The date was altered.") == 1

    def test_it_holds_however_often_the_form_is_read_again(self, services, case, form):
        """A later version files what it reads as a permission of its own, of the same arrival."""
        desk.dispute(services, form, Dispute.COMPOUND, actor=ANN)
        patient = b.patient_of(services, case)
        with services.ledger.transaction() as tx:
            patients.begin_epoch(tx, patient)
            (old,) = permissions.filed(tx, patient)
            arrival = tx.value("SELECT arrival FROM permissions WHERE permission = %s", form)
            again = permissions.file(tx, patient, old.permission.form, arrival, None)
            permissions.end(tx, patient, form, End.REPLACED, arrival)

        with services.ledger.transaction() as tx:
            assert disputes.of_patient(tx, patient)[again] == {Finding.COMPOUND}
        assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED

    def test_a_dispute_of_a_refusal_lets_nothing_go(self, services, chart, case, form):
        did = enter(services, case, fields_for(chart, form="refusal", number="form-8"))

        desk.dispute(services, did.fields["permission"], Dispute.EVENT_OCCURRED, actor=ANN)

        assert asked(services, case, b.LAKESIDE) is RequestState.NOT_PERMITTED


def test_a_scan_and_its_fields_come_apart_again_and_other_bytes_do_not():
    body = paper.bundled(b"form: release\n", SCAN)

    assert paper.fields_of(body) == b"form: release\n"
    assert body == paper.bundled(b"form: release\n", SCAN)
    directory = body.index(b"PK\x01\x02")
    compressed = [body[: directory + 10] + bytes([method]) + body[directory + 11 :] for method in (8, 12, 14, 93)]
    # ZIP64: the first file lies beyond all that there can be
    beyond = struct.pack("<HHQ", 1, 8, 1 << 63)
    far = bytearray(body[: directory + 46 + 11] + beyond + body[directory + 46 + 11 :])
    far[directory + 30 : directory + 32] = struct.pack("<H", len(beyond))
    far[directory + 42 : directory + 46] = b"\xff" * 4
    end = far.index(b"PK\x05\x06")
    far[end + 12 : end + 16] = struct.pack("<I", end - directory)
    others = (b"", b"PK", body[:-10], body.replace(b"fields.yaml", b"fieldz.yaml"))
    for broken in (*others, *compressed, bytes(far)):
        with pytest.raises(NeedsReview):
            paper.fields_of(broken)
