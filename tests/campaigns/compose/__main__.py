"""`make compose-test`: the production shape, built and run for real, from nothing to one verified case.

It starts a Docker Engine that nobody else sees, makes stand-ins for the base images, builds the Dockerfile as it is and
runs docker-compose.yaml as it is. All of it ends with it. Where a machine refuses what an engine needs, it says `left
out` and why, and ends with 0; with COMPOSE_DEMAND=1 that is a failure.
"""

# ruff: noqa: T201 - it prints what it found

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.campaigns.compose import cases, machine
from tests.campaigns.compose.engine import Engine, EngineFailed, an_engine
from tests.campaigns.compose.progress import Progress
from tests.campaigns.compose.stack import ROOT, NotYet, Stack, copy_of_checkout
from tests.campaigns.compose.stand_ins import make_stand_ins

PEERS = ROOT / "var" / "peers"
#: seconds for one case
CASE_SECONDS = 180


def main() -> int:
    tell = Progress()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if refused := machine.refusal(PEERS / "bin"):
        print(f"left out: {refused}", flush=True)
        return 1 if os.environ.get("COMPOSE_DEMAND") == "1" else 0
    try:
        with _alone(), an_engine(PEERS / "compose" / "engine") as engine:
            tell("engine")
            verified = _one_case(engine, tell)
    except (EngineFailed, NotYet, AssertionError, subprocess.SubprocessError) as error:
        tell(f"FAILED: {error}")
        return 1
    print(f"verified {verified} in {tell.seconds:.0f} s", flush=True)
    return 0


def _one_case(engine: Engine, tell: Progress) -> str:
    """Returns the case's name."""
    make_stand_ins(engine, PEERS, tell)
    tree = copy_of_checkout(engine.folder / "tree")
    subprocess.run([sys.executable, str(tree / "deploy" / "make_secrets.py")], check=True, capture_output=True)
    stack = Stack(engine=engine, tree=tree, composer=PEERS / "bin" / "docker-compose")
    stack.compose("down", "--volumes", "--remove-orphans")  # what an interrupted run left in the engine's folder
    stack.compose("build", timeout=900)
    tell("image records-transfer")
    try:
        stack.compose("up", "--detach", "--wait")
        tell("up")
        case = cases.begin(stack, cases.a_chart())
        cases.finish(stack, [case], CASE_SECONDS)
        tell(f"case {case.name}: its packet verifies")
    except BaseException:
        _say_what_is_wrong(stack, tell)
        raise
    finally:
        stack.compose("down", "--volumes", is_tried=True)
        tell("down")
    return case.name


def _say_what_is_wrong(stack: Stack, tell: Progress) -> None:
    tell("services:\n" + stack.compose("ps", "--all", is_tried=True).stdout.decode(errors="replace"))
    tell("logs:\n" + stack.compose("logs", "--tail=15", is_tried=True).stdout.decode(errors="replace"))


@contextmanager
def _alone() -> Iterator[None]:
    """Wait until no other run in this checkout uses the engine's folder."""
    (PEERS / "compose").mkdir(parents=True, exist_ok=True)
    with Path(PEERS / "compose" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main())
