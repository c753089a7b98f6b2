"""Lines with seconds, as a run goes."""

# ruff: noqa: T201 - it prints how far it is

import time


class Progress:
    """Says what is done, and how many seconds after the beginning."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    def __call__(self, line: str) -> None:
        print(f"{self.seconds:5.0f} s  {line}", flush=True)
