"""What the ledger knows, as metrics (docs/decisions/0055-watching.md). One look is given again for ten seconds."""

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from transfer.errors import TransferError
from transfer.exchanges import BOUNDS
from transfer.ledger import Ledger
from transfer.ledger.exchanges import ExchangeCount
from transfer.ledger.measures import LedgerMeasures, measure

#: seconds a look is given again: however many scrape, the ledger is asked no more often
CACHE_SECONDS: Final = 10.0


class LedgerMetrics(Collector):
    """What stands in the ledger, whichever process wrote it. Safe to scrape from any thread, as often as one likes.

    While the ledger does not answer in time only `transfer_ledger_up` is said, as 0.
    """

    def __init__(self, ledger: Ledger) -> None:
        """`ledger`: with a connection of its own, and short waits: a scrape is answered within seconds."""
        self._ledger = ledger
        self._one_at_a_time = threading.Lock()
        self._asked_at: float | None = None
        self._found: LedgerMeasures | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: else a collector is asked when it is registered."""
        return ()

    def collect(self) -> Iterable[Metric]:
        with self._one_at_a_time:
            if self._asked_at is None or time.monotonic() - self._asked_at >= CACHE_SECONDS:
                self._found = self._look()
                self._asked_at = time.monotonic()
            found = self._found
        yield gauge("transfer_ledger_up", "1 where the ledger answers in time", {(): int(found is not None)})
        if found is not None:
            yield from _families(found)

    def _look(self) -> LedgerMeasures | None:
        try:
            with self._ledger.transaction() as tx:
                return measure(tx)
        except TransferError:
            return None


def _families(found: LedgerMeasures) -> Iterable[Metric]:
    yield gauge("transfer_cases", "Open cases by stage and by who is to act", found.cases, "stage", "waiting_on")
    yield gauge(
        "transfer_cases_overdue",
        "Open cases that are not ready and are needed by tomorrow, or were before",
        _keyed(found.overdue),
        "receiver",
    )
    yield gauge(
        "transfer_arrivals_unattended",
        "Messages stored and not processed",
        {(one.institution,): one.count for one in found.arrivals},
        "institution",
    )
    yield gauge(
        "transfer_arrivals_oldest_seconds",
        "Age of the oldest of them",
        {(one.institution,): _age(found, one.oldest) for one in found.arrivals},
        "institution",
    )
    yield gauge("transfer_rounds", "Rounds that are not done", found.rounds, "dag", "state")
    yield gauge("transfer_rounds_overdue", "Rounds late by five minutes or more", _keyed(found.rounds_overdue), "dag")
    yield gauge("transfer_decisions", "Open questions to people", _keyed(found.decisions), "code")
    yield gauge("transfer_letters", "Letters that have not left", _keyed(found.letters), "state")
    yield gauge("transfer_papers", "Papers that nobody has indexed", {(): found.papers})
    yield gauge("transfer_egress_open", "Streams to a receiver that are open", _keyed(found.egress), "receiver")
    yield gauge(
        "transfer_silent_seconds",
        "For how long an institution that was asked has answered nothing",
        {(one,): _age(found, since) for one, since in found.silent.items()},
        "institution",
    )
    yield _exchanges(found.exchanges)


def _exchanges(counted: Iterable[ExchangeCount]) -> Metric:
    """Fetches, conveyances and mails. https://prometheus.io/docs/concepts/metric_types/#histogram"""
    family = HistogramMetricFamily(
        "transfer_exchange_seconds",
        "How long fetches, conveyances and mails took, by outcome",
        labels=("kind", "institution", "outcome"),
    )
    for one in counted:
        within = [(str(bound), times) for bound, times in zip(BOUNDS, one.within, strict=True)]
        labels = (one.kind, one.institution, one.outcome)
        family.add_metric(labels, buckets=[*within, ("+Inf", one.times)], sum_value=one.seconds)
    return family


def gauge(name: str, about: str, values: Mapping[Any, float], *labels: str) -> Metric:
    """A family of numbers that go up and down: `values` by the values of the labels, in a tuple."""
    family = GaugeMetricFamily(name, about, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _keyed(values: Mapping[str, int]) -> dict[tuple[str, ...], float]:
    return {(name,): value for name, value in values.items()}


def _age(found: LedgerMeasures, since: datetime) -> float:
    return max(0.0, (found.at - since).total_seconds())
