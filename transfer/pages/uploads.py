"""A form that sends a file (RFC 7578), held in memory and bounded: nothing of it touches a disk here."""

from collections.abc import AsyncGenerator
from typing import Final

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


async def form_of(request: Request, largest: int) -> Fields:
    """The fields of a form and its file, of so many bytes at the most. Its name and type are not believed.

    Raises:
        NoUpload: it is none, or too long.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _MULTIPART:
        raise NoUpload(415, "What was sent is no form with a file.")
    parser = _InMemory(
        request.headers, _bounded(request, largest), max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_BODY
    )
    try:
        form = await parser.parse()
    except MultiPartException:
        raise NoUpload(400, "What was sent is no form with a file.") from None
    sent, files = dict[str, list[str]](), dict[str, bytes]()
    for name, value in form.multi_items():
        if isinstance(value, str):
            sent.setdefault(name, []).append(value)
        else:
            files[name] = await value.read()
    await form.close()
    return Fields(sent, files)


async def _bounded(request: Request, largest: int) -> AsyncGenerator[bytes]:
    came = 0
    async for chunk in request.stream():
        came += len(chunk)
        if came > largest + MAX_BODY:
            raise NoUpload(413, f"The file is too large. At most {largest >> 20} MiB are taken.")
        yield chunk
