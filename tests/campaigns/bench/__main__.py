"""`make bench`: every measurement, each against another way of doing the same, taking turns.

    python -m tests.campaigns.bench [intake case_cost mllp_parse staging fetching ...]

Only ratios mean something on a machine that does other things too. It takes some minutes, uses loopback
alone, and ends by itself.
"""

# ruff: noqa: T201 - it prints what it measured

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.campaigns.bench import case_cost, fetching, intake, mllp_parse, one_patient, packing, staging, stopping

#: seconds after which whatever hangs is ended; servers stop on the way out
LONGEST = 350

_STAGING = "staging: a series into the store, against curl into boto3"


def _staging() -> None:
    if shutil.which("curl"):
        staging.main(96, 3)
    else:
        print("left out: there is no curl here")


BENCHES: dict[str, tuple[str, Callable[[], None]]] = {
    "intake": ("intake: messages a second, each durable before it is acknowledged", lambda: intake.main(3)),
    "case_cost": ("case_cost: milliseconds for one case among many others (a ratio near 1 is wanted)", case_cost.main),
    "mllp_parse": ("mllp_parse: reading and answering messages", mllp_parse.main),
    "staging": (_STAGING, _staging),
    "packing": ("packing: a packet of forty documents and twenty studies, in seconds and MB", packing.main),
    "one_patient": ("one_patient: twelve that write on one patient, for half a minute", lambda: one_patient.main(30)),
    "stopping": ("stopping: milliseconds until a stop is complete, with 64 open streams", stopping.main),
    "fetching": ("fetching: with more workers, behind a dead archive, a stat case among twenty", fetching.main),
}


def main(names: list[str]) -> int:
    if unknown := [name for name in names if name not in BENCHES]:
        print(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    # some start programs of their own, which import from here too
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(LONGEST)
    began = time.monotonic()
    for name in names or BENCHES:
        title, bench = BENCHES[name]
        print(f"\n{title}", flush=True)
        bench()
    print(f"\n{time.monotonic() - began:.0f} s")
    return 0


def _too_long(*_: object) -> None:
    raise TimeoutError(f"the benches took longer than {LONGEST} s: the machine is too busy to measure on")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
