"""The tasks: each takes or joins its round and does one step of `transfer.flow.rounds`."""

from collections.abc import Callable
from typing import TypeVar

from transfer.flow import rounds
from transfer_airflow.task_round import process

T = TypeVar("T")


def open_case() -> list[str]:
    return _task(rounds.open_case, otherwise=[])


def request(name: str) -> None:
    _task(rounds.request, name, otherwise=None)


def receive() -> None:
    _task(rounds.receive, otherwise=None)


def assemble() -> bool:
    return _task(rounds.assemble, otherwise=False)


def deliver(is_assembled: bool) -> None:
    if is_assembled:
        _task(rounds.deliver, otherwise=None)


def settle() -> None:
    _task(rounds.settle, otherwise=None)


def enforce() -> None:
    _task(rounds.enforce, otherwise=None)


def housekeeping() -> None:
    _task(rounds.housekeeping, otherwise=None)


def _task(step: Callable[..., T], *given: object, otherwise: T) -> T:
    """Do the step in its round; `otherwise` where the round is not ours."""
    dag, is_first = rounds.place_of(step)
    return process(dag, lambda services, taken: step(services, taken, *given), otherwise=otherwise, first=is_first)
