"""What every parser of ours promises of any bytes: our errors or an answer, and an answer that can be kept.

A `Target` is one process of the fuzzer. The first byte of an input says which of the target's parsers reads the rest,
so that parsers of one language share what was learnt about it.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from transfer import codec
from transfer.errors import TransferError

Parser = Callable[[bytes], None]
Answer = TypeVar("Answer")

SAMPLES = Path(__file__).parents[2] / "samples"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """`seeds` finds inputs to begin with: of each parser by name, bytes that it could meet."""

    name: str
    parsers: tuple[Parser, ...]
    seeds: Callable[[], Iterable[tuple[str, bytes]]]
    #: words of the language, for the mutations
    words: tuple[bytes, ...] = ()
    #: its inputs are JSON behind a few bytes: mutations of the tree, besides those of the bytes
    is_json: bool = False
    longest: int = 16 << 10
    #: seconds one input may take; 0: it keeps its own time, and libFuzzer's alarm would be in its way
    seconds: int = 30

    def __call__(self, data: bytes) -> None:
        if data:
            self.parsers[data[0] % len(self.parsers)](data[1:])

    def input(self, parser: str, data: bytes) -> bytes:
        """`data` as an input that this parser reads."""
        return bytes([[each.__name__ for each in self.parsers].index(parser)]) + data


def target(name: str) -> Target:
    found = import_module(f"tests.campaigns.fuzz.{name}").TARGET
    assert isinstance(found, Target)
    assert found.name == name
    return found


def answer(
    read: Callable[..., Answer], *given: Any, documented: tuple[type[Exception], ...] = (TransferError,), **said: Any
) -> Answer | None:
    """What `read` gives, None where it raises an error it documents. Any other is a finding."""
    try:
        return read(*given, **said)
    except documented:
        return None


def can_be_kept(*things: Any) -> None:
    """What was understood goes into a sealed row and comes out equal."""
    for thing in things:
        assert codec.load(type(thing), codec.dump(type(thing), thing)) == thing


def pieces(data: bytes) -> tuple[bytes, list[bytes]]:
    """A stream, and the pieces it comes in: the first bytes say where it is cut."""
    cuts, stream = data[:4], data[4:]
    ends = sorted({0, len(stream), *(cut * (len(stream) + 1) // 256 for cut in cuts)})
    return stream, [stream[start:stop] for start, stop in pairwise(ends)]


def files(*places: str, suffixes: tuple[str, ...], longest: int) -> Iterable[bytes]:
    """Sample files: our own, and those of a larger collection, where the setting SAMPLES says there is one."""
    for root in (SAMPLES, *map(Path, filter(None, [os.environ.get("SAMPLES")]))):
        for place in places:
            for path in sorted((root / place).rglob("*")):
                if path.suffix in suffixes and path.is_file() and path.stat().st_size <= longest:
                    yield path.read_bytes()
