"""One crash point after another: killed there, swept, processed, looked at."""

import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import psycopg

from tests.campaigns.chaos.points_checks import Picture, differences, picture, violations
from tests.campaigns.chaos.points_station import Situation, Station, ended
from tests.campaigns.chaos.points_tracing import (
    Deadly,
    Moment,
    Point,
    Recorder,
    ends_of_stretches,
    listed,
    spread,
    thinned,
)
from tests.kit.acts import swept
from tests.kit.house import House
from tests.kit.processing import process_all
from transfer.flow.housekeeping import remove_orphaned

#: after what a killed process had begun and nobody finished is removed
ABANDONED = timedelta(hours=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A verb in a situation. `again`: what whoever got no answer does, person or sender; the sweep does the rest."""

    name: str
    situation: str
    act: Callable[[House, dict[str, Any]], object]
    again: Callable[[House, dict[str, Any]], object] | None = None


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of one verb's points."""

    verb: str
    listed: int = 0
    stretches: int = 0
    run: int = 0
    #: points that were not passed the second time, and ended as if nobody had been killed
    missed: list[str] = field(default_factory=list)
    violations: dict[str, list[str]] = field(default_factory=dict)
    points: list[dict[str, object]] = field(default_factory=list)


def run_verb(
    station: Station, situation: Situation, verb: Verb, *, share: float, most: int | None = None
) -> Iterator[Outcome]:
    """Every end of a stretch, and a share of the other lines to show that they are the same. Yields after each point.

    With `most`, two or more, so many points at the most, spread evenly from the first to the last.
    """
    outcome = Outcome(verb=verb.name)
    moments = recorded(station, situation, verb)
    lines, ends = listed(moments), thinned(ends_of_stretches(moments))
    others = [point for point in lines if point not in set(ends)]
    dice = random.Random(verb.name)
    chosen = [*ends, *sorted(dice.sample(others, round(len(others) * share)))]
    if most is not None:
        chosen = spread(chosen, most)
    outcome.listed, outcome.stretches = len(lines), len({moment.stretch for moment in moments})
    outcome.points = _told(moments)
    without = _ending(station, situation, verb, None)
    if without.found:
        outcome.violations["without a kill"] = without.found
    yield outcome
    for point in chosen:
        with_kill = _killed_there(station, situation, verb, point)
        if with_kill.was_killed:
            outcome.run += 1
            _note_kill(outcome, point)
        else:
            outcome.missed.append(str(point))
        found = [*with_kill.found, *differences(with_kill.picture, without.picture)]
        if found:
            outcome.violations[str(point)] = found
        yield outcome


def _told(moments: list[Moment]) -> list[dict[str, object]]:
    """Each line with the stretches it lies in. Nobody was killed there yet."""
    stretches: dict[tuple[str, int, str], set[int]] = {}
    for moment in moments:
        stretches.setdefault((moment.point.file, moment.point.line, moment.point.function), set()).add(moment.stretch)
    return [
        {
            **asdict(point),
            "stretches": sorted(stretches[point.file, point.line, point.function]),
            "killed here": False,
        }
        for point in listed(moments)
    ]


def _note_kill(outcome: Outcome, point: Point) -> None:
    for each in outcome.points:
        if (each["file"], each["line"], each["function"]) == (point.file, point.line, point.function):
            each["killed here"] = True


def recorded(station: Station, situation: Situation, verb: Verb) -> list[Moment]:
    """Every moment of the verb, undisturbed."""

    def work() -> list[list[Any]]:
        station.filled(situation.objects)
        recorder = Recorder()
        recorder.start()
        verb.act(station.house, situation.known)
        recorder.stop()
        return [
            [one.point.file, one.point.line, one.point.function, one.point.visit, one.stretch]
            for one in recorder.moments
        ]

    station.put_into(situation)
    said = station.forked(work)
    return [
        Moment(Point(file=file, line=line, function=function, visit=visit), stretch)
        for file, line, function, visit, stretch in said
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ending:
    was_killed: bool
    picture: Picture
    found: list[str]


def _ending(station: Station, situation: Situation, verb: Verb, point: Point | None) -> _Ending:
    station.put_into(situation)
    code = ended(station.begun(lambda: _to_its_end(station, situation, verb, point)))
    if code not in (0, 9):
        return _Ending(was_killed=False, picture={}, found=[f"the verb failed ({code}): {station.what_it_said()}"])
    station.alone()
    try:
        seen, found = station.forked(lambda: _looked_after(station.house, situation, verb))
    except AssertionError as error:
        return _Ending(was_killed=code == 9, picture={}, found=[f"stuck: {error}"])
    return _Ending(was_killed=code == 9, picture=seen, found=found)


def _killed_there(station: Station, situation: Situation, verb: Verb, point: Point) -> _Ending:
    """Tried three times: two threads of a door may come to a line in another order."""
    for _ in range(3):
        found = _ending(station, situation, verb, point)
        if found.was_killed or found.found:
            return found
    return found


def _to_its_end(station: Station, situation: Situation, verb: Verb, point: Point | None) -> None:
    station.filled(situation.objects)
    if point:
        Deadly(point).start()
    verb.act(station.house, situation.known)


def _looked_after(house: House, situation: Situation, verb: Verb) -> tuple[Picture, list[str]]:
    """What happens by itself afterwards, without the wait; then everything is looked at."""
    if verb.again:
        verb.again(house, situation.known)
    for _ in range(3):
        swept(house)
        process_all(house.services)
        later(house, timedelta(minutes=2))
    later(house, ABANDONED)
    swept(house)
    process_all(house.services)
    remove_orphaned(house.services)
    return picture(house), violations(house)


def later(house: House, by: timedelta) -> None:
    """The clock of the ledger goes ahead."""
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        owner.execute("UPDATE transfer.clock SET ahead = ahead + %s", [by])
