"""The page of metrics of an installation in which there is one of everything, without the installation."""

from datetime import UTC, datetime, timedelta

from transfer import metrics
from transfer.exchanges import BOUNDS, ExchangeKind, ExchangeOutcome
from transfer.flow.installation_metrics import InstallationMetrics
from transfer.flow.ledger_metrics import LedgerMetrics
from transfer.identifiers import InstitutionId
from transfer.ledger.exchanges import ExchangeCount
from transfer.ledger.measures import LedgerMeasures, UnattendedArrivals
from transfer.operation import (
    BackupTimes,
    CertificateEnd,
    LedgerStanding,
    Measured,
    PartStanding,
    PartState,
    Volume,
    Waiting,
)

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Standing(LedgerMetrics):
    """The metrics of a ledger in which there is one of everything."""

    def __init__(self) -> None:
        super().__init__(None)  # type: ignore[arg-type]  # nobody is asked

    def _look(self) -> LedgerMeasures:
        one = InstitutionId("mercy")
        exchange = ExchangeCount(
            kind=ExchangeKind.FETCH,
            institution=one,
            outcome=ExchangeOutcome.ANSWERED,
            times=1,
            seconds=1.0,
            within=(1,) * len(BOUNDS),
        )
        return LedgerMeasures(
            at=NOW,
            cases={("gathering", "desk"): 1},
            overdue={one: 1},
            arrivals=(UnattendedArrivals(institution=one, count=1, oldest=NOW),),
            rounds={("open_case", "owed"): 1},
            rounds_overdue={"open_case": 1},
            decisions={"whose-record": 1},
            letters={"queued": 1},
            papers=1,
            egress={one: 1},
            silent={one: NOW},
            exchanges=(exchange,),
        )


def of_an_installation() -> InstallationMetrics:
    made = InstallationMetrics()
    now = datetime.now(UTC)
    made.measured = Measured(
        at=now,
        version="0",
        parts=(PartStanding(name="store", state=PartState.UP),),
        volumes=(Volume(name="var", free=1, size=2),),
        certificates=(CertificateEnd(name="doors", ends=now),),
        ledger=LedgerStanding(
            server="18",
            migration="0049",
            pending=(),
            is_newer=False,
            ahead=timedelta(0),
            backed_up=BackupTimes(made=now),
        ),
        dags=(),
        mail=Waiting(count=0, oldest=None),
    )
    return made


def page_of_metrics() -> bytes:
    """As it is scraped. What processes count themselves began at 0."""
    metrics.DOOR_ANSWERS.labels("fhir", "200").inc(0)
    metrics.EGRESS_STREAMS.labels("mercy", "sent").inc(0)
    metrics.EGRESS_BYTES.labels("mercy").inc(0)
    return metrics.exposed(Standing(), of_an_installation())
