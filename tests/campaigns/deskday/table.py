"""What a day came to, case by case, as a table of Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.campaigns.deskday import by_folder
from tests.campaigns.deskday.by_desk import Led
from tests.campaigns.deskday.operators import Effort

PAGE: Final = Path(__file__).parents[3] / "docs" / "desk.md"
#: what stands around the table on its page
BEGIN: Final = "<!-- made by make desk-day -->"
END: Final = "<!-- end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One case. `others`: how many other people are named on pages of its packet."""

    what: str
    desk: Effort
    folder: Effort
    is_accepted: bool
    others: int

    @classmethod
    def of(cls, led: Led, *, is_accepted: bool, others: int) -> "Row":
        turns = ", ".join(sorted(turn.said for turn in led.patient.turns))
        what = led.patient.checklist + (f": {turns}" if turns else "")
        folder = by_folder.lead(led.patient)
        return cls(what=what, desk=led.effort, folder=folder, is_accepted=is_accepted, others=others)

    @property
    def minutes(self) -> float:
        return self.desk.minutes

    @property
    def by_folder(self) -> float:
        return self.folder.minutes

    def __str__(self) -> str:
        said = (self.what, *_counts(self.desk), *_counts(self.folder), f"{self.minutes / self.by_folder:.2f}")
        return f"| {' | '.join(said)} |"


def _counts(effort: Effort) -> tuple[str, ...]:
    return str(effort.clicks), str(effort.keys), str(effort.views), f"{effort.minutes:.1f}"


def of(rows: Sequence[Row]) -> str:
    """The table, and a sentence below it."""
    ours, theirs = ("desk: clicks", "keys", "pages", "minutes"), ("folder: clicks", "keys", "windows", "minutes")
    head = ("case", *ours, *theirs, "ratio")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}", *map(str, rows)]
    desk, folder = (sum((effort for effort in efforts), Effort()) for efforts in _columns(rows))
    everything = Row(what="all", desk=desk, folder=folder, is_accepted=True, others=0)
    wrong = sum(row.others for row in rows)
    taken = sum(row.is_accepted for row in rows)
    said = f"{taken} of {len(rows)} packets were accepted; pages of somebody else in them: {wrong}."
    return "\n".join([*lines, str(everything), "", said, ""])


def _columns(rows: Sequence[Row]) -> tuple[list[Effort], list[Effort]]:
    return [row.desk for row in rows], [row.folder for row in rows]


def write(rows: Sequence[Row]) -> None:
    """Put the table in its place on docs/desk.md."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{of(rows)}{END}{after}", encoding="utf-8")
