"""What is scraped of the ledger: each number by provoking it, the bounds of a scrape, and no patient in it."""

from datetime import timedelta
from functools import partial
from typing import Any

import psycopg
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.kit import builders as b
from tests.kit.fakes import KeptMail, MemoryDocuments
from tests.kit.first_steps import first_step, referred
from transfer.adapters.mail import CountedMailer
from transfer.arrivals import ArrivalKind, Door
from transfer.errors import NeedsReview, OutOfOrder, TurnedAway, Unreachable
from transfer.exchanges import REMEMBERED, ExchangeKind, ExchangeOutcome
from transfer.facts import Origin
from transfer.flow import ledger_metrics
from transfer.flow.ledger_metrics import LedgerMetrics
from transfer.flow.request import request
from transfer.flow.services import Services
from transfer.flow.telling import tell_all
from transfer.ledger import Ledger, arriving, exchanges
from transfer.ledger.arrivals import NewArrival
from transfer.ledger.measures import measure
from transfer.mail import Mail
from transfer.metrics import DOOR_ANSWERS, EGRESS_BYTES, EGRESS_STREAMS, exposed

pytestmark = pytest.mark.servers

MAIL = Mail(to="somebody@center.example", subject="A word", text="Nothing of anybody.")

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(metrics: LedgerMetrics) -> Series:
    """Every sample, as a scraper of OpenMetrics reads them."""
    families = text_string_to_metric_families(exposed(metrics).decode())
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(series: Series, name: str, **labels: str) -> float | None:
    return series.get((name, frozenset(labels.items())))


