"""`make bench`: every measurement, each against another way of doing the same, taking turns.

    python -m tests.campaigns.bench [--list] [intake case_cost staging ...]

Only ratios mean something on a machine that does other things too: the load by others is told with each. All lines are
written to `var/bench/`, one file a run. It takes some minutes, uses loopback alone, and ends by itself.
"""

# ruff: noqa: T201 - it prints what it measured

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.campaigns.bench import (
    case_cost,
    cases,
    desk_pages,
    fetching,
    intake,
    long_messages,
    measure,
    mllp_parse,
    one_patient,
    packing,
    running_door,
    staging,
    stopping,
    verifying,
)

#: seconds after which what hangs is ended, of each; servers stop on the way out
LONGEST = 900
_ROOT = Path(__file__).parents[3]

BENCHES: dict[str, tuple[str, Callable[[], None]]] = {
    "intake": ("messages a second, each durable before it is acknowledged; by TLS, too", lambda: intake.main(3)),
    "running_door": ("messages a second at the door of an installation that leads cases", running_door.main),
    "long_messages": ("messages of 5 MB into the store", lambda: long_messages.main(2)),
    "cases": ("whole cases on a whole installation, against the same runs with empty tasks", cases.main),
    "case_cost": ("milliseconds for one case among 10,000 and 100,000 (a ratio near 1 is wanted)", case_cost.main),
    "mllp_parse": ("reading and answering messages", mllp_parse.main),
    "staging": ("a series into the store, against curl into boto3 and curl into curl", lambda: staging.main(96, 3)),
    "packing": ("a packet of forty documents and twenty studies", packing.main),
    "verifying": ("a packet and the trail verified", lambda: verifying.main(3)),
    "one_patient": ("twelve that write on one patient, for half a minute", lambda: one_patient.main(30)),
    "stopping": ("until a stop is complete, with 64 open streams", stopping.main),
    "desk": ("pages of the desk among 100,000 cases, nineteen of twenty closed, and among 1,000", desk_pages.main),
    "fetching": ("with more workers, behind a dead archive, a stat case among twenty", fetching.main),
}


def main() -> int:
    names = _asked()
    # some start programs of their own, which import from here too
    os.environ["PYTHONPATH"] = str(_ROOT)
    signal.signal(signal.SIGALRM, _too_long)
    began, told = datetime.now(UTC), []
    for name in names:
        title, bench = BENCHES[name]
        first, load, started = len(measure.table), os.getloadavg()[0], time.monotonic()
        print(f"\n{name}: {title} (load before: {load:.1f} on {os.cpu_count()} processors)", flush=True)
        signal.alarm(LONGEST)
        bench()
        signal.alarm(0)
        lines = [asdict(line) for line in measure.table[first:]]
        told.append({"bench": name, "load_before": load, "seconds": time.monotonic() - started, "lines": lines})
    print(f"\nWritten to {_written(began, told)}")
    return 0


def _asked() -> list[str]:
    said = argparse.ArgumentParser(prog="python -m tests.campaigns.bench", description=__doc__.split("\n")[0])
    said.add_argument("names", nargs="*", metavar="NAME", help="these alone; without a name all of them")
    said.add_argument("--list", action="store_true", help="say what there is")
    asked = said.parse_args()
    if asked.list:
        print("\n".join(f"{name:14} {title}" for name, (title, _) in BENCHES.items()))
        sys.exit(0)
    if unknown := [name for name in asked.names if name not in BENCHES]:
        said.error(f"no such bench: {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    return asked.names or list(BENCHES)


def _written(began: datetime, told: list[dict[str, Any]]) -> Path:
    folder = _ROOT / "var" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{began:%Y%m%dT%H%M%SZ}.json"
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=_ROOT, capture_output=True, text=True, check=False)
    here = {
        "at": began.isoformat(),
        "commit": commit.stdout.strip() or None,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
    }
    file.write_text(json.dumps({**here, "benches": told}, indent=1) + "\n")
    return file.relative_to(_ROOT)


def _too_long(*_: object) -> None:
    raise TimeoutError(f"one took longer than {LONGEST} s: the machine is too busy to measure on")


if __name__ == "__main__":
    sys.exit(main())
