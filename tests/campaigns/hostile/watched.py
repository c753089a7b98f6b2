"""A row from what became of a thing inside a `Child`."""

from collections.abc import Iterator
from dataclasses import replace

from tests.campaigns.hostile.child import Became
from tests.campaigns.hostile.memory import MOST_MB
from tests.campaigns.hostile.table import Outcome, Row


def row(became: Became, file: str, mutation: str, door: str, most_mb: float = MOST_MB) -> Row:
    """Beyond `most_mb` whatever became of it is a violation."""
    outcome, reason = became.outcome, became.reason
    if became.megabytes > most_mb and not outcome.is_violation:
        outcome, reason = Outcome.SWELLED, f"{became.megabytes:.0f} MB; {outcome}: {reason}"
    return Row(
        file=file, mutation=mutation, door=door, outcome=outcome, reason=reason,
        megabytes=became.megabytes, seconds=became.seconds,
    )  # fmt: skip


def honest(first: Row) -> Row:
    """What is whole is taken: where it is not, all that the door refuses after it says nothing."""
    if first.outcome is Outcome.KEPT or first.outcome.is_violation:
        return first
    return replace(first, outcome=Outcome.FELL, reason=f"an honest one is {first.outcome}: {first.reason}")


def altered(after: Row) -> Row:
    """What differs from the packet by one byte is never verified: no change of a packet leaves it the same."""
    return replace(after, outcome=Outcome.FOOLED) if after.outcome is Outcome.KEPT else after


def outside(after: Row) -> Row:
    """Of an answer whose documents lie outside the source: one that came from there was fetched from there."""
    return replace(after, outcome=Outcome.STRAYED) if after.reason == "a document" else after


def strayed(visits: int, door: str) -> Iterator[Row]:
    """A row, if somebody came where none of ours may go."""
    if visits:
        yield Row(
            file="every answer", mutation="addresses elsewhere", door=door,
            outcome=Outcome.STRAYED, reason=f"{visits} requests went elsewhere",
        )  # fmt: skip
