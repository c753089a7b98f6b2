"""What follows when a permission ended: what is forgotten, what is spared, and that the case goes on."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.doors import posted
from tests.kit.fakes import MemoryVault
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from transfer import facts
from transfer.actions import ActionCode
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.enforce import purge
from transfer.flow.opening import open_case
from transfer.flow.receive import receive
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.institutions import Basis, Institutions
from transfer.ledger import Ledger, Tx, arrivals, patients, permissions, purging, rounds
from transfer.records import RecordKind
from transfer.requests import RequestState
from transfer.rounds import Dag
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters
from transfer.staging import Location

pytestmark = pytest.mark.servers

EVERYTHING = (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES)


class Center:
    """A receiver that takes what it is handed and never says a word about it."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []

    def submit(self, bundle: bytes) -> None:
        self.taken.append(bundle)

    def tell(self, bundle: bytes) -> None:
        """It keeps no Task."""

    def has(self, _packet: str) -> bool:
        return bool(self.taken)

    def cut(self) -> None:
        """It is never slow."""


@pytest.fixture
def center() -> Center:
    return Center()


@pytest.fixture
def services(ledger: Ledger, center: Center) -> Services:
    return b.new_services(ledger, hand_to=lambda _: center)


def come_in(services: Services, case: CaseId, kinds: Iterable[RecordKind] = EVERYTHING) -> None:
    for kind in kinds:
        b.came_in(services, case, kind)


def a_case(services: Services) -> tuple[Chart, CaseId]:
    chart = b.a_chart()
    return chart, b.a_case(services, chart)


def first_form(services: Services, case: CaseId) -> str:
    with services.ledger.transaction() as tx:
        return permissions.filed(tx, b.patient_of(services, case))[0].permission.id


def revoked_and_purged(services: Services, case: CaseId) -> None:
    """The first form is taken back, and a person confirms that what came under it is destroyed."""
    desk.revoke(services, first_form(services, case), actor=ANN)
    process_all(services)
    b.two_say_purge(services, b.the_hold(services, "confirm-purge").id)
    process_all(services)


def purges(services: Services, case: CaseId) -> list[facts.RecordsPurged]:
    with services.ledger.transaction() as tx:
        lines = tx.lines(Chain.patient(b.patient_of(services, case)))
    return [line.fact for line in lines if isinstance(line.fact, facts.RecordsPurged)]


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_a_packet_that_was_purged_before_its_receipt_does_not_keep_the_next_one_back(
    services: Services, center: Center, is_handed_over: bool
):
    chart, case = a_case(services)
    come_in(services, case)
    desk.approve(services, case, actor=ANN, without=["slides"])
    if is_handed_over:
        process_all(services)
    # Otherwise it is owed and not put together when the form is taken back.
    b.sign_form(services, chart, number="second", disclosers=[b.LAKESIDE])
    revoked_and_purged(services, case)
    assert not purges(services, case)[0].key_destroyed
    before = len(center.taken)

    b.sign_form(services, chart, number="third")
    process_all(services)
    come_in(services, case, [RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES])
    desk.approve(services, case, actor=ANN, without=["slides"])
    process_all(services)

    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    assert newest
    assert newest.planned.packet.endswith("-p2")
    assert newest.assembled
    assert len(newest.assembled.records) == len(EVERYTHING)
    assert newest.outcome == "made"
    assert len(center.taken) == before + 1


# --- the last form is not the last basis ------------------------------------------------------------------------------


def on_treatment(services: Services, *sources: str) -> Services:
    """The same, where these institutions release for treatment, without a form."""
    known = services.institutions.values()
    treating = {"requires": Basis.TREATMENT}
    return replace(
        services,
        institutions=Institutions(one.model_copy(update=treating) if one.id in sources else one for one in known),
    )


def signed_for(services: Services, *disclosers: str, **said: object) -> tuple[Chart, CaseId]:
    """A case whose only form names these disclosers."""
    chart = b.a_chart()
    b.sign_form(services, chart, disclosers=list(disclosers), **said)
    case = b.refer(services, chart)
    process_all(services)
    return chart, case


def is_open(services: Services, case: CaseId) -> bool:
    with services.ledger.transaction() as tx:
        return tx.case(case).is_open


