"""Whether a PDF shows anything: a program for pages draws them small, and nothing is on any of them.

So a scan whose picture cannot be decoded is found, a page that draws a picture which is not there, and white paper.
"""

from collections.abc import Iterator
from typing import Any, Final

from transfer.adapters.opening.forked import said_apart

#: pages; of a document with more, nobody says that it is blank
PAGES: Final = 60
#: pixels of a page's longer side: a full stop is a grey one
SIDE: Final = 800
#: of CPU, for one document
SECONDS: Final = 5
_BLANK: Final = b"blank"


def is_blank(data: bytes) -> bool:
    """Whether every page is of one colour. Of what is not drawn within the bounds, it is not said."""
    import pypdfium2  # noqa: F401  here, so that it is loaded once and not in each fork

    return said_apart(judged, data, seconds=SECONDS, most=len(_BLANK)) == _BLANK


def judged(data: bytes) -> Iterator[bytes]:
    """What `is_blank` has a fork say of a document."""
    from pypdfium2 import PdfDocument

    paper = PdfDocument(data)
    if 0 < len(paper) <= PAGES and not any(map(_shows_something, paper)):
        yield _BLANK


def _shows_something(page: Any) -> bool:
    drawn = page.render(scale=SIDE / max(*page.get_size(), 1), grayscale=True)
    least, most = drawn.to_pil().getextrema()
    return bool(least != most)
