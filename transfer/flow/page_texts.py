"""The words on pages that wait in Incoming are read by a machine, beside all other work, for suggestions alone.

Nobody waits for it, and nothing is promised of a page that it could not read.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from threading import Event
from typing import Final

from transfer.adapters import paper
from transfer.errors import TransferError, Unknown, Unreadable
from transfer.flow.paper_in import original_of
from transfer.flow.services import Services
from transfer.identifiers import IncomingId
from transfer.incoming import IncomingState
from transfer.ledger import Tx, incoming, page_texts
from transfer.ledger.page_texts import UnreadPaper
from transfer.logs import told
from transfer.page_suggestions import MOST_CHARACTERS
from transfer.sealing import KeyGone, KeyName

#: of one paper: two seconds of one processor each
PAGES_READ: Final = 120
#: between two looks at whether something waits
LOOK_EVERY_SECONDS: Final = 10.0
#: what stands on one page of a paper: type of the paper, its bytes, the page
Reader = Callable[[str, bytes, int], str]
_log = logging.getLogger(__name__)


def reader(program: Path) -> Reader:
    """Reads by this program of the name `tesseract`, in a bounded process."""

    def read(content_type: str, body: bytes, page: int) -> str:
        text = paper.words_on(content_type, body, page, program)
        if not text:
            paper.ask_reader(program)  # what lacks its language data reads nothing, and the page is not at fault
        return text

    return read


def read_next(services: Services, read: Reader, stop: Event | None = None) -> bool:
    """Read the pages of the paper that waits longest, and keep what stands on them, sealed under the key of the paper.
    False: no page waits that can be read. Safe to repeat after any crash; what was read before is kept.

    Raises:
        OutOfOrder: ledger, keys or vault do not answer, or the program that reads is not there.
    """
    with services.ledger.transaction() as tx:
        waiting = page_texts.unread(tx, PAGES_READ)
        found = incoming.get(tx, waiting.incoming) if waiting else None
    if waiting is None or found is None:
        return False
    try:
        body = _readable(services, found)
        for page in waiting.pages:
            if stop and stop.is_set():
                return True
            _keep(services, waiting, page, "" if body is None else read(found.content_type, body, page))
    except KeyGone:  # it is being destroyed; its row follows
        return False
    return True


def _readable(services: Services, found: incoming.Paper) -> bytes | None:
    """The paper as it came. None: the vault gives something else or nothing for it, and others wait behind it."""
    try:
        return original_of(services, found)
    except (Unknown, Unreadable):
        return None


def _keep(services: Services, waiting: UnreadPaper, page: int, text: str) -> None:
    name = waiting.incoming
    sealed = services.ledger.keys.seal(
        KeyName.incoming(name), text[:MOST_CHARACTERS].encode(), about=_about(name, page)
    )
    with services.ledger.transaction() as tx:
        now = incoming.get(tx, name, lock=True)
        if now is not None and now.state is IncomingState.WAITING and page in now.left:
            page_texts.store(tx, name, page, sealed)


def texts_of(tx: Tx, name: IncomingId, pages: Collection[int]) -> Mapping[int, str]:
    """What was read on these pages of a paper, by page; those without words are left out.

    Raises:
        KeyGone: the paper is destroyed.
    """
    key = KeyName.incoming(name)
    sealed = page_texts.of(tx, name, pages)
    read = {page: tx.keys.unseal(key, one, about=_about(name, page)).decode() for page, one in sealed.items()}
    return {page: text for page, text in read.items() if text}


def _about(name: IncomingId, page: int) -> str:
    return f"{name}.{page}.text"


def watch(services: Services, read: Reader, stop: Event, *, every: float = LOOK_EVERY_SECONDS) -> None:
    """Read what waits until stopped. Where something does not answer it is tried again after a while."""
    while not stop.is_set():
        try:
            if read_next(services, read, stop):
                continue
        except TransferError as error:
            _log.warning("pages are not read: %s", error)
        except Exception as error:  # noqa: BLE001  whatever it is, its text may be anybody's
            _log.error("reading pages failed: %s", told(error))
        stop.wait(every)
