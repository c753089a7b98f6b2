"""Lines of the ledger that were taken along: is each what was written, none missing, added or moved?"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from transfer.facts import Chain, first_broken


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLines:
    """`broken`: what is wrong first in each chain."""

    chains: int
    lines: int
    broken: tuple[str, ...]


#: a line of the file is refused where it is longer, in bytes
_MAX_LINE = 1 << 20


def broken_in(lines: Iterable[bytes]) -> CheckedLines:
    """Check the lines of a file, each a JSON object with `text`, `previous` and `hash` (hexadecimal).

    A line that is no such object is broken, and so is a file without one. Only an anchor shows that no line is missing
    at the end of a chain: compare the last hash with the one in a packet, or with `transfer trail show`.
    """
    chains: dict[str, list[tuple[Chain, int, bytes, bytes, bytes]]] = {}
    count, broken = 0, []
    for count, line in enumerate(lines, start=1):
        try:
            if len(line) > _MAX_LINE:
                raise ValueError
            told = json.loads(line)
            text = told["text"].encode()
            content = json.loads(text)
            row = (Chain(content["chain"]), int(content["sequence"]), text, *_hashes(told))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            broken.append(f"line {count} of the file is none of the ledger")
            break
        chains.setdefault(row[0], []).append(row)
    found = (first_broken(rows) for rows in chains.values())
    broken += [one for one in found if one]
    if not count:
        broken.append("the file is empty")
    return CheckedLines(chains=len(chains), lines=count, broken=tuple(broken))


def _hashes(told: dict[str, str]) -> tuple[bytes, bytes]:
    return bytes.fromhex(told["previous"]), bytes.fromhex(told["hash"])
