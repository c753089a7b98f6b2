"""`make hostile`: every sample to every door, as itself and mutated, and the attacks that are no file.

    SAMPLES=/where/they/are python -m tests.campaigns.hostile [--every N] [--into FOLDER] [DOOR ...]

Prints the totals and writes the whole table (file, mutation, door, outcome, reason). Ends with 1 if a door fell, hung,
swelled or lost something, and names each such row. Without SAMPLES it takes the files of the repository's own tests.
"""

# ruff: noqa: T201 - it prints what it found

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from tests.campaigns.hostile.campaign import DOORS, rows
from tests.campaigns.hostile.samples import samples
from tests.campaigns.hostile.table import Row, Table


def main() -> int:
    said = argparse.ArgumentParser(prog="python -m tests.campaigns.hostile")
    said.add_argument("doors", nargs="*", choices=[*DOORS, []], metavar="DOOR", help=", ".join(DOORS))
    said.add_argument("--every", type=int, default=1, help="take every so manieth file")
    said.add_argument("--into", type=Path, default=Path("var/hostile"), help="where the table is written")
    given = said.parse_args()
    # children start as modules of this checkout
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[3])
    table, began = Table(), time.monotonic()
    chosen = samples()[:: given.every]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for row in table.add(rows(chosen, given.doors or list(DOORS))):
            _tell(table, row, began)
    finally:  # what was found before it was stopped is worth having
        table.write(given.into)
    print("", *table.totals(), sep="\n")
    print(f"\n{len(chosen)} files, {time.monotonic() - began:.0f} s; the table: {given.into / 'table.csv'}")
    for row in table.violations:
        print(f"VIOLATION  {row.outcome}  {row.door}  {row.file}  {row.mutation}: {row.reason}")
    return 1 if table.violations else 0


def _tell(table: Table, row: Row, began: float) -> None:
    if row.outcome.is_violation:
        print(f"\r{row.outcome}: {row.door}: {row.file}: {row.mutation}: {row.reason}"[:160].ljust(100), flush=True)
    elif sys.stderr.isatty() or len(table.rows) % 500 == 0:
        sys.stderr.write(f"\r{len(table.rows):>7} sent, {time.monotonic() - began:5.0f} s, now: {row.door:<28}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
