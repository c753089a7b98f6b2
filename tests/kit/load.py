"""A machine that does other things, too."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

#: counts for ever in pieces, so that it ends with the pipe it was given
_BUSY = "import sys\nwhile not sys.stdin.closed:\n  for _ in range(10**6): pass\n"


@contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """So many processes that take all the processor they are given. They end with the block."""
    started = [subprocess.Popen([sys.executable, "-c", _BUSY], stdin=subprocess.PIPE) for _ in range(count)]
    try:
        yield
    finally:
        for each in started:
            each.kill()
            each.wait()
