"""The process that makes the bookmarked PDF. It reads other people's files, so it runs alone, bounded, and may die.

Run by `pdf.bookmarked`, never imported by it. It is told one thing at a time and answers it: the pages of one document,
or the whole of all of them. Each message is a frame of JSON, then a frame of bytes. It opens no file and no connection.
"""

import json
import resource
import struct
import sys
import warnings
from typing import Any, BinaryIO, Final

from transfer.adapters.process_bounds import bound_process

MEMORY: Final = 2 << 30
#: processor time of the whole process, whatever it does
CPU_SECONDS: Final = 900
#: and beyond what one document may take, until the system ends the process
_MORE: Final = 10


def main() -> None:
    """Answer until nobody asks any more."""
    bound_process(MEMORY, CPU_SECONDS)
    warnings.simplefilter("ignore")
    source, target = sys.stdin.buffer, sys.stdout.buffer
    while (frame := _read(source)) is not None:
        told, data = answer(json.loads(frame), _read(source) or b"")
        for one in (json.dumps(told).encode(), data):
            target.write(struct.pack(">Q", len(one)))
            target.write(one)
        target.flush()


def answer(job: dict[str, Any], data: bytes) -> tuple[dict[str, Any], bytes]:
    """What is asked: one document's pages, the whole of those that were made, or a copy of one without some pages."""
    from transfer.adapters.packet import pdf_carried, pdf_parts, pdf_whole

    if "without" in job:
        _bound_until(pdf_parts.used_seconds() + job["seconds"] + _MORE)
        of, pdf = pdf_carried.without_pages(data, job["without"], job["most"])
        return {"of": of}, pdf
    if "document" in job:
        document = job["document"]
        before = pdf_parts.used_seconds()
        _bound_until(before + document["seconds"] + _MORE)
        part = pdf_parts.part(job["spec"], document, data if job["sent"] else None, job["most"])
        seconds = pdf_parts.used_seconds() - before
        return {"how": part.how, "pages": part.pages, "undrawn": part.undrawn, "seconds": seconds}, part.pdf
    _bound_until(CPU_SECONDS)
    parts, at = [], 0
    for one in job["parts"]:
        parts.append(pdf_whole.Part(one["document"], one["how"], one["pages"], data[at : at + one["length"]]))
        at += one["length"]
    return pdf_whole.whole(job["spec"], parts)


def _bound_until(seconds: float) -> None:
    """The system ends the process after so much processor time in all."""
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_CPU, (min(int(seconds) + 1, hard), hard))


def _read(stream: BinaryIO) -> bytes | None:
    """One frame; None at the end."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    (length,) = struct.unpack(">Q", head)
    return stream.read(length)


if __name__ == "__main__":
    main()
