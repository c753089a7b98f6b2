"""Work with a library that may hold up, or end, whoever calls it: in a fork of the process that opens documents.

What such work finds is worth having and never needed: everything else is found without it.
"""

import os
import resource
from collections.abc import Callable, Iterable


def said_apart(work: Callable[[], Iterable[bytes]], *, seconds: int, most: int) -> bytes:
    """What the work says, as far as it came within the seconds of CPU and the bytes. The caller has one thread."""
    here, there = os.pipe()
    worker = os.fork()
    if worker == 0:
        _work_and_end(work, there, seconds)
    os.close(there)
    with os.fdopen(here, "rb") as saying:
        said = saying.read(most)
    os.waitpid(worker, 0)
    return said


def _work_and_end(work: Callable[[], Iterable[bytes]], to: int, seconds: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        with os.fdopen(to, "wb", buffering=0) as out:
            for piece in work():
                out.write(piece)
    finally:
        os._exit(0)
