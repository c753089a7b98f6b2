"""The production shape from nothing: images, secrets, services; and all of it away again."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.campaigns.compose.engine import Engine, patiently
from tests.campaigns.compose.progress import Progress
from tests.campaigns.compose.stack import ROOT, Stack, copy_of_checkout
from tests.campaigns.compose.stand_ins import make_stand_ins

#: where `make peers` installs, and where what is slow to make stays
PEERS = ROOT / "var" / "peers"
ENGINE = PEERS / "compose" / "engine"
#: seconds for our image, from nothing
BUILD_SECONDS = 900


def built(engine: Engine, tell: Progress) -> Stack:
    """A copy of this checkout with secrets of its own, and every image it needs.

    Raises:
        EngineFailed: an image cannot be built.
    """
    make_stand_ins(engine, PEERS, tell)
    tree = copy_of_checkout(engine.folder / "tree")
    stack = Stack(engine=engine, tree=tree, composer=PEERS / "bin" / "docker-compose")
    stack.draw_secrets()
    patiently(lambda: stack.compose("build", timeout=BUILD_SECONDS))
    tell("image records-transfer")
    return stack


@contextmanager
def up(stack: Stack, tell: Progress) -> Iterator[None]:
    """All services, well; and everything away at the end, whatever happens.

    Raises:
        EngineFailed: a service does not become well.
    """
    stack.compose("down", "--volumes", "--remove-orphans")  # what an interrupted run left in the engine's folder
    try:
        stack.up()
        tell("up")
        yield
    except BaseException:
        say_what_is_wrong(stack, tell)
        raise
    finally:
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout=10", is_tried=True)
        tell("down")


def say_what_is_wrong(stack: Stack, tell: Progress) -> None:
    """How each service is, and the end of what it said."""
    tell("services:\n" + stack.compose("ps", "--all", is_tried=True).stdout.decode(errors="replace"))
    tell("logs:\n" + stack.compose("logs", "--tail=15", is_tried=True).stdout.decode(errors="replace"))


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other run in this checkout uses the engine's folder."""
    ENGINE.mkdir(parents=True, exist_ok=True)
    with Path(PEERS / "compose" / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
