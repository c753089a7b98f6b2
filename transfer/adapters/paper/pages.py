"""The pages of a paper: a picture of each, and some of them as a document of their own. Made in a bounded process."""

import json
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from transfer.errors import Unavailable
from transfer.incoming import PaperRefused, WhyRefused
from transfer.media_types import PDF

#: of the clock on the wall; the process itself is bounded in CPU time, which a busy machine does not use up
SECONDS: Final = 900
_ASK_SECONDS: Final = 5
#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.paper.process")


def drawn(content_type: str, body: bytes, *, command: Sequence[str] = COMMAND) -> list[bytes]:
    """A picture of each page, JPEG, in order.

    Raises:
        PaperRefused: no pages can be made of it.
        Unavailable: the process does not run.
    """
    return _made({"do": "draw", "content_type": content_type}, body, command)


def faxed(scan: bytes, *, command: Sequence[str] = COMMAND) -> list[bytes]:
    """The first eight pages of a PDF as a fax machine sends them: PNG, one bit a dot. Raises as `drawn`."""
    return _made({"do": "fax", "content_type": PDF}, scan, command)


def taken(
    content_type: str, body: bytes, pages: Sequence[int], turn: int, *, command: Sequence[str] = COMMAND
) -> bytes:
    """These pages as a PDF, turned clockwise by so many degrees (a multiple of 90). What is on them is not changed.

    Raises as `drawn`.
    """
    (made,) = _made({"do": "take", "content_type": content_type, "pages": list(pages), "turn": turn}, body, command)
    return made


def words_on(content_type: str, body: bytes, page: int, program: Path, *, command: Sequence[str] = COMMAND) -> str:
    """What stands on one page, numbered from 1, as the program `tesseract` reads it: a line of the page in each line.
    Empty: no words are on it, or whatever is on it cannot be read.

    Raises:
        Unavailable: the process does not run, or the program is not there.
    """
    told: dict[str, object] = {"do": "read", "content_type": content_type, "page": page, "program": str(program)}
    try:
        (made,) = _made(told, body, command)
    except PaperRefused:
        return ""
    return made.decode()


def ask_reader(program: Path) -> None:
    """Whether the program of `words_on` is there and knows English. Nothing is read.

    Raises:
        Unavailable: it does not.
    """
    try:
        done = subprocess.run(
            [program, "--list-langs"], capture_output=True, timeout=_ASK_SECONDS, env={}, check=False, text=True
        )
    except (OSError, subprocess.TimeoutExpired):
        raise Unavailable("the program is not there, or does not run") from None
    if done.returncode or not {"eng", "osd"} <= {*done.stdout.split()}:
        raise Unavailable("the program lacks its language data: eng and osd")


def written(sheet: Mapping[str, object], *, command: Sequence[str] = COMMAND) -> bytes:
    """A form that was filled in at our page, as a PDF: its title, day, rows, statements and the rows of its signature.
    The same again is the same bytes. Raises as `drawn`.
    """
    (made,) = _made({"do": "write"}, json.dumps(sheet).encode(), command)
    return made


def _made(told: dict[str, object], body: bytes, command: Sequence[str]) -> list[bytes]:
    head = json.dumps(told).encode()
    job = b"".join((struct.pack(">Q", len(head)), head, body))
    try:
        done = subprocess.run(command, input=job, capture_output=True, timeout=SECONDS, env={}, check=False)
    except subprocess.TimeoutExpired:
        raise PaperRefused(WhyRefused.UNREADABLE) from None
    except OSError:
        raise Unavailable("the process that reads papers does not run") from None
    # whatever a hostile file does to a library ends the process
    if done.returncode or len(done.stdout) < 8:
        raise PaperRefused(WhyRefused.UNREADABLE)
    (length,) = struct.unpack(">Q", done.stdout[:8])
    said = json.loads(done.stdout[8 : 8 + length])
    if said.get("lacks"):
        raise Unavailable("the program that reads text is not there")
    if why := said.get("refused"):
        raise PaperRefused(WhyRefused(why))
    at, made = 8 + length, list[bytes]()
    for size in said["sizes"]:
        made.append(done.stdout[at : at + size])
        at += size
    return made
