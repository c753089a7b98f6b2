"""Make a finding small: `python -m tests.campaigns.fuzz.smaller TARGET FILE` writes the least that still fails in the
same place.

libFuzzer's own way starts the process anew for each try and does not know Python's.
"""

import sys
import traceback
from pathlib import Path

from click import echo

from tests.campaigns.fuzz.contract import Target, target


def smaller(one: Target, data: bytes) -> bytes:
    """Pieces of `data` taken away, large ones first, as long as it fails as before. The first byte, by which the parser
    is picked, stays.
    """
    failure = _failure(one, data)
    size = len(data) // 2
    while failure and size:
        at = 1
        while at < len(data):
            less = data[:at] + data[at + size :]
            if _failure(one, less) == failure:
                data = less
            else:
                at += size
        size //= 2
    return data


def _failure(one: Target, data: bytes) -> tuple[str, str, int | None] | None:
    try:
        one(data)
    except Exception as error:  # noqa: BLE001  # whatever it is
        last = traceback.extract_tb(error.__traceback__)[-1]
        return type(error).__name__, last.filename, last.lineno
    return None


if __name__ == "__main__":
    name, file = sys.argv[1:]
    found = smaller(target(name), Path(file).read_bytes())
    Path(f"{file}.small").write_bytes(found)
    echo(f"{len(found)} bytes: {found!r}")
