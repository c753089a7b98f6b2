"""The hostile table: what was sent, to which door, and what became of it."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path


class Outcome(StrEnum):
    """The first four may be; the others may not."""

    #: taken, and it took effect or waits sealed; the reason is the rule by which
    KEPT = "kept"
    #: taken and kept, and a person is asked; the reason is what they are told
    HELD = "held"
    #: not taken, and its sender or whoever asked for it was told why
    REFUSED = "refused"
    #: it never came to its end, or its sender went: nothing was acknowledged, and the sender still has it
    UNFINISHED = "unfinished"

    #: acknowledged and not there, or there and nothing came of it
    LOST = "LOST"
    #: altered, and told to be whole
    FOOLED = "FOOLED"
    #: refused without a word why
    UNEXPLAINED = "UNEXPLAINED"
    #: the process behind the door died, or a fault of ours showed
    FELL = "FELL"
    #: it took longer than its door's bound
    HUNG = "HUNG"
    #: more memory than a door may take
    SWELLED = "SWELLED"
    #: a request went where none of ours may go
    STRAYED = "STRAYED"
    #: an honest sender beside it was not served
    STARVED = "STARVED"

    @property
    def is_violation(self) -> bool:
        return self.isupper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    file: str
    mutation: str
    door: str
    outcome: Outcome
    reason: str
    #: the most the door's process held while it had this, in MB
    megabytes: float = 0.0
    seconds: float = 0.0


class Table:
    """All rows of a campaign."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.rows.append(row)
            yield row

    @property
    def violations(self) -> list[Row]:
        return [row for row in self.rows if row.outcome.is_violation or not row.reason]

    def write(self, folder: Path) -> None:
        """`table.csv` and `table.json`, and the totals beside them."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "table.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(("file", "mutation", "door", "outcome", "reason", "MB", "seconds"))
            writer.writerows(asdict(row).values() for row in self.rows)
        (folder / "table.json").write_text(json.dumps([asdict(row) for row in self.rows], indent=0))
        (folder / "totals.txt").write_text("\n".join(self.totals()) + "\n")

    def totals(self) -> Iterator[str]:
        """Door by outcome, the most memory each door took, and the reasons."""
        doors = dict.fromkeys(row.door for row in self.rows)
        shown = [each for each in Outcome if any(row.outcome is each for row in self.rows)]
        yield "".join(
            [f"{'door':<26}", *(f"{each:>12}" for each in shown), f"{'all':>9}{'most MB':>9}{'longest s':>11}"]
        )
        for door in doors:
            yield _line(door, [row for row in self.rows if row.door == door], shown)
        yield _line("all doors", self.rows, shown)
        yield ""
        yield "reasons"
        for (outcome, reason), count in Counter((row.outcome, row.reason) for row in self.rows).most_common():
            yield f"{count:>7}  {outcome:<11} {reason}"


def _line(name: str, rows: list[Row], shown: list[Outcome]) -> str:
    counts = Counter(row.outcome for row in rows)
    most, longest = (max((getattr(row, what) for row in rows), default=0) for what in ("megabytes", "seconds"))
    return "".join(
        [f"{name:<26}", *(f"{counts[each]:>12}" for each in shown), f"{len(rows):>9}{most:>9.0f}{longest:>11.1f}"]
    )
