"""Each "no" at each step of a case: nothing goes out in the epoch that it began, whoever was in the middle of what.

A step is a commit of the processes that put a packet together and hand it over, and of those that ask. The "no" comes
between two of them, or while a transaction is under way, by another connection. No run is needed for it to stop.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.doors import posted, received
from tests.kit.objections import an_objection, consent_message, is_permitted, posted_by
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.arrivals import Grant
from transfer.facts import Chain, EgressPermitted
from transfer.flow import desk, stopping
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, Tx, patients, permissions, trail
from transfer.permissions import End
from transfer.records import RecordKind
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers


@dataclass
class Center:
    """A receiver that takes what it is handed."""

    taken: list[int] = field(default_factory=list)

    def submit(self, bundle: bytes) -> None:
        self.taken.append(len(bundle))

    def tell(self, bundle: bytes) -> None:
        """It keeps no Task."""

    def has(self, _packet: str) -> bool:
        return bool(self.taken)

    def cut(self) -> None:
        """It is never slow."""


class Stepping:
    """A ledger that lets something happen at one of its commits: after it, or before it in a thread of its own."""

    def __init__(self, real: Ledger, at: int, *, inside: bool, happens: Callable[[], None]) -> None:
        self._real = real
        self._at = at
        self._inside = inside
        self._happens = happens
        self.commits = 0
        self._beside: threading.Thread | None = None
        self._main = threading.get_ident()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    @contextmanager
    def transaction(self, *values: Any) -> Iterator[Tx]:
        mine = threading.get_ident() == self._main
        with self._real.transaction(*values) as tx:
            yield tx
            self.commits += mine
            if mine and self._inside and self.commits == self._at:
                self._beside = threading.Thread(target=self._happens)
                self._beside.start()
        if mine and not self._inside and self.commits == self._at:
            self._happens()

    def finish(self) -> None:
        """It happens at the latest now."""
        if self._beside:
            self._beside.join(30)
        elif self.commits < self._at:
            self._happens()


def end(services: Services, case: CaseId, how: End) -> None:
    """What the desk commits first. Its verb then waits for the stop to be complete, and so would whoever is stopped."""
    with services.ledger.transaction() as tx:
        patient = b.patient_of(services, case)
        patients.hold_epoch_exclusive(tx, patient)
        stopping.end(tx, permissions.states(tx, patient)[0], how)


Say = Callable[[Services, Chart, CaseId], object]

NOES: dict[str, Say] = {
    "revoked": lambda s, chart, _: posted(s, b.LAKESIDE, an_objection(chart, status="inactive")),
    "revoked by another number": lambda s, chart, _: posted(
        s, b.LAKESIDE, an_objection(chart, status="inactive", number="F-999")
    ),
    "revoked without a number": lambda s, chart, _: posted(
        s, b.LAKESIDE, an_objection(chart, status="inactive", resource={"identifier": None})
    ),
    "entered in error": lambda s, chart, _: posted(s, b.LAKESIDE, an_objection(chart, status="entered-in-error")),
    "refused": lambda s, chart, _: posted(
        s, b.LAKESIDE, an_objection(chart, number="F-2", resource={"provision": {"type": "deny"}})
    ),
    "rejected": lambda s, chart, _: posted(s, b.LAKESIDE, an_objection(chart, status="rejected")),
    "unreadable": lambda s, chart, _: posted(s, b.LAKESIDE, an_objection(chart, status="void")),
    "narrower": lambda s, chart, _: posted(s, b.LAKESIDE, an_objection(chart, codes=["11488-4"])),
    "a discloser's": lambda s, chart, _: posted_by(s, b.MERCY, chart, status="inactive", number="M-1"),
    "a CON segment": lambda s, chart, _: received(s, b.PRAIRIE, consent_message(chart, "R")),
    "by telephone": lambda s, _, case: end(s, case, End.PAUSED),
    "on paper": lambda s, _, case: end(s, case, End.REVOKED),
}
#: at which of the commits it comes with which the center is told how far the case is, and then the packet is put
#: together and handed over; at even ones inside
STEPS = (1, 12, 20, 22, 23)
#: at which of the commits that file a form and open a case it comes; 0: before anything is processed
FIRST_STEPS = (0, 4, 9)


@pytest.fixture
def center() -> Center:
    return Center()


@pytest.fixture
def services(ledger: Ledger, center: Center) -> Services:
    """Every institution may post what it likes."""
    known = b.new_services(ledger, hand_to=lambda _: center)
    granted = [one.model_copy(update={"grants": frozenset(Grant)}) for one in known.institutions.values()]
    return replace(known, institutions=Institutions(granted))


def epoch(services: Services, patient: PatientId) -> int:
    with services.ledger.transaction() as tx:
        return patients.current_epoch(tx, patient)


@pytest.mark.parametrize("at", STEPS)
@pytest.mark.parametrize("no", list(NOES))
def test_nothing_goes_out_once_a_no_was_stored(services: Services, center: Center, no: str, at: int):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    patient = b.patient_of(services, case)
    everything_came(services, case)
    stopped_in: list[int] = []

    def say() -> None:
        NOES[no](services, chart, case)
        stopped_in.append(epoch(services, patient))

    stepping = Stepping(services.ledger, at, inside=at % 2 == 0, happens=say)
    process_all(replace(services, ledger=stepping))  # type: ignore[arg-type]
    stepping.finish()
    taken = len(center.taken)
    process_all(services)
    stopping.note_completed_stops(services.ledger)

    assert len(center.taken) == taken
    with services.ledger.transaction() as tx:
        told = [line for line in tx.lines(Chain.case(case)) if isinstance(line.fact, EgressPermitted)]
        opened_at = {line.fact.egress: line.at for line in told}
        sent = tx.rows("SELECT * FROM egress WHERE patient = %s", patient)
        ended = tx.rows("SELECT * FROM permissions WHERE patient = %s AND ended IS NOT NULL", patient)
        broken = [found for chain in trail.chains(tx) if (found := trail.walk(tx, chain).broken)]
    # What was open when it came had been opened in an older epoch; the stop is complete once that is closed.
    assert stopped_in
    assert all(one.epoch < stopped_in[0] and one.closed_at is not None for one in sent)
    assert all(one.stop_completed_at >= one.ended_at for one in ended)
    assert all(
        one.closed_at <= last.stop_completed_at
        for one in sent
        for last in ended
        if opened_at[one.egress] < last.ended_at
    )
    assert ended or no == "refused"
    assert not broken


def everything_came(services: Services, case: CaseId) -> None:
    for kind in (RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES):
        b.came_in(services, case, kind)
    desk.approve(services, case, actor=ANN, without=["slides"])


def test_the_steps_reach_from_the_first_look_to_the_hand_over(services: Services, center: Center):
    """Or they would all come before, or after."""
    case = b.a_case(services)
    everything_came(services, case)
    counting = Stepping(services.ledger, 1 << 30, inside=False, happens=lambda: None)
    process_all(replace(services, ledger=counting))  # type: ignore[arg-type]
    assert center.taken
    assert max(STEPS) <= counting.commits <= 2 * max(STEPS)


@pytest.mark.parametrize("at", FIRST_STEPS)
@pytest.mark.parametrize("no", [no for no in NOES if no not in ("by telephone", "on paper")])
def test_nobody_is_asked_under_a_form_that_was_objected_to(services: Services, no: str, at: int):
    asked: list[object] = []

    def ask(source: object) -> Any:
        asked.append(source)
        return b.nobody_answers(source)

    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    before: list[int] = []

    def say() -> None:
        NOES[no](services, chart, case)
        before.append(len(asked))

    if at == 0:
        say()
    stepping = Stepping(services.ledger, at, inside=at % 2 == 0, happens=say)
    process_all(replace(services, ledger=stepping, ask_documents=ask))  # type: ignore[arg-type]
    stepping.finish() if at else None
    process_all(replace(services, ask_documents=ask))

    (source, kind) = {
        "a discloser's": (b.MERCY, RecordKind.IMAGES),
        "a CON segment": (b.PRAIRIE, RecordKind.PATHOLOGY_REPORT),
        "narrower": (b.LAKESIDE, RecordKind.LABORATORY),
    }.get(no, (b.LAKESIDE, RecordKind.NOTE))
    assert not is_permitted(services, case, kind, source)
    if source == b.LAKESIDE and kind is RecordKind.NOTE:
        assert len(asked) <= before[0]
