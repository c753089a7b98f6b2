"""A batch is divided: each of its messages is somebody's, and nobody's decision holds up another's."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests import builders as b
from tests.attention import attend_all
from tests.staff import ANN
from transfer.adapters import hl7v2
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door, Grant
from transfer.flow import desk, reading
from transfer.flow.edges import Edges
from transfer.flow.enforce import purge_strangers
from transfer.gateway.intake import Intake
from transfer.gateway.keeper import LedgerKeeper, Spool
from transfer.gateway.mllp import Frame, Keeping
from transfer.holds import Word
from transfer.identifiers import InstitutionId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, arrivals
from transfer.ledger.arrivals import IN_ROW
from transfer.sandbox.pathology import messages

pytestmark = pytest.mark.servers


@pytest.fixture
def edges(ledger: Ledger) -> Edges:
    return b.an_edges(ledger)


def a_batch(*parts: bytes, enveloped: bool = True, said: int | None = None) -> bytes:
    if not enveloped:
        return b"".join(parts)
    end = f"BTS|{len(parts) if said is None else said}\rFTS|1\r".encode()
    return b"FHS|^~\\&|LIS|PRAIRIE\rBHS|^~\\&|LIS|PRAIRIE\r" + b"".join(parts) + end


def comes(edges: Edges, batch: bytes, institution: str = b.PRAIRIE) -> str:
    stored = b.comes(edges, institution, ArrivalKind.NOTICE, batch, HL7_V2, Door.MLLP)
    attend_all(edges)
    return stored.arrival


def is_sent(edges: Edges, payload: bytes, folder: Path, institution: InstitutionId = b.PRAIRIE) -> Keeping:
    """It comes as a frame, and is attended to."""
    intake = Intake(edges.ledger)
    keeper = LedgerKeeper(intake, edges.vault, edges.institutions, folder)
    sink = Spool(folder) if len(payload) > IN_ROW else None
    if sink:
        sink.write(payload)
    frame = Frame(
        institution=institution,
        header=hl7v2.header(payload),
        payload=None if sink else payload,
        sink=sink,
        length=len(payload),
        sha256=hashlib.sha256(payload).hexdigest(),
    )
    kept = asyncio.run(keeper.keep(frame))
    intake.close()
    attend_all(edges)
    return kept.keeping


def outcomes(edges: Edges) -> list[tuple[str, str]]:
    with edges.ledger.transaction() as tx:
        return [(row.state, row.outcome) for row in tx.rows("SELECT * FROM arrivals ORDER BY received_at")]


def reports(edges: Edges, case: str) -> int:
    with edges.ledger.transaction() as tx:
        return sum(one.document == "pathology-report" for one in tx.case(case).records.values())


@pytest.mark.parametrize("enveloped", [True, False])
def test_our_patient_is_filed_and_the_strangers_beside_are_sealed_without_a_decision(edges: Edges, enveloped: bool):
    ours = b.a_chart()
    case = b.a_case(edges, ours)
    reported = [b.report_of(chart, str(n)) for n, chart in enumerate([b.a_chart(), ours, b.a_chart()])]

    comes(edges, a_batch(*reported, enveloped=enveloped))

    assert reports(edges, case) == 1
    assert b.open_holds(edges) == []
    assert outcomes(edges)[-4:] == [
        ("sealed", "stranger"),
        ("filed", "identifier"),
        ("sealed", "stranger"),
        ("sealed", "divided"),
    ]


@pytest.mark.parametrize("enveloped", [True, False])
def test_a_message_does_not_conflict_with_the_envelope_it_came_in(edges: Edges, tmp_path: Path, enveloped: bool):
    chart = b.a_chart()
    case = b.a_case(edges, chart)
    both = [b.report_of(chart, "1"), messages.report(chart, control_id="2", status="C", form="oru")]

    assert is_sent(edges, a_batch(*both, enveloped=enveloped), tmp_path) is Keeping.STORED

    assert reports(edges, case) == 2
    assert b.open_holds(edges) == []


@pytest.mark.parametrize("enveloped", [True, False])
@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_what_came_alone_is_known_again_in_a_batch_and_the_other_way_round(
    edges: Edges, tmp_path: Path, enveloped: bool, end: bytes
):
    chart = b.a_chart()
    case = b.a_case(edges, chart)
    first, second = (b.report_of(chart, str(n)).replace(b"\r", end) for n in range(2))
    is_sent(edges, second, tmp_path)

    is_sent(edges, a_batch(first, second, enveloped=enveloped), tmp_path)

    assert is_sent(edges, first, tmp_path) is Keeping.DUPLICATE
    assert reports(edges, case) == 2
    assert b.open_holds(edges) == []
    with edges.ledger.transaction() as tx:
        newest = "SELECT arrival FROM arrivals WHERE state = 'filed' ORDER BY received_at DESC LIMIT 1"
        kept = arrivals.get(tx, tx.value(newest))
        assert kept
        assert reading.payload(tx, edges, kept) == first


@pytest.mark.parametrize("length", [0, 2_000_000])
def test_referrals_that_ran_together_each_open_their_case(edges: Edges, tmp_path: Path, length: int):
    charts = [b.a_chart(), b.a_chart()]
    first, second = (b.ref_i12(chart) for chart in charts)
    long = first + b"NTE|1||" + b"x" * length + b"\r"

    is_sent(edges, long + second.replace(b"|71301|", b"|71302|"), tmp_path, b.LAKESIDE)

    assert b.open_holds(edges) == []
    with edges.ledger.transaction() as tx:
        cases = [row.subject for row in tx.rows("SELECT subject FROM arrivals WHERE kind = 'referral'")]
        assert len({opened.patient for case in cases if (opened := tx.case(case).opened)}) == 2


def test_what_came_after_a_batch_is_attended_to_after_its_messages(edges: Edges):
    """Else the newest correction of a report would be corrected by an older one."""
    chart = b.a_chart()
    case = b.a_case(edges, chart)
    final, corrected, again = (
        messages.report(chart, control_id=str(n), status=status, form="oru") for n, status in enumerate("FCC")
    )
    b.comes(edges, b.PRAIRIE, ArrivalKind.NOTICE, a_batch(final, corrected), HL7_V2, Door.MLLP)
    newest = b.comes(edges, b.PRAIRIE, ArrivalKind.ANSWER, again, HL7_V2, Door.MLLP)

    attend_all(edges)

    with edges.ledger.transaction() as tx:
        (current,) = set(tx.case(case).records) - tx.case(case).superseded
        assert tx.value("SELECT arrival FROM records WHERE record = %s", current) == newest.arrival


def test_a_batch_that_comes_again_with_one_message_more_brings_that_one(edges: Edges):
    ours = b.a_chart()
    case = b.a_case(edges, ours)
    first, second = b.report_of(b.a_chart(), "1"), b.report_of(ours, "2")
    comes(edges, a_batch(first, first))
    comes(edges, a_batch(first, second))
    comes(edges, a_batch(second, first))

    assert reports(edges, case) == 1
    assert sum(outcome != "divided" for _, outcome in outcomes(edges)) == 4  # two letters of the case, two messages


def test_a_referral_within_a_batch_opens_its_case(edges: Edges):
    chart = b.a_chart()
    comes(edges, a_batch(b.ref_i12(chart)), b.LAKESIDE)

    with edges.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE kind = 'referral' AND outcome IS NOT NULL") == 1
        (case,) = [row.subject for row in tx.rows("SELECT subject FROM arrivals WHERE kind = 'referral'")]
        assert tx.case(case).opened is not None


@pytest.mark.parametrize(
    "batch",
    [
        pytest.param(a_batch(), id="empty"),
        pytest.param(a_batch(b.ref_i12(b.a_chart()), b.ref_i12(b.a_chart())), id="referrals from a laboratory"),
    ],
)
def test_what_cannot_be_divided_is_kept_for_a_person(edges: Edges, batch: bytes):
    arrival = comes(edges, batch)

    assert [hold.code for hold in b.open_holds(edges, arrival)] == ["arrival-unreadable"]
    assert len(outcomes(edges)) == 1
    assert edges.vault.objects == {}  # type: ignore[attr-defined]


#: its first segment never ends
NO_HEADER = b"MSH|^~\\&|" + b"x" * 20_000 + b"\r"


@pytest.mark.parametrize(
    "unfit",
    [
        pytest.param([b.ref_i12(b.a_chart())], id="a referral from a laboratory"),
        pytest.param([NO_HEADER], id="no header"),
        pytest.param([b.ref_i12(b.a_chart()), *[NO_HEADER] * 4], id="several, and long"),
    ],
)
def test_what_its_sender_may_not_send_is_held_and_the_messages_beside_it_are_not(edges: Edges, unfit: list[bytes]):
    ours = b.a_chart()
    case = b.a_case(edges, ours)
    envelope = comes(edges, a_batch(unfit[0], b.report_of(ours, "1"), *unfit[1:]))

    assert reports(edges, case) == 1
    hold = b.the_hold(edges, "arrival-unreadable")
    assert hold.subject != envelope
    with edges.ledger.transaction() as tx:
        held = arrivals.get(tx, hold.subject)
        assert held
        assert held.state == "held"
        assert reading.payload(tx, edges, held) == b"".join(unfit)
        assert tx.value("SELECT count(*) FROM arrivals WHERE kind = 'referral' AND subject <> %s", case) == 0

    comes(edges, a_batch(b.report_of(ours, "2"), *unfit))

    assert b.the_hold(edges, "arrival-unreadable") == hold


@pytest.mark.parametrize("word", [Word.APPROVE, Word.SEEN])
def test_a_batch_that_says_another_number_of_messages_waits_for_a_word(edges: Edges, word: Word):
    ours = b.a_chart()
    case = b.a_case(edges, ours)
    arrival = comes(edges, a_batch(b.report_of(ours, "1"), said=2))
    hold = b.the_hold(edges, "batch-miscounted")
    assert (hold.subject, reports(edges, case)) == (arrival, 0)
    assert outcomes(edges)[-1] == ("held", "miscounted: BTS says 2, and 1 came")

    desk.resolve(edges, hold.id, word, actor=ANN)
    attend_all(edges)

    assert reports(edges, case) == (word is Word.APPROVE)
    assert not b.open_holds(edges, arrival)
    assert outcomes(edges)[-1] == ("sealed", "divided" if word is Word.APPROVE else "seen")


def test_what_was_held_of_a_batch_takes_effect_when_its_sender_may_send_it(edges: Edges):
    chart = b.a_chart()
    comes(edges, a_batch(b.report_of(b.a_chart(), "1"), b.ref_i12(chart)))
    desk.resolve(edges, b.the_hold(edges, "arrival-unreadable").id, Word.AGAIN, actor=ANN)
    attend_all(edges)
    hold = b.the_hold(edges, "arrival-unreadable")

    laboratory = edges.institutions[b.PRAIRIE]
    granted = laboratory.model_copy(update={"grants": laboratory.grants | {Grant.REFERRALS}})
    edges = replace(edges, institutions=Institutions([*edges.institutions.values(), granted]))
    desk.resolve(edges, hold.id, Word.AGAIN, actor=ANN)
    attend_all(edges)

    assert not b.open_holds(edges, hold.subject)
    with edges.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE kind = 'referral' AND outcome IS NOT NULL") == 1


def test_a_long_message_of_a_batch_is_kept_in_the_vault_and_goes_with_its_stranger(
    edges: Edges, hours_pass: Callable[[timedelta], None]
):
    long = b.report_of(b.a_chart(), "1") + b"NTE|1||" + b"x" * 70_000 + b"\r"
    comes(edges, a_batch(long, b.report_of(b.a_chart(), "2")))
    with edges.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE vault_key IS NOT NULL") == 1

    hours_pass(timedelta(hours=73))
    purge_strangers(edges)

    assert outcomes(edges) == []
    assert edges.vault.objects == {}  # type: ignore[attr-defined]
    with edges.ledger.transaction() as tx:
        (day,) = tx.rows("SELECT received, purged FROM stranger_counts WHERE received > 0")
    assert (day.received, day.purged) == (3, 3)
