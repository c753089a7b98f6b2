"""Since when a fault was seen, where nothing else tells it: the file `faults.json` of the folder `var` remembers it.

It holds names of parts and files and times alone. It is a convenience: where it cannot be written or read, nobody knows
since when, and no more is lost.
"""

import json
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final

from transfer.operation import Fault, FaultCode

#: more are not remembered: each has a name of ours
_MOST: Final = 1000


def since_first_seen(
    var: Path, found: Iterable[Fault], looked_for: Collection[FaultCode], now: datetime, *, of: Collection[str] = ()
) -> tuple[Fault, ...]:
    """The same faults, each with the time since when it is seen without a break. `now` is UTC.

    What was looked for and is not found is forgotten; with `of` only what is about one of these names.
    """
    file = var / "faults.json"
    before = _read(file)
    found = list(found)
    here = {_name(one) for one in found}
    after = {name: at for name, at in before.items() if name in here or not _was_looked_for(name, looked_for, of)}
    after |= {name: now.isoformat() for name in here if name not in after}
    if after != before and len(after) <= _MOST:
        _write(file, after)
    return tuple(one if one.since else replace(one, since=_time(after[_name(one)])) for one in found)


def _name(fault: Fault) -> str:
    return f"{fault.code}|{fault.about}"


def _was_looked_for(name: str, looked_for: Collection[FaultCode], of: Collection[str]) -> bool:
    code, _, about = name.partition("|")
    return code in looked_for and (not of or about in of)


def _time(said: str) -> datetime | None:
    try:
        return datetime.fromisoformat(said)
    except ValueError:
        return None


def _read(file: Path) -> dict[str, str]:
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(name): str(at) for name, at in said.items()} if isinstance(said, dict) else {}


def _write(file: Path, seen: dict[str, str]) -> None:
    """Whole or not at all: the desk and a command may write at once."""
    with suppress(OSError):
        fresh = file.with_name(f".faults-{os.getpid()}")
        fresh.write_text(json.dumps(seen), encoding="utf-8")
        fresh.replace(file)
