"""The dispatcher: owed rounds become runs, runs that came to nothing become rounds again, sentences become notes.

It carries nothing and decides nothing about a case. Several may run at once; a post twice is a run once. SIGTERM ends
it: what it has asked of Airflow is answered first, for TRANSFER_GRACE_SECONDS at the most.

    python -m transfer.dispatcher
"""

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from typing import TypeVar

from transfer import health, logs, metrics, spans, versions, wiring
from transfer.adapters.airflow_api import AirflowApi, Noted, Posted
from transfer.errors import TransferError, TurnedAway, Unavailable, Unexpected
from transfer.flow.ledger_metrics import LedgerMetrics
from transfer.health import Readiness
from transfer.holds import HoldCode
from transfer.identifiers import INBOX
from transfer.ledger import Ledger, Tx, holds, purging, requests, rounds, turns
from transfer.ledger.waking import Waking
from transfer.rounds import Dag, Round, RunState, SweepAction, judge

log = logging.getLogger("transfer.dispatcher")

T = TypeVar("T")

#: seconds between two looks at what is owed where nobody tells of more, two sweeps, and two looks at what lapsed
POST_EVERY_SECONDS, SWEEP_EVERY_SECONDS, HOUSEKEEPING_EVERY_SECONDS = 0.2, 2.0, 30.0
#: seconds from hearing of a round to looking: what is owed together is claimed together
GATHER_SECONDS = 0.01
#: a round posted so lately is not looked for in Airflow: its task has hardly begun
SETTLING = timedelta(seconds=5)
#: seconds until it is said again that a run takes too long
ALARM_AGAIN_SECONDS = 600.0
#: Airflow may keep one question waiting so long; if nothing moves for longer, something holds us
MAX_STILL_SECONDS = 300.0
#: how much later a post is tried again
RETRY_AFTER_NOT_NOW = timedelta(seconds=2)
RETRY_AFTER_NO_DAG = timedelta(seconds=5)
RETRY_AFTER_REFUSED = timedelta(seconds=30)


class Dispatcher:
    """One dispatcher. `step` does what is due at this moment and can be called as often as one likes. Once `stopped`
    says so it asks Airflow nothing more.
    """

    def __init__(self, ledger: Ledger, airflow: AirflowApi, stopped: Callable[[], bool] = lambda: False) -> None:
        self._ledger = ledger
        self._airflow = airflow
        self._stopped = stopped
        self._next_sweep = 0.0
        self._next_housekeeping = 0.0
        #: run → when it was last said that it takes too long
        self._alarmed: dict[str, float] = {}
        self._moved_at = time.monotonic()

    def is_turning(self) -> bool:
        """It has moved on lately, whatever it met: nothing holds it."""
        return time.monotonic() - self._moved_at < MAX_STILL_SECONDS

    def _each(self, things: Iterable[T]) -> Iterator[T]:
        """One after the other, until stopped."""
        for thing in things:
            if self._stopped():
                return
            self._moved_at = time.monotonic()
            yield thing

    def step(self) -> None:
        """Post, note, and when it is time sweep."""
        self._moved_at = time.monotonic()
        self.post()
        self.note()
        now = time.monotonic()
        if now >= self._next_sweep:
            self.sweep()
            self._next_sweep = now + SWEEP_EVERY_SECONDS
        if now >= self._next_housekeeping:
            self.housekeeping()
            self._next_housekeeping = now + HOUSEKEEPING_EVERY_SECONDS

    def post(self) -> None:
        """Post what is owed. What Airflow does not take is tried again; no round blocks another."""
        with self._ledger.transaction() as tx:
            owed = rounds.claim(tx, rounds.postable(tx))
        for one in self._each(owed):
            self._post(one)

    def _post(self, one: Round) -> None:
        try:
            with spans.span("post", one.subject, dag=one.dag, subject=one.subject, round=one.number):
                answer = self._airflow.post_run(one.dag, one.run_id, {"subject": one.subject, "round": one.number})
        except Unavailable as error:
            log.warning("post %s %s: %s", one.dag, one.run_id, error)
            self._postpone(one, RETRY_AFTER_NOT_NOW)
            return
        except TransferError as error:
            log.error("post %s %s: %s", one.dag, one.run_id, error)
            self._postpone(one, RETRY_AFTER_REFUSED)
            return
        if answer is Posted.THERE:
            with self._ledger.transaction() as tx:
                rounds.posted(tx, one)
            return
        log.log(
            logging.ERROR if answer is Posted.REFUSED else logging.WARNING,
            "post %s %s: %s (is the DAG free of import errors?)",
            *(one.dag, one.run_id, answer),
        )
        self._postpone(one, RETRY_AFTER_REFUSED if answer is Posted.REFUSED else RETRY_AFTER_NO_DAG)

    def _postpone(self, one: Round, delay: timedelta) -> None:
        with self._ledger.transaction() as tx:
            rounds.postpone(tx, one, delay)

    def note(self) -> None:
        """Put the sentence a task left onto its run."""
        with self._ledger.transaction() as tx:
            waiting = rounds.unnoted(tx)
        for one, sentence in self._each(waiting):
            try:
                if self._airflow.note(one.dag, one.run_id, sentence) is Noted.NOT_NOW:
                    continue
            except Unexpected as error:
                log.error("note %s %s: %s", one.dag, one.run_id, error)  # it is not worth holding up the others
            with self._ledger.transaction() as tx:
                rounds.noted(tx, one, sentence)

    def sweep(self) -> None:
        """Look at every run that should have said *done* and has not, at the turns that nobody gave back, and at the
        sources that are late.
        """
        with self._ledger.transaction() as tx:
            turns.sweep(tx)
            requests.sweep(tx)
        with self._ledger.transaction() as tx:
            now = tx.now()
            unfinished = [one for one in rounds.unfinished(tx) if not one.posted_at or now - one.posted_at >= SETTLING]
        live = {dag: self._airflow.live_runs(dag) for dag in self._each({one.dag for one in unfinished})}
        for one in self._each(unfinished):
            try:
                state = live.get(one.dag, {}).get(one.run_id) or self._airflow.run_state(one.dag, one.run_id)
            except Unexpected as error:
                log.error("look at %s %s: %s", one.dag, one.run_id, error)
                continue
            self._act(one, state, judge(one, state, now))

    def _act(self, one: Round, state: RunState, verdict: SweepAction) -> None:
        match verdict:
            case SweepAction.ALARM:
                self._alarm(one, state)
            case SweepAction.AGAIN:
                with self._ledger.transaction() as tx:
                    if rounds.again(tx, one, state):
                        log.warning("%s %s ended %s without done: again", one.dag, one.run_id, state)
            case SweepAction.HOLD:
                with self._ledger.transaction() as tx:
                    if rounds.give_up(tx, one, state):
                        _ask_a_person(tx, one)
                        log.error("%s %s ended %s too often: held", one.dag, one.run_id, state)
            case SweepAction.WAIT:
                pass

    def _alarm(self, one: Round, state: RunState) -> None:
        """Say so now and then, not at every look."""
        now = time.monotonic()
        self._alarmed = {run: at for run, at in self._alarmed.items() if now - at < ALARM_AGAIN_SECONDS}
        if one.run_id not in self._alarmed:
            self._alarmed[one.run_id] = now
            why = "is the DAG paused?" if state is RunState.QUEUED else "do its tasks wait for a slot?"
            log.error("%s %s is %s for too long (%s)", one.dag, one.run_id, state, why)

    def housekeeping(self) -> None:
        """Owe a round for what lapsed by itself: unmatched messages whose time is over, orphaned objects."""
        with self._ledger.transaction() as tx:
            if purging.is_housekeeping_due(tx):
                rounds.owe(tx, Dag.HOUSEKEEPING, INBOX)


