"""The words of a PDF line by line, for programs that look for some. A page that is a picture has none."""

import unicodedata
from collections.abc import Callable, Iterator
from typing import Any, Final

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
    import pypdfium2  # noqa: F401  here, so that it is loaded once and not in each fork

    return said_apart(said, data, seconds=SECONDS, most=BYTES).decode("utf-8", "ignore").splitlines()


def said(data: bytes) -> Iterator[bytes]:
    """What `lines` has a fork say of a document."""
    from pypdfium2 import PdfDocument

    return _pages(PdfDocument, data)


def _pages(opened: Callable[[bytes], Any], data: bytes) -> Iterator[bytes]:
    paper = opened(data)
    for number in range(min(len(paper), PAGES)):
        text = paper[number].get_textpage().get_text_bounded()
        for mark in _BROKEN:
            text = text.replace(mark, "")
        yield f"{unicodedata.normalize('NFKC', text)}\n".encode("utf-8", "ignore")
