"""The campaign: cases in flight, one kill after another, and at the end everything is there, once.

python -m tests.campaigns.chaos 200 --seed 7
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.campaigns.chaos import checks
from tests.campaigns.chaos.campaign_people import PATIENCE, People
from tests.campaigns.chaos.campaign_worker import Worker
from tests.campaigns.chaos.checks import Fault
from tests.campaigns.chaos.kills import Kill, Killer, Moment, Moments, Planned, Target, table
from tests.kit.house import House

#: seconds in which the moment of one of the planned kills must come; then any moment will do
WAIT = 8.0
#: without these no case moves at all
TOPPLING = frozenset({Target.POSTGRES, Target.BACKEND, Target.API_SERVER, Target.SCHEDULER})
#: seconds after which the next of them dies even though no case has moved since the last
STANDSTILL = 60.0
#: how probable it is at each look, some twenty a second, that any moment will do
RANDOMLY = 0.02
#: from so many kills on each named moment must have been met; fewer may miss a rare one
MANY = 150

#: how slow the wires are, so that there is something to interrupt; a process that was killed has forgotten it
KNOBS: dict[Target, tuple[str, dict[str, object]]] = {
    Target.ARCHIVE: ("archive", {"bytes_per_second": 200_000}),
    Target.CENTER: ("center", {"bytes_per_second": 250_000}),
    Target.PATHOLOGY: ("pathology", {"attempts": 3, "ack_seconds": 5}),
}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    planned: Sequence[Planned]
    seed: int
    #: cases at any time
    at_once: int = 8
    #: seconds between two kills, at least
    pace: float = 5.0
    #: seconds a process is left alone after it came up again
    rest: float = 15.0


@dataclass(slots=True)
class Outcome:
    kills: list[Kill]
    faults: list[Fault] = field(default_factory=list)
    cases: int = 0
    messages: int = 0
    runs: int = 0
    red: int = 0
    chaotic_seconds: float = 0.0
    settling_seconds: float = 0.0

    def lines(self) -> Iterator[str]:
        """The report."""
        yield from table(self.kills)
        yield ""
        found = Counter(fault.kind for fault in self.faults)
        yield (
            f"{len(self.kills)} kills while {self.cases} cases went to their end and {self.messages} further messages "
            f"were acknowledged: {found['lost']} lost, {found['twice']} effective twice, {found['stuck']} stuck, "
            f"{found['wrong']} otherwise wrong"
        )
        yield f"killed for {self.chaotic_seconds:.0f} s, at rest {self.settling_seconds:.0f} s after"
        if self.runs:
            yield f"{self.runs} runs of Airflow, {self.red} of them red and followed by another"
        if moved := [kill for kill in self.kills if kill.last_moved is not None]:
            slowest = max(moved, key=lambda kill: kill.last_moved or 0.0)
            yield (
                f"longest from a kill to the case moving again: {slowest.last_moved:.1f} s "
                f"({slowest.target}, {slowest.moment}, case {slowest.slowest})"
            )
            first = max(moved, key=lambda kill: kill.first_moved or 0.0)
            yield f"longest without any case moving: {first.first_moved:.1f} s ({first.target}, {first.moment})"
        yield from (f"  {fault.kind}: {fault.what}" for fault in self.faults)


def never_met(planned: Sequence[Planned], kills: Sequence[Kill]) -> Iterator[Fault]:
    """Named moments at which somebody was to be killed often, and nobody ever was: nothing is known of these."""
    if len(planned) >= MANY:
        unmet = {one.moment for one in planned} - {kill.moment for kill in kills} - {Moment.RANDOM}
        yield from (Fault("untried", f"never met: {moment}") for moment in sorted(unmet))


class Campaign:
    """One campaign on one installation. `progress` is told how far it is, several times a second."""

    def __init__(
        self, house: House, wanted: Wanted, progress: Tell = lambda _: None, worker: Worker | None = None
    ) -> None:
        self.house = house
        self.wanted = wanted
        self.people = People(house, wanted.seed)
        self.killer = Killer(
            house, random.Random(wanted.seed), rest=wanted.rest, worker=worker.pid if worker else lambda: None
        )
        self._worker = worker
        self._progress = progress
        self._dice = random.Random(wanted.seed)
        self._over = threading.Event()
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """Kill, let come to rest, check."""
        for target in KNOBS:
            self._turn(target)
        self._lead_quietly()
        threads = [threading.Thread(target=self._lead, daemon=True) for _ in range(self.wanted.at_once)]
        threads.append(threading.Thread(target=self._feed, daemon=True))
        for thread in threads:
            thread.start()
        began = time.monotonic()
        self._kill_all()
        chaotic = time.monotonic() - began
        self._over.set()
        for thread in threads:
            while thread.is_alive():
                self._look()
                thread.join(0.5)
        return self._settle(chaotic)

    def _lead_quietly(self) -> None:
        """One case before anything is killed: what it has, every other must have at its end."""
        self._progress("before the first kill one case is led to its end")
        self.people.lead()
        self.people.notes.quiet = next(iter(self.people.notes.delivered), None)

    def _lead(self) -> None:
        while not self._over.is_set() and len(self.people.notes.stuck) < self.wanted.at_once:
            self.people.lead()

    def _feed(self) -> None:
        """Messages about nobody known, from the laboratory's interface and from the laboratory's own process."""
        while not self._over.is_set():
            try:
                self.people.unmatched(3)
                self.people.order("pathology", "send-other-patients", {"count": 3, "connections": 2})
            except AssertionError as error:
                self.people.notes.stuck.append(f"unmatched: {error}")
                return
            self._over.wait(2.0)

    # --- killing ------------------------------------------------------------------------------------------------------

    def _kill_all(self) -> None:
        wanted = list(self.wanted.planned)
        moments = Moments(self.house, self.people.is_sending)
        self.people.until("a case is under way", lambda: len(self.people.notes.cases) > 1)
        due = time.monotonic()
        while wanted and len(self.people.notes.stuck) < self.wanted.at_once:
            self._look()
            if time.monotonic() >= due and self._kill_one(wanted, moments, waited=time.monotonic() - due):
                due = time.monotonic() + self.wanted.pace * self._dice.uniform(0.6, 1.4)
            time.sleep(0.04)
        moments.close()

    def _kill_one(self, wanted: list[Planned], moments: Moments, *, waited: float) -> bool:
        """The first planned kill whose moment is now and whose target is well; after `WAIT` seconds at any moment."""
        now = {*Moment} if waited > WAIT else moments.now()
        if waited < WAIT / 4:  # a task nearly always has its round: what is rarer goes before
            now -= {Moment.TAKEN}
        if self._dice.random() < RANDOMLY:
            now |= {Moment.RANDOM}
        may_topple = self._may_topple(moments)
        for one in [one for one in wanted if one.moment in now and self.killer.is_well(one.target)]:
            if one.target in TOPPLING and not may_topple:
                continue
            met = one.moment if waited <= WAIT else Moment.RANDOM
            if self.killer.kill(one.target, met):
                wanted.remove(one)
                return True
        return False

    def _may_topple(self, moments: Moments) -> bool:
        """What all others stand on dies only in a house at work: a case has moved since the last time."""
        before = [kill for kill in self.killer.made if kill.target in TOPPLING]
        if not before or time.monotonic() - before[-1].made > STANDSTILL:
            return True
        return all(self.killer.is_up(target) for target in TOPPLING) and moments.has_moved(before[-1].at)

    def _look(self) -> None:
        if self._worker:
            self._worker.look()
        for target in self.killer.look():
            if target in KNOBS:
                threading.Thread(target=self._turn, args=(target,), daemon=True).start()
        notes = self.people.notes
        done = len(self.killer.made)
        bar = "#" * (30 * done // max(1, len(self.wanted.planned)))
        self._progress(
            f"[{bar:<30}] {done}/{len(self.wanted.planned)} kills · {len(notes.delivered)} cases at their end · "
            f"{len(notes.cases) - len(notes.delivered)} in flight · {time.monotonic() - self._began:.0f} s"
        )

    def _turn(self, target: Target) -> None:
        self.people.order(KNOBS[target][0], "behaviour", KNOBS[target][1])

    # --- the end ------------------------------------------------------------------------------------------------------

    def _settle(self, chaotic: float) -> Outcome:
        began = time.monotonic()
        notes = self.people.notes
        self.people.until("all is up", self._is_all_up)
        outcome = Outcome(self.killer.made, cases=len(notes.delivered), messages=len(notes.messages))
        outcome.chaotic_seconds = chaotic
        outcome.faults += checks.come_to_rest(self.house, PATIENCE)
        outcome.settling_seconds = time.monotonic() - began
        checks.measure(self.house, self.killer.made, notes.cases)
        outcome.faults += checks.faults(self.house, notes)
        outcome.faults += checks.tidy(self.house, PATIENCE / 2)
        outcome.faults += never_met(self.wanted.planned, self.killer.made)
        states = [state for _, _, state in checks.runs(self.house)]
        outcome.runs, outcome.red = len(states), states.count("failed")
        return outcome

    def _is_all_up(self) -> bool:
        self._look()
        return all(one.state in ("up", "done") for one in self.house.system.status())
