"""A form that sends a file (RFC 7578), bounded. It is held in memory, or in an open file without a
name that is gone with the process.
"""

from collections.abc import AsyncGenerator
from typing import IO, Final

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from transfer.pages.forms import MAX_BODY, MAX_FIELDS, Fields

_MULTIPART: Final = "multipart/form-data"


class NoUpload(Exception):
    """What was sent is not taken: the status of the answer, and why, in a sentence."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(says)
        self.status, self.says = status, says


class _InMemory(MultiPartParser):
    #: beyond any file that is taken: else Starlette writes what is longer to a file of its own
    spool_max_size = 1 << 40


async def form_of(request: Request, largest: int, *, is_on_disk: bool = False) -> Fields:
    """The fields of a form and its file, of so many bytes at the most. Its name and type are not believed.

    Raises:
        NoUpload: it is none, or too long.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MULTIPART:
        raise NoUpload(415, "What was sent is no form with a file.")
    kind = MultiPartParser if is_on_disk else _InMemory
    parser = kind(
        request.headers, _bounded(request, largest), max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_BODY
    )
    try:
        form = await parser.parse()
    except MultiPartException:
        raise NoUpload(400, "What was sent is no form with a file.") from None
    sent, files, on_disk = dict[str, list[str]](), dict[str, bytes](), dict[str, IO[bytes]]()
    for name, value in form.multi_items():
        if isinstance(value, str):
            sent.setdefault(name, []).append(value)
        elif is_on_disk:
            on_disk[name] = value.file
        else:
            files[name] = await value.read()
    if not is_on_disk:
        await form.close()
    return Fields(sent, files, on_disk)


async def _bounded(request: Request, largest: int) -> AsyncGenerator[bytes]:
    came = 0
    async for chunk in request.stream():
        came += len(chunk)
        if came > largest + MAX_BODY:
            raise NoUpload(413, f"The file is too large. At most {largest >> 20} MiB are taken.")
        yield chunk
