"""A batch is divided: each of its messages is somebody's, and nobody's decision holds up another's."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.doors import answered
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.adapters import hl7v2
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door, Grant
from transfer.flow import desk, reading
from transfer.flow.housekeeping import purge_unmatched
from transfer.flow.services import Services
from transfer.gateway.intake import Intake
from transfer.gateway.mllp import Frame, StoreOutcome
from transfer.gateway.mllp.message_store import LedgerMessageStore
from transfer.gateway.payload import Spool
from transfer.holds import HoldAnswer
from transfer.identifiers import InstitutionId
from transfer.institutions import Institutions
from transfer.ledger import Ledger, arrivals
from transfer.ledger.arrivals import IN_ROW
from transfer.sandbox.charts import Chart
from transfer.sandbox.pathology import messages

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def a_report(chart: Chart, control_id: str = "1") -> bytes:
    """A report that says another thing under each control id: the same words sent again are no further record."""
    return b.report_of(chart, control_id) + f"NTE|1||Number {control_id}\r".encode()


def a_batch(*parts: bytes, enveloped: bool = True, said: int | None = None) -> bytes:
    if not enveloped:
        return b"".join(parts)
    end = f"BTS|{len(parts) if said is None else said}\rFTS|1\r".encode()
    return b"FHS|^~\\&|LIS|PRAIRIE\rBHS|^~\\&|LIS|PRAIRIE\r" + b"".join(parts) + end


def comes(services: Services, batch: bytes, institution: str = b.PRAIRIE) -> str:
    stored = b.comes(services, institution, ArrivalKind.NOTICE, batch, HL7_V2, Door.MLLP)
    process_all(services)
    return stored.arrival


def is_sent(services: Services, payload: bytes, folder: Path, institution: InstitutionId = b.PRAIRIE) -> StoreOutcome:
    """It comes as a frame, and is processed."""
    intake = Intake(services.ledger)
    message_store = LedgerMessageStore(intake, services.vault, services.institutions, folder)
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
    kept = answered(message_store, frame)
    asyncio.run(intake.close())
    process_all(services)
    return kept.outcome


def outcomes(services: Services) -> list[tuple[str, str]]:
    with services.ledger.transaction() as tx:
        return [(row.state, row.outcome) for row in tx.rows("SELECT * FROM arrivals ORDER BY received_at")]


def reports(services: Services, case: str) -> int:
    with services.ledger.transaction() as tx:
        return sum(one.document == "pathology-report" for one in tx.case(case).records.values())


@pytest.mark.parametrize("enveloped", [True, False])
def test_our_patient_is_filed_and_the_others_beside_are_sealed_without_a_decision(services: Services, enveloped: bool):
    ours = b.a_chart()
    case = b.a_case(services, ours)
    reported = [a_report(chart, str(n)) for n, chart in enumerate([b.a_chart(), ours, b.a_chart()])]

    comes(services, a_batch(*reported, enveloped=enveloped))

    assert reports(services, case) == 1
    assert b.open_holds(services) == []
    assert outcomes(services)[-4:] == [
        ("sealed", "unmatched"),
        ("filed", "identifier"),
        ("sealed", "unmatched"),
        ("sealed", "divided"),
    ]


@pytest.mark.parametrize("enveloped", [True, False])
def test_a_message_does_not_conflict_with_the_envelope_it_came_in(services: Services, tmp_path: Path, enveloped: bool):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    both = [a_report(chart, "1"), messages.report(chart, control_id="2", status="C", form="oru")]

    assert is_sent(services, a_batch(*both, enveloped=enveloped), tmp_path) is StoreOutcome.STORED

    assert reports(services, case) == 2
    assert b.open_holds(services) == []


@pytest.mark.parametrize("enveloped", [True, False])
@pytest.mark.parametrize("end", [b"\r", b"\r\n"])
def test_what_came_alone_is_known_again_in_a_batch_and_the_other_way_round(
    services: Services, tmp_path: Path, enveloped: bool, end: bytes
):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    first, second = (a_report(chart, str(n)).replace(b"\r", end) for n in range(2))
    is_sent(services, second, tmp_path)

    is_sent(services, a_batch(first, second, enveloped=enveloped), tmp_path)

    assert is_sent(services, first, tmp_path) is StoreOutcome.DUPLICATE
    assert reports(services, case) == 2
    assert b.open_holds(services) == []
    with services.ledger.transaction() as tx:
        newest = "SELECT arrival FROM arrivals WHERE state = 'filed' ORDER BY received_at DESC LIMIT 1"
        kept = arrivals.get(tx, tx.value(newest))
        assert kept
        assert reading.payload(tx, services, kept) == first


@pytest.mark.parametrize("length", [0, 2_000_000])
def test_referrals_that_ran_together_each_open_their_case(services: Services, tmp_path: Path, length: int):
    charts = [b.a_chart(), b.a_chart()]
    first, second = (b.ref_i12(chart) for chart in charts)
    long = first + b"NTE|1||" + b"x" * length + b"\r"

    second = second.replace(b"|71301|", b"|71302|").replace(b"|REF71^", b"|REF72^")
    is_sent(services, long + second, tmp_path, b.LAKESIDE)

    # of a case without a source a person is asked
    assert {hold.code for hold in b.open_holds(services)} == {"needs-unanswered"}
    with services.ledger.transaction() as tx:
        cases = [row.subject for row in tx.rows("SELECT subject FROM arrivals WHERE kind = 'referral'")]
        assert len({opened.patient for case in cases if (opened := tx.case(case).opened)}) == 2


def test_what_came_after_a_batch_is_processed_after_its_messages(services: Services):
    """Else the newest correction of a report would be corrected by an older one."""
    chart = b.a_chart()
    case = b.a_case(services, chart)
    final, corrected, again = (
        messages.report(chart, control_id=str(n), status=status, form="oru") + f"NTE|1||Number {n}\r".encode()
        for n, status in enumerate("FCC")
    )
    b.comes(services, b.PRAIRIE, ArrivalKind.NOTICE, a_batch(final, corrected), HL7_V2, Door.MLLP)
    newest = b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, again, HL7_V2, Door.MLLP)

    process_all(services)

    with services.ledger.transaction() as tx:
        (current,) = set(tx.case(case).records) - tx.case(case).superseded
        assert tx.value("SELECT arrival FROM records WHERE record = %s", current) == newest.arrival


def test_a_batch_that_comes_again_with_one_message_more_brings_that_one(services: Services):
    ours = b.a_chart()
    case = b.a_case(services, ours)
    first, second = a_report(b.a_chart(), "1"), a_report(ours, "2")
    comes(services, a_batch(first, first))
    comes(services, a_batch(first, second))
    comes(services, a_batch(second, first))

    assert reports(services, case) == 1
    assert sum(outcome != "divided" for _, outcome in outcomes(services)) == 4  # two letters of the case, two messages


def test_a_referral_within_a_batch_opens_its_case(services: Services):
    chart = b.a_chart()
    comes(services, a_batch(b.ref_i12(chart)), b.LAKESIDE)

    with services.ledger.transaction() as tx:
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
def test_what_cannot_be_divided_is_kept_for_a_person(services: Services, batch: bytes):
    arrival = comes(services, batch)

    assert [hold.code for hold in b.open_holds(services, arrival)] == ["arrival-unreadable"]
    assert len(outcomes(services)) == 1
    assert services.vault.objects == {}  # type: ignore[attr-defined]


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
def test_what_its_sender_may_not_send_is_held_and_the_messages_beside_it_are_not(
    services: Services, unfit: list[bytes]
):
    ours = b.a_chart()
    case = b.a_case(services, ours)
    envelope = comes(services, a_batch(unfit[0], a_report(ours, "1"), *unfit[1:]))

    assert reports(services, case) == 1
    hold = b.the_hold(services, "arrival-unreadable")
    assert hold.subject != envelope
    with services.ledger.transaction() as tx:
        held = arrivals.get(tx, hold.subject)
        assert held
        assert held.state == "held"
        assert reading.payload(tx, services, held) == b"".join(unfit)
        assert tx.value("SELECT count(*) FROM arrivals WHERE kind = 'referral' AND subject <> %s", case) == 0

    comes(services, a_batch(a_report(ours, "2"), *unfit))

    assert b.the_hold(services, "arrival-unreadable") == hold


@pytest.mark.parametrize("word", [HoldAnswer.APPROVE, HoldAnswer.SEEN])
def test_a_batch_that_says_another_number_of_messages_waits_for_a_word(services: Services, word: HoldAnswer):
    ours = b.a_chart()
    case = b.a_case(services, ours)
    arrival = comes(services, a_batch(a_report(ours, "1"), said=2))
    hold = b.the_hold(services, "batch-miscounted")
    assert (hold.subject, reports(services, case)) == (arrival, 0)
    assert outcomes(services)[-1] == ("held", "miscounted: BTS says 2, and 1 came")

    desk.resolve(services, hold.id, word, actor=ANN)
    process_all(services)

    assert reports(services, case) == (word is HoldAnswer.APPROVE)
    assert not b.open_holds(services, arrival)
    assert outcomes(services)[-1] == ("sealed", "divided" if word is HoldAnswer.APPROVE else "seen")


def test_what_was_held_of_a_batch_takes_effect_when_its_sender_may_send_it(services: Services):
    chart = b.a_chart()
    comes(services, a_batch(a_report(b.a_chart(), "1"), b.ref_i12(chart)))
    desk.resolve(services, b.the_hold(services, "arrival-unreadable").id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)
    hold = b.the_hold(services, "arrival-unreadable")

    laboratory = services.institutions[b.PRAIRIE]
    granted = laboratory.model_copy(update={"grants": laboratory.grants | {Grant.REFERRALS}})
    services = replace(services, institutions=Institutions([*services.institutions.values(), granted]))
    desk.resolve(services, hold.id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert not b.open_holds(services, hold.subject)
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE kind = 'referral' AND outcome IS NOT NULL") == 1


def test_a_long_message_of_a_batch_is_kept_in_the_vault_and_goes_when_it_is_purged_unmatched(
    services: Services, hours_pass: Callable[[timedelta], None]
):
    long = a_report(b.a_chart(), "1") + b"NTE|1||" + b"x" * 70_000 + b"\r"
    comes(services, a_batch(long, a_report(b.a_chart(), "2")))
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT count(*) FROM arrivals WHERE vault_key IS NOT NULL") == 1

    hours_pass(timedelta(hours=73))
    purge_unmatched(services)

    assert outcomes(services) == []
    assert services.vault.objects == {}  # type: ignore[attr-defined]
    with services.ledger.transaction() as tx:
        (day,) = tx.rows("SELECT received, purged FROM unmatched_counts WHERE received > 0")
    assert (day.received, day.purged) == (3, 3)