@pytest.fixture
def metrics(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> LedgerMetrics:
    monkeypatch.setattr(ledger_metrics, "CACHE_SECONDS", 0.0)
    return LedgerMetrics(ledger)


def an_arrival(ledger: Ledger, business: str) -> None:
    new = NewArrival(
        institution=b.PRAIRIE,
        door=Door.MLLP,
        kind=ArrivalKind.ANSWER,
        business=business,
        control=None,
        content_type="x-application/hl7-v2+er7",
        payload=b"MSH|",
        location=None,
        content_sha256=b"\0" * 32,
    )
    with ledger.transaction() as tx:
        arriving.owe_for(tx, [new], arriving.store(tx, [new]))


def test_what_waits_is_counted_and_how_long_it_does(ledger, metrics, hours_pass):
    for business in ("one", "two"):
        an_arrival(ledger, business)
    hours_pass(timedelta(hours=1))

    series = scraped(metrics)

    assert value(series, "transfer_ledger_up") == 1
    assert value(series, "transfer_arrivals_unattended", institution=b.PRAIRIE) == 2
    assert 3600 <= (value(series, "transfer_arrivals_oldest_seconds", institution=b.PRAIRIE) or 0) < 3900
    assert value(series, "transfer_rounds", dag="receive_arrivals", state="owed") == 1
    assert value(series, "transfer_rounds_overdue", dag="receive_arrivals") == 1


def asked(services: Services) -> str:
    """A case whose records office was asked once."""
    case = referred(services)
    taken, names = first_step(services, case)
    for name in names:
        request(services, taken, name)
    return case


def test_a_case_is_counted_by_its_stage_and_whose_turn_it_is(ledger, metrics):
    services = b.new_services(ledger)
    case = asked(services)
    with ledger.transaction() as tx:
        row = tx.row("SELECT stage, coalesce(owner, '') AS owner FROM cases WHERE case_id = %s", case)

    series = scraped(metrics)

    assert value(series, "transfer_cases", stage=row.stage, waiting_on=row.owner) == 1
    assert value(series, "transfer_cases_overdue", receiver=b.SUMMIT) is None
    assert case not in exposed(metrics).decode()


def test_a_case_that_is_needed_by_tomorrow_and_not_ready_is_overdue(ledger, metrics):
    services = b.new_services(ledger)
    asked(services)
    tell_all(services)
    with ledger.transaction() as tx:
        tx.run("UPDATE cases SET needed_by = (transfer.now() AT TIME ZONE 'UTC')::date + 1")

    assert value(scraped(metrics), "transfer_cases_overdue", receiver=b.SUMMIT) == 1


@pytest.mark.parametrize(
    ("fails", "outcome"),
    [
        (None, "answered"),
        (Unreachable("no"), "no-answer"),
        (TurnedAway("no"), "turned-away"),
        (NeedsReview("what is that"), "unclear"),
        (OutOfOrder("our store"), "our-outage"),
    ],
)
def test_a_fetch_is_counted_by_how_it_went(ledger, metrics, fails, outcome):
    office = MemoryDocuments([b"a note"])
    office.fails = fails
    asked(b.new_services(ledger, ask_documents=lambda _: office))

    series = scraped(metrics)

    of = {"kind": "fetch", "institution": b.LAKESIDE, "outcome": outcome}
    assert value(series, "transfer_exchange_seconds_count", **of) == 1
    assert value(series, "transfer_exchange_seconds_bucket", le="1800.0", **of) == 1
    assert sum(v for (name, _), v in series.items() if name == "transfer_exchange_seconds_count") == 1
    assert (value(series, "transfer_silent_seconds", institution=b.LAKESIDE) is not None) == (outcome == "no-answer")


def test_a_mail_is_counted_by_how_it_went_and_goes_on_as_it_went(ledger, metrics):
    def counting(mailer: Any) -> CountedMailer:
        return CountedMailer(mailer, partial(exchanges.count, ledger, ExchangeKind.MAIL, ""))

    class Refusing:
        def send(self, mail: Mail) -> None:
            raise TurnedAway("nobody of that name")

    counting(KeptMail()).send(MAIL)
    with pytest.raises(TurnedAway):
        counting(Refusing()).send(MAIL)

    series = scraped(metrics)

    for outcome in ("answered", "turned-away"):
        of = {"kind": "mail", "institution": "", "outcome": outcome}
        assert value(series, "transfer_exchange_seconds_count", **of) == 1


def test_counts_add_up_and_the_last_exchanges_are_remembered(ledger, metrics):
    for number in range(REMEMBERED + 5):
        went = ExchangeOutcome.NO_ANSWER if number % 2 else ExchangeOutcome.ANSWERED
        exchanges.count(ledger, ExchangeKind.FETCH, b.MERCY, went, 0.3 * number)
    exchanges.count(ledger, ExchangeKind.FETCH, b.MERCY, ExchangeOutcome.OUR_OUTAGE, 1.0)

    series = scraped(metrics)
    of = {"kind": "fetch", "institution": b.MERCY, "outcome": "answered"}

    assert value(series, "transfer_exchange_seconds_count", **of) == 13
    assert value(series, "transfer_exchange_seconds_bucket", le="1.0", **of) == 2
    assert value(series, "transfer_exchange_seconds_sum", **of) == pytest.approx(0.3 * sum(range(0, 25, 2)))
    with ledger.transaction() as tx:
        failed = tx.value("SELECT failed FROM last_exchanges WHERE institution = %s", b.MERCY)
    assert failed == [number % 2 == 1 for number in reversed(range(5, REMEMBERED + 5))]


def test_a_count_that_cannot_be_kept_holds_up_nothing(keys):
    nowhere = Ledger("postgresql://nobody@127.0.0.1:1/x", keys, Origin(process="test"), wait_seconds=1)
    exchanges.count(nowhere, ExchangeKind.FETCH, b.MERCY, ExchangeOutcome.ANSWERED, 1.0)
    said = {name: found for (name, _), found in scraped(LedgerMetrics(nowhere)).items()}
    #: what this process counts, of other tests, too
    of_process = tuple(one._name for one in (DOOR_ANSWERS, EGRESS_STREAMS, EGRESS_BYTES))
    assert {
        name: found for name, found in said.items() if "process" not in name and not name.startswith(of_process)
    } == {"transfer_ledger_up": 0}
    nowhere.close()


def test_however_many_scrape_the_ledger_is_asked_once(ledger, monkeypatch):
    looks: list[int] = []
    monkeypatch.setattr(ledger_metrics, "measure", lambda tx: looks.append(1) or measure(tx))
    metrics = LedgerMetrics(ledger)

    assert [value(scraped(metrics), "transfer_ledger_up") for _ in range(3)] == [1, 1, 1]
    assert len(looks) == 1


def test_a_question_that_takes_too_long_is_given_up(ledger, metrics, migrated):
    """Somebody holds a table that a look reads."""
    with psycopg.connect(migrated.url("owner")) as other:
        other.execute("LOCK TABLE transfer.letters IN ACCESS EXCLUSIVE MODE")
        assert scraped(metrics)["transfer_ledger_up", frozenset()] == 0
    assert scraped(metrics)["transfer_ledger_up", frozenset()] == 1
