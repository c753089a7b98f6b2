"""The lines on which papers and discs come in by themselves are looked at, and what lies there whole is taken in."""

import logging
from collections.abc import Sequence
from threading import Event
from typing import Final

from transfer.discs import DiscRefused
from transfer.errors import TransferError
from transfer.flow.disc_in import take_in_disc
from transfer.flow.paper_in import CameIn, take_in
from transfer.flow.services import Services
from transfer.incoming import PaperRefused, WhyRefused
from transfer.logs import told
from transfer.paper_lines import Delivered, PaperLine

#: between two looks at the lines
LOOK_EVERY_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


def look_at_line(services: Services, line: PaperLine) -> int:
    """Take in what lies whole on a line. Says how many papers and discs were new; safe to repeat after any crash.

    What cannot be taken in is put aside there, for a person, with the reason in our log. So is a message of which one
    file cannot be; what was taken in of it before stays in Incoming.

    Raises:
        Unavailable: the line, ledger, keys or vault do not answer; what is left waits for the next look.
    """
    came = 0
    for delivered in line.waiting():
        try:
            taken = _taken(services, line.name, delivered)
        except (PaperRefused, DiscRefused) as error:
            _log.warning("line %s: something is refused: %s", line.name, error.why)
            delivered.refuse(error.why)
            continue
        delivered.keep()
        came += sum(one.is_new for one in taken)
    return came


def _taken(services: Services, line: str, delivered: Delivered) -> list[CameIn]:
    """A ZIP file is a disc; everything else is paper."""
    if (disc := delivered.zip_file()) is not None:
        with disc:
            return [take_in_disc(services, line, disc)]
    taken = [take_in(services, line, body) for body in delivered.files]
    if not taken:
        raise PaperRefused(WhyRefused.NO_PAPER)
    return taken


def watch(services: Services, lines: Sequence[PaperLine], stop: Event, *, every: float = LOOK_EVERY_SECONDS) -> None:
    """Look at each line until stopped. One that does not answer keeps no other waiting for long, and is tried again."""
    while lines and not stop.is_set():
        for line in lines:
            try:
                if came := look_at_line(services, line):
                    _log.info("line %s: %s papers came in", line.name, came)
            except TransferError as error:
                _log.warning("line %s: %s", line.name, error)
            except Exception as error:  # noqa: BLE001  whatever it is, the other lines go on, and its text may be anybody's
                _log.error("line %s failed: %s", line.name, told(error))
        stop.wait(every)
