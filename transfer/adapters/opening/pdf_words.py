"""The words of a PDF line by line, for programs that look for some. A page that is a picture has none."""

import unicodedata
from collections.abc import Iterator
from typing import Final

from transfer.adapters.opening.forked import said_apart

#: pages from the first on, and bytes of all of them
PAGES: Final = 60
BYTES: Final = 1 << 20
#: of CPU, for one document
SECONDS: Final = 5
#: how the library marks a hyphen at which a word goes on in the next line
_BROKEN: Final = ("\ufffe\r\n", "\x02\r\n", "\ufffe", "\x02")


def lines(data: bytes) -> list[str]:
    """Its lines in the order of its pages, as far as they are read within the bounds. What opens by a password, or not
    at all, has none.
    """
    said = said_apart(lambda: _pages(data), seconds=SECONDS, most=BYTES)
    return said.decode("utf-8", "ignore").splitlines()


def _pages(data: bytes) -> Iterator[bytes]:
    import pypdfium2

    paper = pypdfium2.PdfDocument(data)
    for number in range(min(len(paper), PAGES)):
        text = paper[number].get_textpage().get_text_bounded()
        for mark in _BROKEN:
            text = text.replace(mark, "")
        yield f"{unicodedata.normalize('NFKC', text)}\n".encode("utf-8", "ignore")
