"""How much one HTTP server may cost us."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Seconds and bytes.

    A *page* is an answer that is taken whole into memory; a *stream* is one whose bytes are handed on as they come.
    The seconds of both count from the request on, so they bound the head of the answer as well.
    """

    #: until a connection is made, TLS included; and for each block of a request that is sent
    connect_seconds: float = 10.0
    #: without one byte; also the most that the head of an answer may take
    silence_seconds: float = 60.0
    #: status line and header lines, those of all interim (1xx) answers included. `http.client` takes 100 lines
    head_bytes: int = 128 << 10
    page_seconds: float = 120.0
    page_bytes: int = 12 << 20
    stream_seconds: float = 3600.0
    stream_bytes: int = 512 << 20

    def __post_init__(self) -> None:
        if min(self.connect_seconds, self.silence_seconds, self.page_seconds, self.stream_seconds) <= 0:
            raise ValueError("a bound in seconds is more than none")
        if min(self.head_bytes, self.page_bytes, self.stream_bytes) <= 0:
            raise ValueError("a bound in bytes is more than none")
