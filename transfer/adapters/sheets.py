"""Sheets as files. The same sheet is the same bytes, whenever it is written."""

import csv
import io
from datetime import datetime
from typing import Final

import xlsxwriter

from transfer.sheets import Sheet, SheetCell, SheetFormat

#: with which a spreadsheet program would begin a formula (OWASP, CSV injection)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
#: characters of the widest column
_WIDEST: Final = 60
#: stands where the file says when it was made: the time is in the sheet
_NO_TIME: Final = datetime(1980, 1, 1)  # noqa: DTZ001  a file's own, without a zone


def written(sheet: Sheet, form: SheetFormat) -> bytes:
    """The bytes of the file. No cell is ever a formula."""
    return _xlsx(sheet) if form is SheetFormat.XLSX else _csv(sheet)


def _csv(sheet: Sheet) -> bytes:
    """What is said of the list stands before it, then an empty line, then the headings."""
    out = io.StringIO(newline="")
    lines = csv.writer(out)
    lines.writerow([sheet.title])
    lines.writerows([_plain(cell) for cell in pair] for pair in sheet.about)
    lines.writerow([])
    lines.writerow(sheet.headings)
    lines.writerows([_plain(cell) for cell in row] for row in sheet.rows)
    return out.getvalue().encode()


def _plain(cell: SheetCell) -> SheetCell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _xlsx(sheet: Sheet) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"title": sheet.title, "created": _NO_TIME})
        page, bold = book.add_worksheet("List"), book.add_format({"bold": True})
        page.write_string(0, 0, sheet.title, bold)
        for number, (label, text) in enumerate(sheet.about, start=1):
            page.write_string(number, 0, label)
            page.write_string(number, 1, text)
        head = len(sheet.about) + 2
        for column, heading in enumerate(sheet.headings):
            page.write_string(head, column, heading, bold)
            longest = max([len(heading), *(len(str(row[column])) for row in sheet.rows)])
            page.set_column(column, column, min(longest + 2, _WIDEST))
        for number, row in enumerate(sheet.rows, start=head + 1):
            for column, cell in enumerate(row):
                if isinstance(cell, int):
                    page.write_number(number, column, cell)
                else:
                    page.write_string(number, column, cell)
        page.freeze_panes(head + 1, 0)
        if sheet.rows:
            page.autofilter(head, 0, head + len(sheet.rows), len(sheet.headings) - 1)
    return out.getvalue()
