"""How long a stop takes: from the revocation to no stream being open any more, by the ledger's own clock.

With 64 open streams against one, on a quiet machine and with twelve busy processes beside. The streams have no
receiver: what is measured is looking, ruling, cutting and writing.

    python -m tests.campaigns.bench.stopping [ROUNDS] [BUSY]
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext

from tests.campaigns.bench.ledgers import bench_ledger
from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.kit.builders import new_services
from tests.kit.load import busy_processes
from tests.kit.open_streams import Giving
from transfer.identifiers import PacketId
from transfer.ledger import permissions

STREAMS, BUSY = 64, 12
#: a stop is to be complete within
SECONDS = 5.0


@contextmanager
def _giving() -> Iterator[Giving]:
    with bench_ledger() as made:
        giving = Giving(new_services(made.ledger), made.owner_url)
        yield giving
        giving.outgoing.shut()


def stopped_after(giving: Giving, streams: int, busy: int) -> float:
    """Milliseconds until the stop is complete, of so many streams of one packet."""
    packet = giving.a_packet()
    for _ in range(streams):
        giving.give(packet)
    with giving.watched():
        time.sleep(1.2)  # in which the watcher comes to its rhythm
        with busy_processes(busy) if busy else nullcontext():
            permission = giving.revoke(packet)
            return _complete(giving, packet, permission)


def _complete(giving: Giving, packet: PacketId, permission: str) -> float:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with giving.services.ledger.transaction() as tx:
            filed = permissions.filed(tx, giving.patient(packet))
        found = next(one for one in filed if one.permission.id == permission)
        if found.stop_completed_at and found.ended_at:
            return (found.stop_completed_at - found.ended_at).total_seconds() * 1000
        time.sleep(0.05)
    raise TimeoutError("the stop is not complete after a minute")


def main(rounds: int = 3, busy: int = BUSY) -> None:
    with _giving() as giving:
        contests = [
            Contest(
                name=f"a stop with {STREAMS} streams{beside}",
                unit="ms",
                ours=_timed(giving, STREAMS, count),
                other=_timed(giving, 1, count),
                against="with one",
            )
            for beside, count in (("", 0), (f", {busy} busy", busy))
        ]
        interleaved(contests, rounds)
    worst = max(ours for contest in contests for ours, _ in contest.figures)
    middle = statistics.median(ours for ours, _ in contests[-1].figures)
    tell(Line(name="the longest stop", figure=worst, unit="ms", wanted=f"<= {SECONDS * 1000:.0f}"))
    tell(Line(name="the median stop, busy", figure=middle, unit="ms"))


def _timed(giving: Giving, streams: int, busy: int) -> Callable[[], float]:
    return lambda: stopped_after(giving, streams, busy)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
