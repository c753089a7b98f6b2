"""Killed at any line, a verb loses nothing, does nothing twice, and leaves nothing open: a few of all the points.

All of them: `make crash-points`.
"""

import inspect
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.campaigns.chaos import points
from tests.campaigns.chaos.points_running import Outcome, Verb, run_verb
from tests.campaigns.chaos.points_situations import Known, handing_over, taken
from tests.campaigns.chaos.points_station import Situation, Station
from tests.campaigns.chaos.points_tracing import Moment, Point, ends_of_stretches, listed, spread, thinned
from tests.campaigns.chaos.points_verbs import OF_THE_DESK, VERBS
from tests.kit.house import House, a_house
from transfer.flow import desk
from transfer.flow.assemble import assemble
from transfer.identifiers import PacketId
from transfer.ledger import rounds
from transfer.rounds import Dag

#: a verb of each kind, so that each way of dying is tried in every run of all tests
FEW = ("ask for documents", "deliver a packet", "settle: accepted", "desk: revoke", "door: a long report")


def at(line: int, visit: int = 1) -> Point:
    return Point(file="flow/open_case.py", line=line, function="open_case", visit=visit)


def test_a_stretch_ends_where_something_was_done_outside() -> None:
    moments = [Moment(at(1), 0), Moment(at(2), 0), Moment(at(3), 0), Moment(at(4), 1), Moment(at(2, 2), 2)]

    assert listed(moments) == [at(1), at(2), at(3), at(4)]
    assert ends_of_stretches(moments) == [at(1), at(3), at(4), at(2, 2)]


def test_of_a_loop_the_first_two_times_and_the_last_are_run() -> None:
    assert thinned([at(7, visit) for visit in range(1, 9)]) == [at(7, 1), at(7, 2), at(7, 8)]


def test_a_few_points_are_taken_from_the_first_to_the_last() -> None:
    points_ = [at(line) for line in range(1, 11)]

    assert spread(points_, 3) == [at(1), at(5), at(10)]
    assert spread(points_[:2], 3) == [at(1), at(2)]


def test_every_verb_of_a_person_at_the_desk_has_its_crash_points() -> None:
    named = {name for verb in OF_THE_DESK for name in verb.act.__code__.co_names}
    of_a_person = {
        name
        for name, verb in inspect.getmembers(desk, inspect.isfunction)
        if inspect.signature(verb).return_annotation is desk.ActionResult
    }

    assert len(of_a_person) > 10
    assert of_a_person - named == set()


def test_a_verb_for_which_nobody_was_killed_proves_nothing() -> None:
    killed = Outcome(verb="desk: waive", run=9)
    missed = Outcome(verb="desk: waive", run=9, missed=["flow/desk/cases.py:1"])
    at_a_door = Outcome(verb="door: a report", run=9, missed=["gateway/intake.py:1"] * points.REORDERED)
    more = Outcome(verb="door: a report", run=9, missed=["gateway/intake.py:1"] * (points.REORDERED + 1))

    assert [bool([*points.not_proved(one)]) for one in (killed, missed, at_a_door, more, Outcome(verb="door: a"))] == [
        False,
        True,
        False,
        True,
        True,
    ]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def house(folder: Path) -> Iterator[House]:
    with a_house(folder / "var") as house:
        yield house


@pytest.fixture(scope="module")
def situations(house: House, folder: Path) -> dict[str, Situation]:
    names = {verb.situation for verb in VERBS if verb.name in FEW}
    return points.prepared(house, folder, names)


@pytest.fixture(scope="module")
def station(house: House, folder: Path, situations: dict[str, Situation]) -> Iterator[Station]:
    with Station(house, folder, 1) as station:
        yield station


@pytest.mark.servers
@pytest.mark.parametrize("name", FEW)
def test_a_verb_killed_anywhere_comes_to_the_end_it_comes_to_otherwise(
    station: Station, situations: dict[str, Situation], name: str
) -> None:
    (verb,) = [verb for verb in VERBS if verb.name == name]

    outcome = run(station, situations, verb)

    assert outcome.violations == {}
    assert (outcome.run, outcome.missed) == (3, [])


@pytest.mark.servers
def test_what_was_live_in_a_situation_is_live_again_however_long_ago_that_was(
    station: Station, situations: dict[str, Situation]
) -> None:
    """A lease ends after half a minute, and a campaign takes many."""
    situation = situations["assembled"]

    station.put_into(replace(situation, at=situation.at - timedelta(hours=1)))

    assert station.forked(lambda: _seconds_after(station, situation.at)) < 0


@pytest.mark.servers
def test_a_verb_that_says_done_too_early_is_found_out(station: Station, situations: dict[str, Situation]) -> None:
    def hasty(house: House, known: Known) -> None:
        ours = taken(house.services, Dag.RELEASE_PACKET)
        with house.services.ledger.transaction() as tx:
            rounds.done(tx, ours, "handed over")
        assemble(house.services, PacketId(known["packet"]))
        handing_over(house.services, known["packet"])

    outcome = run(station, situations, Verb(name="hasty", situation="assembled", act=hasty), most=None)

    assert "without a kill" not in outcome.violations
    assert any("disclosures: missing" in line for found in outcome.violations.values() for line in found)


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_crash_point_of_every_writing_verb() -> None:
    assert points.main([]) == 0


def _seconds_after(station: Station, moment: datetime) -> float:
    """By the station's clock."""
    with station.house.services.ledger.transaction() as tx:
        return (tx.now() - moment).total_seconds()


def run(station: Station, situations: dict[str, Situation], verb: Verb, *, most: int | None = 3) -> Outcome:
    """Some of its points; None: the end of each stretch."""
    *_, outcome = run_verb(station, situations[verb.situation], verb, share=0.0, most=most)
    return outcome
