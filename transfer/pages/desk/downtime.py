"""The list of the day as a file for when everything is down: one HTML page by itself, written each hour.

It names patients, so it lies in a folder that only whoever may see them can read. Each writing is a look, of an account
of its own. A patient of whom one must say why one looks is not named.
"""

import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Final

from transfer.errors import TransferError
from transfer.flow import desk
from transfer.flow.desk import CaseLine, CasePage, ListPart
from transfer.flow.services import Services
from transfer.logs import told
from transfer.looks import LookPlace
from transfer.pages.desk.words import OWNERS
from transfer.pages.templating import STYLE, environment
from transfer.rights import Actor, Right
from transfer.sentences.trade import in_trade

#: a sheet is written where the newest is older
EVERY: Final = timedelta(hours=1)
#: seconds between two looks whether one is due
LOOK_EVERY_SECONDS: Final = 60.0
#: sheets that stay, so that one is there while the newest is written
KEPT: Final = 3
#: pages of a list at the most; a sheet says how many are left out
_PAGES: Final = 10
#: appointments on a sheet at the most; it says so, too
_APPOINTMENTS: Final = 500
#: who looks, as the trail has it
_WRITER: Final = Actor(
    person="downtime-sheet", rights=frozenset({Right.SEE_CASES, Right.SEE_IDENTITY}), is_claimed=False
)
#: when it was written, in UTC: there no hour comes twice
_NAME: Final = re.compile(r"today-(\d{4}-\d{2}-\d{2}-\d{4})Z\.html")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPart:
    """One part of the cases on a sheet, whole as far as there is room."""

    title: str
    lines: tuple[CaseLine, ...]
    total: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.lines)


def write_if_due(services: Services, folder: Path) -> Path | None:
    """Write a sheet unless one of the last hour is there, and remove old ones. Gives its path; None: none was due.

    It takes its name once it is whole, so who opens one never reads half.

    Raises:
        OutOfOrder: ledger or keys do not answer; the sheets that are there stay.
        OSError: the folder cannot be written.
    """
    with services.ledger.transaction() as tx:
        now = tx.now()
    sheets = _sheets(folder)
    if sheets and now - _written(sheets[-1], now) < EVERY:
        return None
    sheet = folder / f"today-{now.astimezone(UTC):%Y-%m-%d-%H%M}Z.html"
    _put(sheet, _rendered(services, now))
    for old in _sheets(folder)[:-KEPT]:
        old.unlink(missing_ok=True)
    return sheet


def watch(services: Services, folder: Path, stop: Event, *, every: float = LOOK_EVERY_SECONDS) -> None:
    """Write a sheet each hour until stopped. What goes wrong is tried again at the next look."""
    while True:
        try:
            write_if_due(services, folder)
        except (TransferError, OSError) as error:
            _log.warning("the downtime sheet was not written: %s", told(error))
        except Exception as error:  # noqa: BLE001 - its text may be anybody's; the next look is another
            _log.error("the downtime sheet failed: %s", told(error))
        if stop.wait(every):
            return


def _sheets(folder: Path) -> list[Path]:
    """Those that are there, the oldest first."""
    return sorted(one for one in folder.iterdir() if _NAME.fullmatch(one.name))


def _written(sheet: Path, now: datetime) -> datetime:
    """When it was written, by its name; one that claims to be of the future is none of ours to wait for."""
    found = _NAME.fullmatch(sheet.name)
    assert found  # `_sheets` has looked
    at = datetime.strptime(found[1], "%Y-%m-%d-%H%M").replace(tzinfo=UTC)
    return at if at <= now else now - EVERY


def _put(sheet: Path, text: str) -> None:
    """Readable for whoever may read the folder, and for nobody else."""
    mode = sheet.parent.stat().st_mode & 0o640
    draft = sheet.with_name(f".{sheet.name}.{os.getpid()}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as out:
        os.fchmod(out.fileno(), mode)
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    draft.replace(sheet)


def _rendered(services: Services, now: datetime) -> str:
    found = desk.today(
        services,
        actor=_WRITER,
        zone=services.zone,
        identity=True,
        place=LookPlace.DOWNTIME_SHEET,
        appointments=_APPOINTMENTS,
    )
    parts = [
        _whole(services, "Only we can move these", found.ours),
        _whole(services, "These wait for others", found.others),
    ]
    template = environment("transfer.pages").get_template("downtime.html")
    style = STYLE.decode()
    return template.render(
        found=found, parts=parts, now=now, zone=services.zone, owners=OWNERS, say=in_trade, style=style
    )


def _whole(services: Services, title: str, first: CasePage) -> SheetPart:
    lines = [*first.lines]
    for number in range(2, min(first.pages, _PAGES) + 1):
        lines += _page(services, first.part, number)
    return SheetPart(title=title, lines=tuple(lines), total=max(first.total, len(lines)))


def _page(services: Services, part: ListPart, number: int) -> Sequence[CaseLine]:
    return desk.list_part(
        services,
        part,
        actor=_WRITER,
        zone=services.zone,
        number=number,
        identity=True,
        place=LookPlace.DOWNTIME_SHEET,
    ).lines
