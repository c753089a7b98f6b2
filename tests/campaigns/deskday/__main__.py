"""`make desk-day`: patients led by a hand in a browser, beside the same in a shared folder and a spreadsheet, counted.

python -m tests.campaigns.deskday [PATIENTS]                twenty; it ends with 1 if one case went wrong
python -m tests.campaigns.deskday --only 2 5                of them these, counted from 0
python -m tests.campaigns.deskday --table                   and writes the table of docs/desk.md
python -m tests.campaigns.deskday clients --minutes 10      twenty people beside a running pipeline
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.campaigns.deskday import clients, table
from tests.campaigns.deskday.by_desk import lead
from tests.campaigns.deskday.patients import grouped, patients
from tests.campaigns.deskday.table import Row
from tests.campaigns.deskday.town import a_town, accepted, names_in_packet, today


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.campaigns.deskday", description=__doc__)
    parser.add_argument("what", nargs="?", default="20", help="how many patients, or clients")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--table", action="store_true", help="write the table of docs/desk.md")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of patients, from 0")
    given = parser.parse_args()
    if given.what == "clients":
        return clients.main(given.minutes)
    rows = _led(int(given.what), given.only)
    sys.stdout.write(table.of(rows))
    if given.table:
        table.write(rows)
    return 1 if any(not row.is_accepted or row.others or row.minutes >= row.by_folder for row in rows) else 0


def _led(count: int, only: list[int] | None) -> list[Row]:
    folder, rows = Path(tempfile.mkdtemp(prefix="rt-")), []
    try:
        with a_town(folder) as (house, day, _faxes):
            every = patients(count, today(house))
            for together in grouped([every[number] for number in only] if only else every):
                for led in lead(day, together):
                    assert led.case
                    is_accepted = accepted(day, led.case)
                    others = names_in_packet(house, led.case) - {led.patient.family}
                    rows.append(Row.of(led, is_accepted=is_accepted, others=len(others)))
                    sys.stdout.write(f"{rows[-1]}\n")
                    sys.stdout.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
