"""Something goes wrong while cases are under way; how long until they went on, and whether anything is lost."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

from tests.campaigns.compose import cases
from tests.campaigns.compose.cases import Case
from tests.campaigns.compose.engine import EngineFailed
from tests.campaigns.compose.stack import Stack, until

#: seconds for cases under a fault, and how long the archive thinks before it answers meanwhile
FAULT_SECONDS, SLOW_SECONDS = 420, 8


def under(stack: Stack, act: Callable[[], None], whole: Counter[tuple[str, str]]) -> float:
    """Play two cases; `act` while an institution is being asked. Returns the seconds until a case went on.

    `whole` is what a case that nothing happened to has.

    Raises:
        AssertionError: a packet does not verify, a record is missing, or the ledger is not whole.
        NotYet: a case does not come to its end.
    """
    stack.order("archive", "behaviour", {"delay_seconds": SLOW_SECONDS})
    running = [cases.begin(stack, cases.a_chart()) for _ in range(2)]
    cases.open_cases(stack, running, FAULT_SECONDS)
    until("an archive is being asked", lambda: _is_asked(stack, running), FAULT_SECONDS)
    before = _changes(stack, running)
    began = time.monotonic()
    act()
    until("a case goes on", lambda: _changes(stack, running) != before, FAULT_SECONDS)
    went_on = time.monotonic() - began
    until("the archive is quick again", lambda: stack.order("archive", "behaviour", {"delay_seconds": 0}), 120)
    cases.finish(stack, running, FAULT_SECONDS)
    nothing_lost(stack, running, whole)
    return went_on


def nothing_lost(stack: Stack, over: Sequence[Case], whole: Counter[tuple[str, str]]) -> None:
    """Every case has each record once, and nobody is asked to mend something.

    Raises:
        AssertionError: a record is missing or came twice, or a decision is open that a fault brought.
    """
    for case in over:
        if (found := cases.records(stack, case)) != whole:
            raise AssertionError(f"{case.name} has {found - whole} too many and {whole - found} too few")
    names = {one.name for one in over}
    if asked := [one["code"] for one in stack.transfer("hold", "list") if one["subject"].partition("-")[0] in names]:
        raise AssertionError(f"decisions are open: {asked}")


def _is_asked(stack: Stack, running: Sequence[Case]) -> bool:
    return any(
        one["state"] == "asking" and one["institution"] == "mercy-imaging"
        for case in running
        for one in stack.transfer("case", "show", case.name)["requests"]
    )


def _changes(stack: Stack, running: Sequence[Case]) -> list[str]:
    """When each case last changed; a command that does not answer is tried again.

    Raises:
        EngineFailed: it did not answer.
    """
    return [stack.transfer("case", "show", case.name)["changed_at"] for case in running]


def busy_worker(stack: Stack) -> str:
    """The container of the worker that fetches from an institution now.

    Raises:
        NotYet: none does.
    """

    def look() -> str | None:
        for container in stack.containers("airflow-worker"):
            try:
                shown = stack.engine.text("top", container)
            except EngineFailed:
                continue
            if "airflow worker" in shown or "task runner" in shown:
                return container
        return None

    found: str = until("a worker has a task", look, 60)
    return found
