"""A machine that does other things, too."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

#: says when it begins
_BUSY = "print(flush=True)\nwhile True:\n  pass\n"


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that take all the processor they are given, from the block's beginning to its end."""
    with ExitStack() as stack:
        for _ in range(count):
            each = stack.enter_context(subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE))
            stack.callback(each.kill)
            assert each.stdout
            each.stdout.readline()
        yield
