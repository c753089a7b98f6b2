"""Writes a patient's CT study as DICOM files, as a scanner would send them to an archive that is not ours:
`python -m transfer.sandbox.archive FOLDER < chart.json`.
"""

import argparse
import json
import sys
from pathlib import Path

from transfer.sandbox.archive.series import study


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m transfer.sandbox.archive", description="Write the images of the chart on standard input."
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, default=128, help="128, or 512 for images of half a megabyte")
    asked = parser.parse_args()
    for series in study(json.load(sys.stdin), slices=None, rows=asked.rows).series:
        for number in range(1, series.instances + 1):
            file = asked.folder / f"{series.number:03}-{number:05}.dcm"
            file.write_bytes(b"".join(series.instance(number)))


if __name__ == "__main__":
    main()
