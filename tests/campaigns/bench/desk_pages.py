"""The desk's pages among many cases: milliseconds of the slowest of twenty, beside the same among a few.

Each page is made whole, as a browser gets it, in this process. The two ledgers take turns.

    python -m tests.campaigns.bench desk                              100,000 cases beside 1,000
    python -m tests.campaigns.bench.desk_pages CASES BESIDE ROUNDS
"""

# ruff: noqa: T201 - it prints what it measured

import itertools
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

from tests.campaigns.bench.many_cases import Filled, many_cases
from tests.campaigns.bench.measure import Line, tell
from tests.kit.desk_client import Desk
from tests.kit.papers import a_pdf
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.rights import Role

MANY, FEW, ROUNDS = 100_000, 1_000, 40
#: of a page, by the 95th percentile, on two cores that do nothing else
MOST_MILLISECONDS: Final = 300
#: how many times slower a page may be among a hundred times as many cases
MOST_SLOPE: Final = 1.1


class Measured:
    """One desk, and how long its pages took."""

    def __init__(self, filled: Filled) -> None:
        self.filled = filled
        self._desk = Desk(filled.services)
        self._desk.sign_in(Role.OFFICER)
        self._cases = itertools.cycle(filled.cases)
        self._names = itertools.cycle([*filled.names[:3], "Smith", "Gar", "Barcorden"])
        for pages in range(1, 8):
            verbs.upload_paper(filled.services, a_pdf(pages), actor=ANN)
        self.took: dict[str, list[float]] = {}

    @property
    def pages(self) -> dict[str, Callable[[], int]]:
        return {
            "today": lambda: self._get("/desk/"),
            "others, page 40": lambda: self._get("/desk/list/others?page=40"),
            "find by name": lambda: self._find({"name": next(self._names)}),
            "find by birth date": lambda: self._find({"born": "5/12/1958"}),
            "case": lambda: self._get(f"/desk/cases/{next(self._cases)}"),
            "to do": lambda: self._get("/desk/decisions"),
            "to do, page 2": lambda: self._get("/desk/decisions?page=2"),
            "incoming": lambda: self._get("/desk/incoming"),
        }

    def turn(self, name: str) -> None:
        began = time.perf_counter()
        status = self.pages[name]()
        self.took.setdefault(name, []).append((time.perf_counter() - began) * 1000)
        assert status == 200, f"{name}: {status}"

    def slowest_of_twenty(self, name: str) -> float:
        ordered = sorted(self.took[name])
        return ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]

    def median(self, name: str) -> float:
        return sorted(self.took[name])[len(self.took[name]) // 2]

    def _get(self, path: str) -> int:
        return int(self._desk.get(path).status_code)

    def _find(self, fields: dict[str, str | list[str]]) -> int:
        return int(self._desk.post("/desk/find", fields).status_code)


def main(many: int = MANY, few: int = FEW, rounds: int = ROUNDS) -> None:
    with ExitStack() as stack:
        began = time.monotonic()
        measured = [Measured(stack.enter_context(many_cases(count))) for count in (many, few)]
        print(f"{many:,} and {few:,} cases made in {time.monotonic() - began:.0f} s", flush=True)
        for one in measured:
            for name in one.pages:  # what is read for the first time is not measured
                one.turn(name)
            one.took.clear()
        for number in range(rounds):
            for one in measured if number % 2 else reversed(measured):
                for name in one.pages:
                    one.turn(name)
        large, small = measured
        for name in large.pages:
            tell(
                Line(
                    name=f"{name}, p95 among {many:,}",
                    figure=large.slowest_of_twenty(name),
                    unit="ms",
                    wanted=f"<= {MOST_MILLISECONDS}",
                )
            )
            tell(
                Line(
                    name=f"{name}, median",
                    figure=large.median(name),
                    unit="ms",
                    against=f"among {few:,}",
                    other=small.median(name),
                    ratio=large.median(name) / small.median(name),
                    wanted=f"<= {MOST_SLOPE}",
                )
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:4]))
