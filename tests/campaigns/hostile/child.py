"""A process of its own for what has no server: `python -m tests.campaigns.hostile.child`, asked by lines of JSON.

It may die, hang or swell; who asks sees it, and starts another.
"""

import json
import select
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any

from tests.campaigns.hostile.memory import most_mb, set_back
from tests.campaigns.hostile.table import Outcome

#: seconds that one thing may take
LONGEST = 60.0


@dataclass(frozen=True, slots=True)
class Became:
    outcome: Outcome
    reason: str
    megabytes: float
    seconds: float


class Child:
    """One such process, made anew when it is gone. `doing` names a function of `tests.campaigns.hostile.inside`."""

    def __init__(self, doing: str, *given: str) -> None:
        self._command = [sys.executable, "-m", "tests.campaigns.hostile.inside", doing, *given]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process:
            self._process.kill()
            with self._process:  # its pipes are closed, and it is waited for
                pass
            self._process = None

    def ask(self, seconds: float = LONGEST, **said: Any) -> Became:
        """What became of one thing."""
        process = self._running()
        set_back(process.pid)
        began = time.monotonic()
        assert process.stdin
        process.stdin.write(json.dumps(said) + "\n")
        process.stdin.flush()
        answer = self._answer(process, seconds)
        took, most = time.monotonic() - began, most_mb(process.pid)
        if answer is None:
            is_dead = process.poll() is not None
            self.stop()
            why = f"the process ended with {process.returncode}" if is_dead else f"no end after {seconds:.0f} s"
            return Became(Outcome.FELL if is_dead else Outcome.HUNG, why, most, took)
        return Became(Outcome(answer["outcome"]), answer["reason"], most, took)

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._answer(self._process, LONGEST) == {"ready": True}
        return self._process

    def _answer(self, process: subprocess.Popen[str], seconds: float) -> Any:
        assert process.stdout
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        line = process.stdout.readline() if ready else ""
        return json.loads(line) if line else None
