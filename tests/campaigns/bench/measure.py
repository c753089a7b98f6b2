"""Two ways of doing the same thing, taking turns: on a machine that is not quiet only their ratio means something.

What is measured becomes lines of one table, which `make bench` also writes as JSON.
"""

# ruff: noqa: T201 - it prints what it measured

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure. `against` names what it is compared with, if there is anything, and `other` is that one's figure."""

    name: str
    figure: float
    unit: str
    against: str | None = None
    other: float | None = None
    #: figure by other, the median of the rounds' own where there were several
    ratio: float | None = None
    #: what is wanted of the ratio or, without one, of the figure
    wanted: str | None = None
    #: each round's, ours first
    rounds: Sequence[tuple[float, float]] = ()

    def __str__(self) -> str:
        said = f"{self.name:<38} {_short(self.figure):>10} {self.unit:<10}"
        if self.against is not None and self.other is not None:
            said += f" {self.against:>22} {_short(self.other):>10}"
        if self.ratio is not None:
            said += f"   ratio {self.ratio:6.2f}"
        return said + (f"   wanted {self.wanted}" if self.wanted else "")


def _short(figure: float) -> str:
    return f"{figure:,.0f}" if abs(figure) >= 1000 else f"{figure:.3g}"


#: all that was measured in this process, in its order
table: list[Line] = []


def tell(line: Line) -> None:
    """Print it, and keep it for the table."""
    table.append(line)
    print(line, flush=True)


@dataclass(slots=True)
class Contest:
    """What is compared. Each way does its work once and returns its figure, such as messages a second."""

    name: str
    unit: str
    ours: Callable[[], float]
    other: Callable[[], float]
    #: what the other way is called
    against: str
    #: what is wanted of the ratio
    wanted: str | None = None
    figures: list[tuple[float, float]] = field(default_factory=list)

    def turn(self, number: int) -> None:
        """One round of both; who begins alternates, so that neither always finds the machine warm."""
        if number % 2:
            theirs = self.other()
            self.figures.append((self.ours(), theirs))
        else:
            self.figures.append((self.ours(), self.other()))

    @property
    def ratio(self) -> float:
        """Ours by theirs: the median of the rounds' own ratios."""
        return statistics.median(ours / theirs for ours, theirs in self.figures)

    @property
    def line(self) -> Line:
        ours, theirs = (statistics.median(column) for column in zip(*self.figures, strict=True))
        return Line(
            name=self.name,
            figure=ours,
            unit=self.unit,
            against=self.against,
            other=theirs,
            ratio=self.ratio,
            wanted=self.wanted,
            rounds=tuple(self.figures),
        )


def interleaved(contests: Sequence[Contest], rounds: int) -> None:
    """Every contest once in each round, and then what came of it."""
    for number in range(rounds):
        for contest in contests:
            contest.turn(number)
    for contest in contests:
        tell(contest.line)
