"""The images within the object of a series, while its bytes go by."""

from collections.abc import Iterable, Iterator, Sequence


def members(chunks: Iterable[bytes], places: Sequence[tuple[int, int]]) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Of a stream, each place (offset and length, in rising order): its number, and its bytes as they go by.

    Each is to be read before the next is asked for; what is left of one is passed over.
    """
    source, held, at = iter(chunks), b"", 0

    def pull(until: int) -> Iterator[bytes]:
        nonlocal held, at
        while at < until:
            if not held:
                held = next(source, b"")
                if not held:
                    return
            piece, held = held[: until - at], held[until - at :]
            at += len(piece)
            yield piece

    for number, (offset, length) in enumerate(places):
        for _ in pull(offset):
            pass
        yield number, pull(offset + length)
