"""What follows when a permission ended: what is forgotten, what is spared, and that the case goes on."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import builders as b
from tests.attention import attend_all
from tests.fakes import MemoryVault
from tests.staff import ANN
from transfer import facts
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.admit import admit
from transfer.flow.edges import Edges
from transfer.flow.receive import receive
from transfer.holds import Word
from transfer.identifiers import CaseId, PatientId
from transfer.institutions import Basis, Institutions
from transfer.ledger import Ledger, Tx, arrivals, patients, purging, rounds
from transfer.record_requests import RequestState
from transfer.records import RecordKind
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

    def has(self, _packet: str) -> bool:
        return bool(self.taken)

    def cut(self) -> None:
        """It is never slow."""


@pytest.fixture
def center() -> Center:
    return Center()


@pytest.fixture
def edges(ledger: Ledger, center: Center) -> Edges:
    return b.an_edges(ledger, hand_to=lambda _: center)


def come_in(edges: Edges, case: CaseId, kinds: Iterable[RecordKind] = EVERYTHING) -> None:
    for kind in kinds:
        b.came_in(edges, case, kind)


def a_case(edges: Edges) -> tuple[Chart, CaseId]:
    chart = b.a_chart()
    return chart, b.a_case(edges, chart)


def first_form(edges: Edges, case: CaseId) -> str:
    with edges.ledger.transaction() as tx:
        return patients.filed(tx, b.patient_of(edges, case))[0].permission.id


def revoked_and_purged(edges: Edges, case: CaseId) -> None:
    """The first form is taken back, and a person confirms that what came under it is destroyed."""
    desk.revoke(edges, first_form(edges, case), actor=ANN)
    attend_all(edges)
    desk.resolve(edges, b.the_hold(edges, "confirm-purge").id, Word.PURGE, actor=ANN)
    attend_all(edges)


def purges(edges: Edges, case: CaseId) -> list[facts.RecordsPurged]:
    with edges.ledger.transaction() as tx:
        lines = tx.lines(Chain.patient(b.patient_of(edges, case)))
    return [line.fact for line in lines if isinstance(line.fact, facts.RecordsPurged)]


@pytest.mark.parametrize("is_handed_over", [True, False])
def test_a_packet_that_was_purged_before_its_receipt_does_not_keep_the_next_one_back(
    edges: Edges, center: Center, is_handed_over: bool
):
    chart, case = a_case(edges)
    come_in(edges, case)
    desk.approve(edges, case, actor=ANN, without=["slides"])
    if is_handed_over:
        attend_all(edges)
    # Otherwise it is owed and not put together when the form is taken back.
    b.sign_form(edges, chart, number="second", disclosers=[b.LAKESIDE])
    revoked_and_purged(edges, case)
    assert not purges(edges, case)[0].key_destroyed
    before = len(center.taken)

    b.sign_form(edges, chart, number="third")
    attend_all(edges)
    come_in(edges, case, [RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES])
    desk.approve(edges, case, actor=ANN, without=["slides"])
    attend_all(edges)

    with edges.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
    assert newest
    assert newest.planned.packet.endswith("-p2")
    assert newest.assembled
    assert len(newest.assembled.records) == len(EVERYTHING)
    assert newest.outcome == "made"
    assert len(center.taken) == before + 1


# --- the last form is not the last basis ------------------------------------------------------------------------------


def on_treatment(edges: Edges, *sources: str) -> Edges:
    """The same, where these institutions release for treatment, without a form."""
    known = edges.institutions.values()
    treating = {"requires": Basis.TREATMENT}
    return replace(
        edges,
        institutions=Institutions(one.model_copy(update=treating) if one.id in sources else one for one in known),
    )


def signed_for(edges: Edges, *disclosers: str, **said: object) -> tuple[Chart, CaseId]:
    """A case whose only form names these disclosers."""
    chart = b.a_chart()
    b.sign_form(edges, chart, disclosers=list(disclosers), **said)
    case = b.refer(edges, chart)
    attend_all(edges)
    return chart, case


def is_open(edges: Edges, case: CaseId) -> bool:
    with edges.ledger.transaction() as tx:
        return tx.case(case).is_open


def test_a_case_that_still_waits_on_another_basis_outlives_its_last_form(edges: Edges):
    edges = on_treatment(edges, b.PRAIRIE)
    chart, case = signed_for(edges, b.LAKESIDE, b.MERCY)
    come_in(edges, case, [RecordKind.NOTE])
    assert b.request_to(edges, case, b.PRAIRIE).state is RequestState.EXPECTED

    revoked_and_purged(edges, case)

    (purged,) = purges(edges, case)
    assert (len(purged.records), purged.key_destroyed) == (1, False)
    assert is_open(edges, case)
    assert b.request_to(edges, case, b.PRAIRIE).state is RequestState.EXPECTED
    b.report_comes(edges, chart)
    assert b.request_to(edges, case, b.PRAIRIE).state is RequestState.ANSWERED


def test_a_form_that_has_expired_keeps_no_key(edges: Edges, hours_pass: Callable[[timedelta], None]):
    chart, case = signed_for(edges, b.LAKESIDE, b.MERCY)
    with edges.ledger.transaction() as tx:
        today = tx.now().date()
    b.sign_form(edges, chart, number="second", expires_on=(today + timedelta(days=2)).isoformat())
    attend_all(edges)
    hours_pass(timedelta(days=4))

    revoked_and_purged(edges, case)

    assert [purged.key_destroyed for purged in purges(edges, case)] == [True]
    assert not is_open(edges, case)


def test_a_form_that_is_paused_may_go_on_and_keeps_the_patient_known(edges: Edges):
    chart, case = signed_for(edges, b.LAKESIDE, b.MERCY)
    b.sign_form(edges, chart, number="second", disclosers=[b.PRAIRIE])
    attend_all(edges)
    with edges.ledger.transaction() as tx:
        second = patients.filed(tx, b.patient_of(edges, case))[1].permission.id
    desk.pause(edges, second, actor=ANN)

    revoked_and_purged(edges, case)

    assert [purged.key_destroyed for purged in purges(edges, case)] == [False]
    desk.resume(edges, second, actor=ANN)
    attend_all(edges)
    assert b.request_to(edges, case, b.PRAIRIE).state is RequestState.EXPECTED


# --- who waited behind a purge ----------------------------------------------------------------------------------------


class WhilePurging:
    """Holds a purge after the ledger has forgotten the patient and before it is committed, until somebody waits."""

    def __init__(self, edges: Edges, monkeypatch: pytest.MonkeyPatch) -> None:
        self._edges = edges
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
        with self._edges.ledger.transaction() as tx:
            return bool(tx.value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"))

    def begin(self, case: CaseId) -> None:
        """Purge the case's patient in another thread; returns once it holds the lock."""
        self._purge = self._other.submit(revoked_and_purged, self._edges, case)
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


