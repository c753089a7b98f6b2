"""What the ledger says of what was sent: acknowledged means there, and there means that something came of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.campaigns.hostile.at_http import HUNG_UP, SILENT, Answered
from tests.campaigns.hostile.at_mllp import Sent
from tests.campaigns.hostile.memory import MOST_MB
from tests.campaigns.hostile.table import Outcome, Row
from transfer.flow.services import Services
from transfer.sealing import SITE


@dataclass(frozen=True, slots=True)
class Found:
    """An arrival: its state and the rule by which."""

    state: str
    outcome: str


def found(services: Services, digests: Iterable[bytes]) -> dict[bytes, Found]:
    """The arrivals of these payloads, by their SHA-256."""
    names = {services.ledger.keys.hmac(SITE, digest): digest for digest in digests}
    with services.ledger.transaction() as tx:
        rows = tx.rows("SELECT sha256, state, outcome FROM arrivals WHERE sha256 = ANY(%s)", list(names))
    return {names[bytes(row.sha256)]: Found(str(row.state), row.outcome or "") for row in rows}


def came_of(one: Found) -> tuple[Outcome, str]:
    """What became of an arrival once it was processed."""
    match one.state:
        case "filed" | "sealed" | "purged":
            return Outcome.KEPT, f"{one.state}: {one.outcome}"
        case "held":
            return Outcome.HELD, one.outcome
        case state:
            return Outcome.LOST, f"still {state} after it was processed"


def of_mllp(services: Services, sent: Iterable[tuple[Sent, float]], door: str) -> Iterator[Row]:
    some = list(sent)
    arrivals = found(services, {digest for one, _ in some for digest in one.digests})
    for one, megabytes in some:
        outcome, reason = _of_mllp(one, arrivals)
        yield row(one.file, one.mutation, door, outcome, reason, megabytes, one.seconds)


def _of_mllp(one: Sent, arrivals: dict[bytes, Found]) -> tuple[Outcome, str]:
    """By the first answer that says no, else by what came of what was acknowledged."""
    there = [arrivals[digest] for digest in one.digests if digest in arrivals]
    positive = sum(word in ("AA", "CA") for word in one.answers)
    if one.then == "silent":
        return Outcome.HUNG, "the door answers nothing on this line any more"
    if positive > len(there):
        return Outcome.LOST, f"{positive} acknowledged, {len(there)} there"
    if there:
        return came_of(there[-1])
    if one.answers:
        return (Outcome.REFUSED, f"error {one.errors[0]}") if one.errors else (Outcome.UNEXPLAINED, one.answers[0])
    if one.then == "hung up":
        return Outcome.UNFINISHED, "hung up on, never acknowledged"
    return Outcome.UNFINISHED, "no frame that wants an answer (an acknowledgement, or no end)"


def of_http(services: Services, sent: Iterable[tuple[Answered, float]], door: str) -> Iterator[Row]:
    some = list(sent)
    arrivals = found(services, {one.digest for one, _ in some})
    yield from posted(some, arrivals, _numbered(services, {one.arrival for one, _ in some if one.arrival}), door)


def posted(
    some: Iterable[tuple[Answered, float]], arrivals: dict[bytes, Found], numbered: set[str], door: str
) -> Iterator[Row]:
    for one, megabytes in some:
        outcome, reason = _of_http(one, arrivals, numbered)
        yield row(one.file, one.mutation, door, outcome, reason, megabytes, one.seconds)


def _numbered(services: Services, arrivals: set[str]) -> set[str]:
    """Those that are known by a number of their sender's: again under it, other bytes are a repetition."""
    with services.ledger.transaction() as tx:
        rows = tx.rows(
            "SELECT arrival FROM arrivals WHERE arrival = ANY(%s) AND kind IN ('referral', 'receipt')", list(arrivals)
        )
    return {row.arrival for row in rows}


def _of_http(one: Answered, arrivals: dict[bytes, Found], numbered: set[str]) -> tuple[Outcome, str]:
    if one.status in (200, 201):
        there = arrivals.get(one.digest)
        if there is None and one.arrival in numbered:
            return Outcome.KEPT, "a repetition by its number: what came first stands"
        return came_of(there) if there else (Outcome.LOST, f"answered {one.status}, and not there")
    if one.status == SILENT:
        return Outcome.HUNG, one.reason
    if one.status == HUNG_UP:
        return Outcome.UNFINISHED, "hung up on, never answered"
    if one.status >= 500 and one.status != 503:
        return Outcome.FELL, f"{one.status} {one.reason}"
    return (Outcome.REFUSED, f"{one.status} {one.reason}") if one.reason else (Outcome.UNEXPLAINED, str(one.status))


def row(file: str, mutation: str, door: str, outcome: Outcome, reason: str, megabytes: float, seconds: float) -> Row:
    if megabytes > MOST_MB and not outcome.is_violation:
        outcome, reason = Outcome.SWELLED, f"{megabytes:.0f} MB; {outcome}: {reason}"
    return Row(
        file=file, mutation=mutation, door=door, outcome=outcome, reason=reason,
        megabytes=megabytes, seconds=seconds,
    )  # fmt: skip
