"""`make compose-test`: the production shape, built and run for real, from nothing to one verified case.

It starts a Docker Engine that nobody else sees, makes stand-ins for the base images, builds the Dockerfile as it is and
runs docker-compose.yaml as it is. All of it ends with it. Where a machine refuses what an engine needs, it says `left
out` and why, and ends with 0; with COMPOSE_DEMAND=1 that is a failure.
"""

# ruff: noqa: T201 - it prints what it found

import signal
import subprocess
import sys

from tests.campaigns.compose import cases, connections, edge, machine
from tests.campaigns.compose.engine import EngineFailed, an_engine
from tests.campaigns.compose.progress import Progress
from tests.campaigns.compose.running import ENGINE, PEERS, alone, built, up
from tests.campaigns.compose.stack import NotYet

#: seconds for one case
CASE_SECONDS = 240


def main() -> int:
    tell = Progress()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if refused := machine.refusal(PEERS / "bin"):
        return machine.left_out(refused)
    try:
        with alone(), an_engine(ENGINE) as engine:
            tell("engine")
            stack = built(engine, tell)
            with up(stack, tell):
                case = cases.begin(stack, cases.a_chart())
                cases.finish(stack, [case], CASE_SECONDS)
                tell(f"case {case.name}: its packet verifies")
                edge.check(stack)
                tell("the edge shows the doors and Airflow's pages by TLS, and nothing else")
                connections.check(stack)
                tell("Airflow's test buttons go to each institution's door, and all is well there")
    except (EngineFailed, NotYet, AssertionError, subprocess.SubprocessError) as error:
        tell(f"FAILED: {error}")
        return 1
    print(f"verified {case.name} in {tell.seconds:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