def test_a_case_that_still_waits_on_another_basis_outlives_its_last_form(services: Services):
    services = on_treatment(services, b.PRAIRIE)
    chart, case = signed_for(services, b.LAKESIDE, b.MERCY)
    come_in(services, case, [RecordKind.NOTE])
    assert b.request_to(services, case, b.PRAIRIE).state is RequestState.EXPECTED

    revoked_and_purged(services, case)

    (purged,) = purges(services, case)
    assert (len(purged.records), purged.key_destroyed) == (1, False)
    assert is_open(services, case)
    assert b.request_to(services, case, b.PRAIRIE).state is RequestState.EXPECTED
    b.report_comes(services, chart)
    assert b.request_to(services, case, b.PRAIRIE).state is RequestState.ANSWERED


def test_a_form_that_has_expired_keeps_no_key(services: Services, hours_pass: Callable[[timedelta], None]):
    chart, case = signed_for(services, b.LAKESIDE, b.MERCY)
    with services.ledger.transaction() as tx:
        today = tx.now().date()
    b.sign_form(services, chart, number="second", expires_on=(today + timedelta(days=2)).isoformat())
    process_all(services)
    hours_pass(timedelta(days=4))

    revoked_and_purged(services, case)

    assert [purged.key_destroyed for purged in purges(services, case)] == [True]
    assert not is_open(services, case)


def test_a_form_that_is_paused_may_go_on_and_keeps_the_patient_known(services: Services):
    chart, case = signed_for(services, b.LAKESIDE, b.MERCY)
    b.sign_form(services, chart, number="second", disclosers=[b.PRAIRIE])
    process_all(services)
    with services.ledger.transaction() as tx:
        second = permissions.filed(tx, b.patient_of(services, case))[1].permission.id
    desk.pause(services, second, actor=ANN)

    revoked_and_purged(services, case)

    assert [purged.key_destroyed for purged in purges(services, case)] == [False]
    desk.resume(services, second, actor=ANN)
    process_all(services)
    assert b.request_to(services, case, b.PRAIRIE).state is RequestState.EXPECTED


# --- who waited behind a purge ----------------------------------------------------------------------------------------


class WhilePurging:
    """Holds a purge after the ledger has forgotten the patient and before it is committed, until somebody waits."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self._services = services
        self._forgotten = threading.Event()
        self._other = ThreadPoolExecutor(1)
        forget = purging.forget_patient

        def slowly(tx: Tx, patient: PatientId) -> None:
            forget(tx, patient)
            self._forgotten.set()
            until = time.monotonic() + 10
            while not self._somebody_waits() and time.monotonic() < until:
                time.sleep(0.02)

        monkeypatch.setattr(purging, "forget_patient", slowly)

    def _somebody_waits(self) -> bool:
        with self._services.ledger.transaction() as tx:
            return bool(tx.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

    def begin(self, case: CaseId) -> None:
        """Purge the case's patient in another thread; returns once it holds the lock."""
        self._purge = self._other.submit(revoked_and_purged, self._services, case)
        assert self._forgotten.wait(20)

    def end(self) -> None:
        self._purge.result(30)


class OnceItWrites(MemoryVault):
    """The same objects; before the first more is written, something happens."""

    def __init__(self, real: MemoryVault, happens: Callable[[], None]) -> None:
        self.objects = real.objects
        self._happens: list[Callable[[], None]] = [happens]

    def keep(self, chunks: Iterable[bytes]) -> Location:
        if self._happens:
            self._happens.pop()()
        return super().keep(chunks)


def assert_nothing_is_left(services: Services, patient: PatientId) -> None:
    with services.ledger.transaction() as tx:
        assert patients.is_forgotten(tx, patient)
        assert not tx.value("SELECT count(*) FROM records WHERE patient = %s AND purged_at IS NULL", patient)
        assert not tx.value("SELECT count(*) FROM arrivals WHERE patient = %s AND state <> 'purged'", patient)
        assert not tx.value("SELECT count(*) FROM permissions WHERE patient = %s AND form IS NOT NULL", patient)
        named = {row.vault_key for row in tx.rows("SELECT vault_key FROM record_parts")}
    assert set(services.vault.objects) <= named  # type: ignore[attr-defined]


