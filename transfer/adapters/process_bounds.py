"""What a process that reads other people's files takes of the machine: it bounds itself before it reads any of them."""

import resource


def bound_process(memory: int, cpu_seconds: int | None = None) -> None:
    """Take so many bytes of memory and no more, and so much processor time; write no file, and leave none at a crash.

    Beyond its memory it gets a MemoryError, beyond its time the system ends it. None: its time is bounded elsewhere.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    if cpu_seconds is not None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
