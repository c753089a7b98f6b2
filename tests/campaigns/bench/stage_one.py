"""Stages one series in a process that does nothing else, and says what that took. Told and answered in JSON.

Run by `staging`. It imports what staging a series needs, so that its memory is staging's own. What every task has from
the process that it is a fork of, the descriptions of S3, is read before the clock starts.
"""

# ruff: noqa: T201 - its answer

import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.vault import S3Vault, prepare
from transfer.institutions import Institution


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """The object, how fast it came, and what the process used for it."""

    key: str
    length: int
    seconds: float
    #: user and system
    processor_seconds: float
    #: MB, the largest
    memory: float


def main(told: dict[str, Any]) -> Staged:
    """`told`: the store, the archive's URL, the study, the series and the UIDs of its images."""
    vault, expected = S3Vault(**told["store"]), frozenset(told["images"])
    prepare()
    here = Institution(id="bench", name="bench", time_zone="UTC")
    began, used = time.perf_counter(), time.process_time()
    found = DicomwebClient(told["url"]).fetch_series(
        told["study"], told["series"], expected=expected, institution=here, vault=vault, keep_going=lambda: None
    )
    assert found is not None
    assert found.complete
    return Staged(
        key=found.location.key,
        length=found.location.length,
        seconds=time.perf_counter() - began,
        processor_seconds=time.process_time() - used,
        memory=_largest(),
    )


def _largest() -> float:
    """MB; `getrusage` would say those of the process that this one was forked off, if they were more."""
    said = re.search(r"^VmHWM:\s*(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    assert said
    return int(said[1]) / 1024


if __name__ == "__main__":
    print(json.dumps(asdict(main(json.load(sys.stdin)))))
