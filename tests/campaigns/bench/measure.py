"""Two ways of doing the same thing, taking turns: on a machine that is not quiet only their ratio means something."""

# ruff: noqa: T201 - it prints what it measured

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Contest:
    """What is compared. Each way does its work once and returns its figure, such as messages a second."""

    name: str
    unit: str
    ours: Callable[[], float]
    other: Callable[[], float]
    #: what the other way is called
    against: str
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

    def __str__(self) -> str:
        ours, theirs = (statistics.median(column) for column in zip(*self.figures, strict=True))
        return f"{self.name:<32} {ours:9.1f} {self.unit:<5} {self.against} {theirs:9.1f}   ratio {self.ratio:5.2f}"


def interleaved(contests: Sequence[Contest], rounds: int) -> None:
    """Every contest once in each round, and then what came of it."""
    for number in range(rounds):
        for contest in contests:
            contest.turn(number)
    for contest in contests:
        print(contest, flush=True)
