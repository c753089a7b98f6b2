"""The words of a PDF line by line, for programs that look for some. A page that is a picture has none.

It reads in a fork of the process that opens documents: a file that holds its library up, or ends it, costs its words
alone. Everything else that opening finds is found without them.
"""

import io
import os
import resource
import unicodedata
from collections.abc import Iterator
from typing import Final

#: pages from the first on, and characters of all of them
PAGES: Final = 60
CHARACTERS: Final = 300_000
#: of CPU, for one document
SECONDS: Final = 5
#: how the library marks a hyphen at which a word goes on in the next line
_BROKEN: Final = ("\ufffe\r\n", "\x02\r\n", "\ufffe", "\x02")


def lines(data: bytes) -> list[str]:
    """Its lines in the order of its pages, as far as they are read within the bounds. What opens by a password, or not
    at all, has none.
    """
    here, there = os.pipe()
    reader = os.fork()
    if reader == 0:
        _read_and_end(data, there)
    os.close(there)
    with os.fdopen(here, "rb") as said:
        text = said.read(4 * CHARACTERS)
    os.waitpid(reader, 0)
    return text.decode("utf-8", "ignore").splitlines()


def _read_and_end(data: bytes, to: int) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        left = CHARACTERS
        with os.fdopen(to, "wb", buffering=0) as out:
            for page in _pages(data):
                out.write(f"{page[:left]}\n".encode("utf-8", "ignore"))
                left -= len(page)
                if left <= 0:
                    break
    finally:
        os._exit(0)


def _pages(data: bytes) -> Iterator[str]:
    import pypdfium2

    paper = pypdfium2.PdfDocument(io.BytesIO(data))
    for number in range(min(len(paper), PAGES)):
        text = paper[number].get_textpage().get_text_bounded()
        for mark in _BROKEN:
            text = text.replace(mark, "")
        yield unicodedata.normalize("NFKC", text)
