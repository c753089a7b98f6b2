"""A network that answers anything asked with bytes of the fuzzer's: what stands in for urllib3's pool."""

import io
from collections.abc import Iterable, Mapping
from itertools import chain, repeat
from typing import Any

import urllib3

from tests.campaigns.fuzz.contract import pieces

Said = tuple[int, Mapping[str, str], bytes]

#: between two answers of one input
NEXT = b"\n----\n"
_HEADERS = ("Content-Type", "Retry-After", "Date", "Content-Encoding", "Content-Length")
#: 0: no answer
_STATUSES = frozenset(map(str, (0, 200, 201, 301, 400, 401, 403, 404, 408, 410, 415, 429, 500, 501, 503)))


class _Arriving(io.BytesIO):
    """A body that comes in the pieces it is cut into."""

    def __init__(self, cut: list[bytes]) -> None:
        super().__init__(b"".join(cut))
        self._sizes = iter(len(piece) for piece in cut)

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(next(self._sizes, size))


class Wire:
    """Gives the answers in turn, and the last one for ever. Status 0: the connection is lost."""

    newest = None

    def __init__(self, answers: Iterable[Said]) -> None:
        said = list(answers)
        self._answers = chain(said, repeat(said[-1]))

    def request(self, method: str, url: str, **_: Any) -> urllib3.HTTPResponse:
        status, headers, data = next(self._answers)
        if not status:
            raise urllib3.exceptions.ProtocolError
        body = _Arriving(pieces(data)[1])
        return urllib3.HTTPResponse(body, headers, status, preload_content=False, decode_content=False)

    urlopen = request

    def close(self) -> None:
        """Nothing to close."""


def answers_in(data: bytes) -> list[Said]:
    """Answers as an input tells them: each a line with status and headers, then its body behind where that is cut."""
    return [_said(one) for one in data.split(NEXT)]


def _said(one: bytes) -> Said:
    head, _, body = one.partition(b"\n")
    status, _, kind = head.decode("latin-1").partition(" ")
    said = dict(zip(_HEADERS, kind.split("\t"), strict=False))
    headers = {name: value[:100] for name, value in said.items() if value}
    if "Content-Length" not in said:
        headers["Content-Length"] = str(max(len(body) - 4, 0))
    return (int(status) if status in _STATUSES else 200), headers, body