@pytest.mark.parametrize("has_begun", [False, True])
@pytest.mark.parametrize("basis", ["treatment", "authorization"])
def test_what_waited_behind_a_purge_is_unmatched_and_not_lost(
    services: Services, monkeypatch: pytest.MonkeyPatch, basis: str, has_begun: bool
):
    services = on_treatment(services, b.PRAIRIE) if basis == "treatment" else services
    chart, case = a_case(services)
    patient = b.patient_of(services, case)
    come_in(services, case, [RecordKind.NOTE])
    report = b.report_of(chart)
    stored = b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done' WHERE dag_id = 'receive_arrivals'")

    purge = WhilePurging(services, monkeypatch)
    if has_begun:
        purge.begin(case)
        receive(services)
    else:  # it is permitted, and being written, when the form is taken back
        vault = OnceItWrites(services.vault, lambda: purge.begin(case))  # type: ignore[arg-type]
        receive(replace(services, vault=vault))
    purge.end()

    assert_nothing_is_left(services, patient)
    assert sealed_as(services, stored.arrival) == ("sealed", "unmatched", report)


def test_a_form_that_waited_behind_a_purge_is_unmatched_and_not_lost(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    chart, case = a_case(services)
    patient = b.patient_of(services, case)
    form = json.dumps(letters.release_form(chart, {"number": "new"})).encode()
    stored = b.comes(services, b.LAKESIDE, ArrivalKind.AUTHORIZATION, form, "application/fhir+json")
    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done' WHERE dag_id = 'receive_arrivals'")

    purge = WhilePurging(services, monkeypatch)
    purge.begin(case)
    receive(services)
    purge.end()

    assert_nothing_is_left(services, patient)
    assert sealed_as(services, stored.arrival) == ("sealed", "unmatched", form)


def sealed_as(services: Services, name: str) -> tuple[str, str, bytes]:
    """An arrival's state, its outcome and what can be read of it."""
    with services.ledger.transaction() as tx:
        row = tx.row("SELECT state, outcome FROM arrivals WHERE arrival = %s", name)
        arrival = arrivals.get(tx, name)
        assert row
        assert arrival
        return row.state, row.outcome, arrivals.payload(tx, arrival)


def test_a_referral_that_waited_behind_a_purge_opens_a_case_of_somebody_new(
    services: Services, monkeypatch: pytest.MonkeyPatch
):
    chart, first = a_case(services)
    patient = b.patient_of(services, first)
    again = b.refer(services, chart, priority="urgent")
    with services.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'posted' WHERE subject = %s", again)
        number = tx.value("SELECT round FROM due_runs WHERE subject = %s", again)
        taken = rounds.take(tx, Dag.OPEN_CASE, again, number)
    assert taken

    purge = WhilePurging(services, monkeypatch)
    purge.begin(first)
    open_case(services, taken)
    purge.end()
    process_all(services)

    assert b.patient_of(services, again) != patient
    assert is_open(services, again)
    with services.ledger.transaction() as tx:
        assert patients.is_forgotten(tx, patient)
        assert patients.identity(tx, b.patient_of(services, again))


# --- what is asked before anything is destroyed -----------------------------------------------------------------------


def purging_within_an_hour(services: Services) -> Services:
    """Every institution's file has a delay, so no person is waited for after a revocation."""
    each = (one.model_copy(update={"purge_delay_hours": 1}) for one in services.institutions.values())
    return replace(services, institutions=Institutions(each))


def asked_to_purge(services: Services) -> list[str | None]:
    return [hold.about for hold in b.open_holds(services) if hold.code == "confirm-purge"]


def test_a_form_in_its_place_within_ten_minutes_purges_nothing_and_nobody_is_asked_twice(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    chart, case = a_case(services)
    come_in(services, case)
    with services.ledger.transaction() as tx:
        before = tx.case(case).requests
    desk.revoke(services, first_form(services, case), actor=ANN)
    process_all(services)
    assert len(asked_to_purge(services)) == 1

    hours_pass(timedelta(minutes=10))
    b.sign_form(services, chart, number="second")
    process_all(services)

    assert asked_to_purge(services) == []
    assert purges(services, case) == []
    with services.ledger.transaction() as tx:
        after = tx.case(case).requests
    assert {key: one.moved for key, one in after.items()} == {key: one.moved for key, one in before.items()}
    # When that one ends as well, it is asked about once.
    with services.ledger.transaction() as tx:
        second = permissions.filed(tx, b.patient_of(services, case))[1].id
    desk.revoke(services, second, actor=ANN)
    process_all(services)
    assert asked_to_purge(services) == [second]


@pytest.mark.parametrize("delays", [(None, None, None), (1, None, 1)])
def test_without_a_delay_at_every_discloser_nothing_is_purged_without_a_person(
    services: Services, delays: tuple[int | None, ...], hours_pass: Callable[[timedelta], None]
):
    named = dict(zip((b.LAKESIDE, b.PRAIRIE, b.MERCY), delays, strict=True))
    configured = replace(
        services,
        institutions=Institutions(
            one.model_copy(update={"purge_delay_hours": named.get(one.id)}) for one in services.institutions.values()
        ),
    )
    _, case = a_case(configured)
    come_in(configured, case)
    desk.revoke(configured, first_form(configured, case), actor=ANN)
    process_all(configured)
    hours_pass(timedelta(days=400))
    process_all(configured)
    assert purges(configured, case) == []
    assert len(asked_to_purge(configured)) == 1


def test_what_was_entered_in_error_waits_for_a_person(services: Services, hours_pass: Callable[[timedelta], None]):
    delayed = purging_within_an_hour(services)
    chart, case = a_case(delayed)
    come_in(delayed, case)
    posted(delayed, b.LAKESIDE, letters.release_form(chart, {"status": "entered-in-error"}))
    process_all(delayed)
    hours_pass(timedelta(days=4))
    process_all(delayed)
    assert purges(delayed, case) == []
    b.two_say_purge(delayed, b.the_hold(delayed, "confirm-purge").id)
    process_all(delayed)
    assert purges(delayed, case)[0].key_destroyed


def test_nothing_is_destroyed_under_a_legal_hold(services: Services):
    _, case = a_case(services)
    come_in(services, case)
    desk.revoke(services, first_form(services, case), actor=ANN)
    process_all(services)
    hold = b.the_hold(services, "confirm-purge").id
    assert desk.place_legal_hold(services, case, actor=ANN, note="a claim").changed
    assert not desk.place_legal_hold(services, case, actor=ANN).changed

    b.two_say_purge(services, hold)
    process_all(services)

    assert purges(services, case) == []
    with services.ledger.transaction() as tx:
        (filed,) = permissions.filed(tx, b.patient_of(services, case))
    assert "legal hold" in purge(services, filed)  # one that was placed while the purge was decided
    assert purges(services, case) == []
    assert desk.dossier(services, case, actor=ANN).legal_hold_since
    assert desk.lift_legal_hold(services, case, actor=ANN).changed
    assert not desk.lift_legal_hold(services, case, actor=ANN).changed
    process_all(services)
    assert len(purges(services, case)) == 1


def test_nothing_is_destroyed_while_the_tables_say_other_things_than_the_facts(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    _, case = a_case(services)
    come_in(services, case)
    desk.revoke(services, first_form(services, case), actor=ANN)
    process_all(services)
    hold = b.the_hold(services, "confirm-purge").id
    with services.ledger.transaction() as tx:
        tx.run("UPDATE permissions SET ended = 'entered-in-error'")

    b.two_say_purge(services, hold)
    process_all(services)

    assert purges(services, case) == []
    with services.ledger.transaction() as tx:
        (filed,) = permissions.filed(tx, b.patient_of(services, case))
    assert "other things than the facts" in purge(services, filed)  # changed while the purge was decided
    assert purges(services, case) == []
    with services.ledger.transaction() as tx:
        tx.run("UPDATE permissions SET ended = 'revoked'")
    hours_pass(timedelta(hours=1))
    process_all(services)
    assert len(purges(services, case)) == 1


def test_an_end_that_nobody_wrote_destroys_nothing(services: Services, hours_pass: Callable[[timedelta], None]):
    delayed = purging_within_an_hour(services)
    _, case = a_case(delayed)
    come_in(delayed, case)
    with delayed.ledger.transaction() as tx:
        tx.run("UPDATE permissions SET ended = 'revoked', ended_at = transfer.now()")
        rounds.owe(tx, Dag.ENFORCE_PERMISSIONS, case)
    process_all(delayed)
    hours_pass(timedelta(days=4))
    process_all(delayed)

    assert purges(delayed, case) == []
    assert asked_to_purge(delayed) == []


def test_a_no_in_doubt_purges_nothing_whatever_is_answered_about_another_form(services: Services):
    chart, case = a_case(services)
    come_in(services, case)
    posted(services, b.LAKESIDE, letters.release_form(chart, {"status": "inactive", "number": "F-999"}))
    process_all(services)
    assert asked_to_purge(services) == []

    desk.resolve(services, b.the_hold(services, "form-stopped").id, HoldAnswer.REVOKE, actor=ANN)
    process_all(services)

    assert asked_to_purge(services) == [first_form(services, case)]
    desk.close(services, case, "not-coming", actor=ANN)
    assert asked_to_purge(services) == [first_form(services, case)]


def test_a_no_that_its_door_filed_and_no_run_has_read_goes_with_its_patient(services: Services):
    chart, case = a_case(services)
    come_in(services, case)
    with services.ledger.transaction() as tx:
        tx.run("UPDATE permissions SET reference = NULL")
    arrival = posted(services, b.LAKESIDE, letters.release_form(chart, {"status": "inactive"}))
    with services.ledger.transaction() as tx:
        tx.run("UPDATE arrivals SET lease_until = transfer.now() + interval '1 day' WHERE arrival = %s", arrival)
    desk.resolve(services, b.the_hold(services, "form-stopped").id, HoldAnswer.REVOKE, actor=ANN)
    process_all(services)
    b.two_say_purge(services, b.the_hold(services, "confirm-purge").id)
    process_all(services)

    assert purges(services, case)[0].key_destroyed
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT state FROM arrivals WHERE arrival = %s", arrival) == "purged"


class TestTwoPeople:
    """What is destroyed is wanted by two people, whoever ended the permission at the desk among them."""

    def test_who_revoked_cannot_confirm_it_alone(self, services: Services):
        case = b.a_case_without_slides(services)
        permission = b.form_of(services, case)
        desk.revoke(services, permission, actor=ANN)
        process_all(services)
        hold = b.the_hold(services, "confirm-purge").id

        alone = desk.resolve(services, hold, HoldAnswer.PURGE, actor=ANN, note="She wrote on Monday")

        assert (alone.code, alone.fields["more"]) == (ActionCode.OPINION_KEPT, 1)
        assert desk.resolve(services, hold, HoldAnswer.PURGE, actor=ANN).code is ActionCode.OPINION_KEPT_BEFORE
        assert [one.text for one in desk.dossier(services, case, actor=ANN, notes=True).notes][-1:] == [
            "She wrote on Monday"
        ]
        seen = desk.hold(services, hold, actor=BEN)
        assert (seen.deciders, [(one.person, one.answer) for one in seen.opinions]) == (2, [("ann", "purge")])
        assert desk.resolve(services, hold, HoldAnswer.PURGE, actor=BEN).code is ActionCode.ENFORCING
        process_all(services)
        assert not b.open_holds(services)

    def test_one_whom_the_system_knows_by_another_account_is_no_second_person(self, services: Services):
        case = b.a_case_without_slides(services)
        ann = replace(ANN, account="host")
        desk.revoke(services, b.form_of(services, case), actor=ann)
        process_all(services)

        same = replace(BEN, account="host")

        hold = b.the_hold(services, "confirm-purge").id
        assert desk.resolve(services, hold, HoldAnswer.PURGE, actor=same).code is ActionCode.OPINION_KEPT

    def test_another_one_confirms_what_somebody_revoked_and_one_keeps_it(self, services: Services):
        case = b.a_case_without_slides(services)
        desk.revoke(services, b.form_of(services, case), actor=ANN)
        process_all(services)

        hold = b.the_hold(services, "confirm-purge").id
        assert desk.resolve(services, hold, HoldAnswer.PURGE, actor=BEN).code is ActionCode.ENFORCING

        other = b.a_case_without_slides(services)
        desk.revoke(services, b.form_of(services, other), actor=ANN)
        process_all(services)
        kept = desk.resolve(services, b.the_hold(services, "confirm-purge").id, HoldAnswer.KEEP, actor=ANN)
        assert kept.code is ActionCode.ENFORCING
