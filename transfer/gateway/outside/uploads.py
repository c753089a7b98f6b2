"""A form with files, read within its bounds (RFC 7578): its fields, and each file's bytes. No name is believed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from transfer.bytes_seen import Announced, BytesSeen
from transfer.pages.forms import MAX_FIELDS, Fields
from transfer.pages.guard import NoAnswer, refusal

#: bytes of one form with all its files. A disc does not fit
MAX_BYTES: Final = 20 << 20
#: files of one form
MAX_FILES: Final = 20
#: of one field that is no file
_FIELD: Final = 64 << 10
#: a form may take to come
_SECONDS: Final = 300

_TOO_LONG: Final = refusal(
    413,
    "Nothing was sent",
    f"The files have more than {MAX_BYTES >> 20} MB together. Go back, and send fewer at a time.",
)
_TOO_MANY: Final = refusal(
    413, "Nothing was sent", f"There are more than {MAX_FILES} files. Go back, and send them {MAX_FILES} at a time."
)
_TOO_SLOW: Final = refusal(408, "Nothing was sent", "The files took too long. Send fewer at a time.")
_NO_FORM: Final = refusal(415, "Nothing was sent", "What was sent is no form.")


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file under the field's name, and what its bytes are, whatever it was called. It may be empty."""

    field: str
    content: bytes
    content_type: str


class _Parser(MultiPartParser):
    @property
    def has_too_many(self) -> bool:
        return self._current_files > self.max_files


async def form_with_files(request: Request) -> tuple[Fields, Sequence[SentFile]]:
    """The fields and files of a form; long files lie on disk while they come. Raises `NoAnswer` where it is none."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise NoAnswer(_NO_FORM)
    try:
        async with asyncio.timeout(_SECONDS):
            return await _parsed(request)
    except (TimeoutError, ClientDisconnect):
        raise NoAnswer(_TOO_SLOW) from None


async def _parsed(request: Request) -> tuple[Fields, Sequence[SentFile]]:
    bounded = _Parser(
        request.headers, _bounded(request), max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=_FIELD
    )
    try:
        form = await bounded.parse()
    except MultiPartException:
        raise NoAnswer(_TOO_MANY if bounded.has_too_many else _NO_FORM) from None
    try:
        sent: dict[str, list[str]] = {}
        files = []
        for name, value in form.multi_items():
            if not isinstance(value, UploadFile):
                sent.setdefault(name, []).append(value)
            elif (content := await value.read()) or value.filename:  # neither: a field in which nothing was chosen
                files.append(SentFile(field=name, content=content, content_type=_kind(content)))
        return Fields(sent), files
    finally:
        await form.close()


async def _bounded(request: Request):  # type: ignore[no-untyped-def]
    length = 0
    async for chunk in request.stream():
        length += len(chunk)
        if length > MAX_BYTES:
            raise NoAnswer(_TOO_LONG)
        yield chunk


def _kind(content: bytes) -> str:
    seen = BytesSeen(Announced())
    for _ in seen.passing([content]):
        pass
    return seen.judged().content_type
