"""A row from what became of a thing inside a `Child`."""

from tests.hostile.child import Became
from tests.hostile.memory import MOST_MB
from tests.hostile.table import Outcome, Row


def row(became: Became, file: str, mutation: str, door: str, most_mb: float = MOST_MB) -> Row:
    """Beyond `most_mb` whatever became of it is a violation."""
    outcome, reason = became.outcome, became.reason
    if became.megabytes > most_mb and not outcome.is_violation:
        outcome, reason = Outcome.SWELLED, f"{became.megabytes:.0f} MB; {outcome}: {reason}"
    return Row(
        file=file, mutation=mutation, door=door, outcome=outcome, reason=reason,
        megabytes=became.megabytes, seconds=became.seconds,
    )  # fmt: skip
