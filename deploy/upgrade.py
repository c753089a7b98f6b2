"""Brings a running installation to another version of the code, in the order in which nothing is lost.

    python3 deploy/upgrade.py [--tag TAG] [--dry-run]

Run it in the checkout of the new version. It asks the new version first whether it knows the ledger that is there, and
stops nothing where it does not. Then nobody posts, tasks at work are finished, the doors close last and open first.
While they are closed senders keep their messages. When a step fails, the script says which and ends with its code:
mend the cause and run it again; every step may be repeated. `COMPOSE` in the environment says how compose is called.
"""

import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass

#: in the order in which they stop: who posts, who hands tasks out, who does them, who keeps their books, the desk, the
#: doors
WORKING = (
    "dispatcher",
    "airflow-scheduler",
    "airflow-worker",
    "airflow-triggerer",
    "airflow-dag-processor",
    "airflow-prune",
)
KEEPING = ("airflow-api-server",)
PEOPLE = ("desk",)
DOORS = ("gateway",)


@dataclass(frozen=True)
class Step:
    """What is said, and what compose is then told."""

    says: str
    arguments: tuple[str, ...]


def plan() -> list[Step]:
    """All steps, in their order."""
    check = ("run", "--rm", "--no-deps", "prepare", "python", "/app/deploy/prepare.py", "--check")
    return [
        Step("build or pull the new version", ("build",)),
        Step("ask the new version whether it knows the ledger", check),
        *(Step(f"stop {name}: what it has begun is finished", ("stop", name)) for name in WORKING),
        *(Step(f"stop {name}", ("stop", name)) for name in KEEPING),
        *(Step(f"stop {name}: nobody acts there until everything is started", ("stop", name)) for name in PEOPLE),
        *(Step(f"stop {name}: senders keep their messages from now on", ("stop", name)) for name in DOORS),
        Step("migrate the ledger", ("run", "--rm", "prepare")),
        *(Step(f"start {name}: messages are stored again", ("up", "--detach", "--no-deps", name)) for name in DOORS),
        Step("migrate Airflow's database", ("run", "--rm", "airflow-prepare")),
        Step("start everything", ("up", "--detach")),
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tag", help="the image to use instead of building one (IMAGE_TAG)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
    asked = parser.parse_args(arguments)
    compose = shlex.split(os.environ.get("COMPOSE", "docker compose"))
    environment = {**os.environ, **({"IMAGE_TAG": asked.tag} if asked.tag else {})}
    for number, step in enumerate(plan(), 1):
        words = ("pull", "prepare") if asked.tag and step.arguments == ("build",) else step.arguments
        sys.stdout.write(f"{number}. {step.says}: {shlex.join([*compose, *words])}\n")
        sys.stdout.flush()
        if asked.dry_run:
            continue
        code = subprocess.run([*compose, *words], env=environment, check=False).returncode
        if code:
            sys.stdout.write(f"step {number} failed ({code}): mend its cause and run this again\n")
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