def assert_nothing_is_left(edges: Edges, patient: PatientId) -> None:
    with edges.ledger.transaction() as tx:
        assert purging.is_forgotten(tx, patient)
        assert not tx.value("SELECT count(*) FROM records WHERE patient = %s AND purged_at IS NULL", patient)
        assert not tx.value("SELECT count(*) FROM arrivals WHERE patient = %s AND state <> 'purged'", patient)
        assert not tx.value("SELECT count(*) FROM permissions WHERE patient = %s AND form IS NOT NULL", patient)
        named = {row.vault_key for row in tx.rows("SELECT vault_key FROM record_parts")}
    assert set(edges.vault.objects) <= named  # type: ignore[attr-defined]


@pytest.mark.parametrize("has_begun", [False, True])
@pytest.mark.parametrize("basis", ["treatment", "authorization"])
def test_what_waited_behind_a_purge_is_a_strangers_and_not_lost(
    edges: Edges, monkeypatch: pytest.MonkeyPatch, basis: str, has_begun: bool
):
    edges = on_treatment(edges, b.PRAIRIE) if basis == "treatment" else edges
    chart, case = a_case(edges)
    patient = b.patient_of(edges, case)
    come_in(edges, case, [RecordKind.NOTE])
    report = b.report_of(chart)
    stored = b.comes(edges, b.PRAIRIE, ArrivalKind.ANSWER, report, HL7_V2, Door.MLLP)
    with edges.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done' WHERE dag_id = 'receive_arrivals'")

    purge = WhilePurging(edges, monkeypatch)
    if has_begun:
        purge.begin(case)
        receive(edges)
    else:  # it is permitted, and being written, when the form is taken back
        vault = OnceItWrites(edges.vault, lambda: purge.begin(case))  # type: ignore[arg-type]
        receive(replace(edges, vault=vault))
    purge.end()

    assert_nothing_is_left(edges, patient)
    assert sealed_as(edges, stored.arrival) == ("sealed", "stranger", report)


def test_a_form_that_waited_behind_a_purge_is_a_strangers_and_not_lost(edges: Edges, monkeypatch: pytest.MonkeyPatch):
    chart, case = a_case(edges)
    patient = b.patient_of(edges, case)
    form = json.dumps(letters.release_form(chart, {"number": "new"})).encode()
    stored = b.comes(edges, b.LAKESIDE, ArrivalKind.AUTHORIZATION, form, "application/fhir+json")
    with edges.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'done' WHERE dag_id = 'receive_arrivals'")

    purge = WhilePurging(edges, monkeypatch)
    purge.begin(case)
    receive(edges)
    purge.end()

    assert_nothing_is_left(edges, patient)
    assert sealed_as(edges, stored.arrival) == ("sealed", "stranger", form)


def sealed_as(edges: Edges, name: str) -> tuple[str, str, bytes]:
    """An arrival's state, its outcome and what can be read of it."""
    with edges.ledger.transaction() as tx:
        row = tx.row("SELECT state, outcome FROM arrivals WHERE arrival = %s", name)
        arrival = arrivals.get(tx, name)
        assert row
        assert arrival
        return row.state, row.outcome, arrivals.payload(tx, arrival)


def test_a_referral_that_waited_behind_a_purge_opens_a_case_of_somebody_new(
    edges: Edges, monkeypatch: pytest.MonkeyPatch
):
    chart, first = a_case(edges)
    patient = b.patient_of(edges, first)
    again = b.refer(edges, chart, priority="urgent")
    with edges.ledger.transaction() as tx:
        tx.run("UPDATE due_runs SET state = 'posted' WHERE subject = %s", again)
        number = tx.value("SELECT round FROM due_runs WHERE subject = %s", again)
        taken = rounds.take(tx, Dag.OPEN_CASE, again, number)
    assert taken

    purge = WhilePurging(edges, monkeypatch)
    purge.begin(first)
    admit(edges, taken)
    purge.end()
    attend_all(edges)

    assert b.patient_of(edges, again) != patient
    assert is_open(edges, again)
    with edges.ledger.transaction() as tx:
        assert purging.is_forgotten(tx, patient)
        assert patients.identity(tx, b.patient_of(edges, again))
