"""The process that draws the pages of a scan. The file comes from outside, so it runs alone, bounded, and may die.

Run by `scan_pictures.pictures`. In: the PDF. Out: for each page eight bytes of length and a PNG of one bit a dot, as a
fax machine sends it. It opens no file and no connection.
"""

import io
import resource
import struct
import sys
from typing import Final

MEMORY: Final = 1 << 30
CPU_SECONDS: Final = 20
PAGES: Final = 8
#: dots of a side of the picture: about 200 to an inch of letter paper, as a fine fax has (ITU-T T.4)
SIDE: Final = 2200


def main() -> None:
    """Read the file, draw its pages, write them."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    drawn = [_drawn(page) for page in _pages(sys.stdin.buffer.read())]
    sys.stdout.buffer.write(b"".join(struct.pack(">Q", len(one)) + one for one in drawn))


def _pages(file: bytes) -> "list[object]":
    import pypdfium2

    document = pypdfium2.PdfDocument(file)
    return [document[number] for number in range(min(len(document), PAGES))]


def _drawn(page: object) -> bytes:
    scale = SIDE / max(*page.get_size(), 1)  # type: ignore[attr-defined]
    picture = page.render(scale=scale, grayscale=True).to_pil()  # type: ignore[attr-defined]
    made = io.BytesIO()
    picture.convert("1").save(made, format="PNG", optimize=True)
    return made.getvalue()


if __name__ == "__main__":
    main()
