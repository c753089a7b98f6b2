"""The desk's pages among many cases: milliseconds of the slowest of twenty, beside the same among a few.

Each page is made whole, as a browser gets it, in this process. The two ledgers take turns. Both show as many lines of
each page, and say so: what shows more takes longer however many cases there are.

    python -m tests.campaigns.bench desk                              100,000 cases beside 1,000
    python -m tests.campaigns.bench.desk_pages CASES BESIDE ROUNDS
"""

# ruff: noqa: T201 - it prints what it measured

import itertools
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

from httpx2 import Response

from tests.campaigns.bench.case_cost import WARM
from tests.campaigns.bench.many_cases import RARE_NAME, SOUGHT_BORN, Filled, many_cases
from tests.campaigns.bench.measure import Line, tell
from tests.kit.desk_client import Desk
from tests.kit.papers import a_pdf
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.pages.forms import TOKEN
from transfer.rights import Role

MANY, FEW, ROUNDS = 100_000, 1_000, 40
#: so many are open where they are few: then each list has as many lines as it shows
OPEN_OF_FEW: Final = 600
#: of a page, by the 95th percentile, on two cores that do nothing else
MOST_MILLISECONDS: Final = 300
#: the same of a search
MOST_TO_FIND: Final = 100
#: how many times slower a page may be among a hundred times as many cases
MOST_SLOPE: Final = 1.1
#: of the lists among many; among few there is none
_FAR: Final = "others, page 40"


@dataclass
class Turn:
    """How long a page took, in milliseconds, and how many lines of tables it showed."""

    took: float
    lines: int


class Measured:
    """One desk, and what its pages took."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self._desk = Desk(filled.services)
        self._desk.sign_in(Role.OFFICER)
        self._cases = itertools.cycle(filled.cases)
        self._names = itertools.cycle(filled.names)
        for pages in range(1, 8):
            verbs.upload_paper(filled.services, a_pdf(pages), actor=ANN)
        self.turns: dict[str, list[Turn]] = {}

    @property
    def pages(self) -> dict[str, Callable[[], Response]]:
        born = f"{SOUGHT_BORN:%m/%d/%Y}"
        return {
            "today": lambda: self._get("/desk/"),
            "others": lambda: self._get("/desk/list/others"),
            _FAR: lambda: self._get("/desk/list/others?page=40"),
            "find by name": lambda: self._find(name=next(self._names)),
            "find by a common name": lambda: self._find(name="Smith"),
            "find by three letters": lambda: self._find(name="Smi"),
            "find by full name": lambda: self._find(name=f"Mary {RARE_NAME}"),
            "find by a common full name": lambda: self._find(name="Mary Smith"),
            "find by birth date": lambda: self._find(born=born),
            "find by name and birth date": lambda: self._find(name="Smith", born=born),
            "case": lambda: self._get(f"/desk/cases/{next(self._cases)}"),
            "to do": lambda: self._get("/desk/decisions"),
            "to do, page 2": lambda: self._get("/desk/decisions?page=2"),
            "incoming": lambda: self._get("/desk/incoming"),
        }

    def turn(self, name: str) -> None:
        began = time.perf_counter()
        answer = self.pages[name]()
        took = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, f"{name}: {answer.status_code}"
        self.turns.setdefault(name, []).append(Turn(took, answer.text.count("<tr>")))

    def slowest_of_twenty(self, name: str) -> float:
        ordered = sorted(turn.took for turn in self.turns[name])
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]

    def median(self, name: str) -> float:
        return statistics.median(turn.took for turn in self.turns[name])

    def lines(self, name: str) -> float:
        """Of the median page."""
        return statistics.median(turn.lines for turn in self.turns[name])

    def _get(self, path: str) -> Response:
        return self._desk.client.get(path)

    def _find(self, **fields: str) -> Response:
        return self._desk.client.post("/desk/find", data={TOKEN: self._desk.token, **fields})


def main(many: int = MANY, few: int = FEW, rounds: int = ROUNDS) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        large = Measured(stack.enter_context(many_cases(many)))
        small = Measured(stack.enter_context(many_cases(few, at_least_open=OPEN_OF_FEW)))
        print(f"{many:,} and {few:,} cases made in {time.monotonic() - began:.0f} s", flush=True)
        for number in range(-WARM, rounds):
            for one in (large, small) if number % 2 else (small, large):
                if number == 0:
                    one.turns.clear()
                for name in one.pages:
                    one.turn(name)
        for name in large.pages:
            _tell(large, small, name)


def _tell(large: Measured, small: Measured, name: str) -> None:
    """A page among many, and beside the same among few; of the list that is as long only among many, its first page."""
    most = MOST_TO_FIND if name.startswith("find") else MOST_MILLISECONDS
    slowest = large.slowest_of_twenty(name)
    tell(Line(name=f"{name}, p95 among {large.filled.count:,}", figure=slowest, unit="ms", wanted=f"<= {most}"))
    beside, of = (large, "others") if name == _FAR else (small, name)
    lines, others = large.lines(name), beside.lines(of)
    tell(
        Line(
            name=f"{name}, median, {lines:.0f} lines",
            figure=large.median(name),
            unit="ms",
            against=f"{others:.0f} lines, " + ("its page 1" if beside is large else f"among {small.filled.count:,}"),
            other=beside.median(of),
            ratio=large.median(name) / beside.median(of),
            wanted=f"<= {MOST_SLOPE}",
        )
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
