"""Alerts: when an installation tells somebody that something is wrong, and when that it is over.

One message when it begins and one when it is over, none between. What comes and goes within minutes begins nothing, and
what was away for less than that is not over. Nothing here is of a patient: names of parts and institutions, numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from transfer.identifiers import AlertId

#: something is wrong for so long before it begins; what is started anew is well again by then
AFTER: Final = timedelta(minutes=2)
#: and right for so long before it is over
CALM: Final = timedelta(minutes=5)
#: hand-overs of one message to one way that are tried, each later than the one before; then it is given up
TRIES: Final = 8

#: one that was asked may be silent for so long
SILENT: Final = timedelta(hours=1)
#: of the last exchanges with one side, how many there must be, and which part of them failed
FEW: Final = 10
FAILING: Final = 0.5
#: messages of one sender that say how long it usually pauses. A pause is too long from half as long again on, and
#: never a short one
USUAL: Final = 20
LONGER: Final = 1.5
PAUSE: Final = timedelta(hours=4)


class AlertCode(StrEnum):
    """What is wrong with the work itself. What is wrong with the machinery has the code of its fault."""

    SOURCE_SILENT = "source-silent"
    NOTHING_COMES = "nothing-comes"
    EXCHANGES_FAIL = "exchanges-fail"
    CASES_OVERDUE = "cases-overdue"


class AlertEdge(StrEnum):
    """Of which a message tells."""

    BEGAN = "began"
    OVER = "over"


class AlertWay(StrEnum):
    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing that is wrong at a moment. Code and `about` together say which: the same is the same alert."""

    code: str
    #: the part, disk or institution it is about; empty: the installation
    about: str = ""
    #: a number to the code: how many, percent, minutes, days
    amount: int | None = None
    #: why, in our own words
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something that is or was wrong. Times are UTC."""

    id: AlertId
    code: str
    about: str
    amount: int | None
    why: str
    #: since when it is seen
    seen_at: datetime
    #: when somebody was told; None: not for long enough yet
    began_at: datetime | None = None
    #: since when it is not seen any more
    missed_at: datetime | None = None
    over_at: datetime | None = None


class AlertStep(StrEnum):
    """What a look makes of an alert."""

    WAIT = "wait"
    BEGIN = "begin"
    #: not seen any more
    MISS = "miss"
    #: seen again before it was over
    RETURN = "return"
    END = "end"
    #: it went before anybody was told
    FORGET = "forget"


def step(alert: Alert, now: datetime, *, is_seen: bool) -> AlertStep:
    """What to do about an alert that is not over."""
    if alert.began_at is None:
        if not is_seen:
            return AlertStep.FORGET
        return AlertStep.BEGIN if now - alert.seen_at >= AFTER else AlertStep.WAIT
    if is_seen:
        return AlertStep.RETURN if alert.missed_at else AlertStep.WAIT
    if alert.missed_at is None:
        return AlertStep.MISS
    return AlertStep.END if now - alert.missed_at >= CALM else AlertStep.WAIT


def try_again_after(tries: int) -> timedelta:
    """How long a message waits after so many tries: 1, 2, 4 … minutes, an hour at the most."""
    return timedelta(minutes=min(2 ** max(tries - 1, 0), 60))


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderPause:
    """How an institution that sends by itself usually pauses: its last messages, the longest time between two of them,
    and how long ago the last one came.
    """

    institution: str
    messages: int
    longest: timedelta
    now: timedelta


def troubles(
    *,
    silent: Mapping[str, timedelta],
    pauses: Sequence[SenderPause],
    failures: Mapping[tuple[str, str], Sequence[bool]],
    overdue: Mapping[str, int],
) -> Iterator[Trouble]:
    """What is wrong with the work.

    Args:
        silent: for how long an institution that was asked has answered nothing
        failures: of the last exchanges of each kind with each side, which failed
        overdue: by receiver, open cases that are not ready and are needed by tomorrow
    """
    for one, since in silent.items():
        if since > SILENT:
            yield Trouble(code=AlertCode.SOURCE_SILENT, about=one, amount=_minutes(since))
    for pause in pauses:
        if pause.messages >= USUAL and pause.now > max(PAUSE, pause.longest * LONGER):
            yield Trouble(code=AlertCode.NOTHING_COMES, about=pause.institution, amount=_minutes(pause.now))
    for (kind, one), failed in failures.items():
        if len(failed) >= FEW and sum(failed) >= FAILING * len(failed):
            part = round(100 * sum(failed) / len(failed))
            yield Trouble(code=AlertCode.EXCHANGES_FAIL, about=one, amount=part, why=kind)
    for one, cases in overdue.items():
        yield Trouble(code=AlertCode.CASES_OVERDUE, about=one, amount=cases)


def _minutes(time: timedelta) -> int:
    return int(time.total_seconds() // 60)