def _ask_a_person(tx: Tx, one: Round) -> None:
    """A hold on the case, also where the round was about one of its packets."""
    case = one.subject.partition("-")[0]
    holds.place(tx, case, HoldCode.MACHINERY_BROKEN, one.dag)


def run(dispatcher: Dispatcher, waking: Waking, stopped: Callable[[], bool], wait: Callable[[float], object]) -> None:
    """Step until stopped, at once when a round is owed. Airflow or the ledger being away is waited out."""
    pause = POST_EVERY_SECONDS
    while not stopped():
        try:
            dispatcher.step()
            pause = POST_EVERY_SECONDS
            if waking.wait(pause):
                wait(GATHER_SECONDS)
            continue
        except TurnedAway as error:
            log.error("%s", error)
            pause = 10.0
        except TransferError as error:
            log.warning("%s", error)
            pause = min(pause * 2, 5.0)
        wait(pause)


def main() -> None:
    logs.configure()
    spans.configure("dispatcher", versions.ours())
    settings = wiring.load_settings()
    stop = threading.Event()
    ledger = wiring.ledger(settings, wiring.origin("dispatcher"), connections=3)
    airflow = wiring.airflow(settings)
    dispatcher = Dispatcher(ledger, airflow, stop.is_set)
    measured = wiring.ledger(settings, ledger.origin, connections=1, wait_seconds=wiring.CHECK_SECONDS)
    scraped = partial(metrics.exposed, LedgerMetrics(measured))
    waking = Waking(ledger, stop.wait)
    with closing(ledger), closing(measured), closing(waking), wiring.checks(settings, ledger) as checks:
        readiness = Readiness({**checks, "airflow": airflow.answers})

        def end(*_: object) -> None:
            """Not ready at once; what was asked of Airflow may still be answered, for so long."""
            readiness.stop()
            stop.set()
            later = threading.Timer(settings.grace_seconds, airflow.cut)
            later.daemon = True
            later.start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)
        with health.served(settings.health, readiness, is_live=dispatcher.is_turning, metrics=scraped):
            run(dispatcher, waking, stop.is_set, stop.wait)


if __name__ == "__main__":
    main()
