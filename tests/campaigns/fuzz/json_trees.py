"""Mutations of JSON as a tree: bytes changed at random are seldom JSON, and a parser refuses them at its door."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from random import Random
from typing import Any

_STRANGE: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1e308,
        10**30,
        "",
        " ",
        "x",
        "\0",
        "\ud800",
        "\U0001f480",
        [],
        {},
        [[]],
        [{}],
        [None],
        {"": {}},
    ),
    *(
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
        "2026-02-30",
        "2026",
        "urn:uuid:1",
        "#1",
        "http://x/Patient/1",
    ),
)


def mutated(data: bytes, random: Random) -> bytes | None:
    """One to four changes to the first JSON object or array in `data`; None where there is none."""
    start = min((at for at in (data.find(b"{"), data.find(b"[")) if at >= 0), default=-1)
    if start < 0:
        return None
    try:
        tree, end = json.JSONDecoder().raw_decode(data[start:].decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    box = [tree]
    for _ in range(random.randint(1, 4)):
        places = list(_places(box))
        random.choice(_CHANGES)(*random.choice(places), places, random)
    try:
        rest = data[start:].decode("utf-8", "surrogateescape")[end:].encode("utf-8", "surrogateescape")
        return data[:start] + json.dumps(box[0]).encode() + rest
    except (ValueError, RecursionError):
        return None


Place = tuple[Any, Any]


def _places(node: Any) -> Iterator[Place]:
    """Every container with every key or index in it."""
    waiting = [node]
    while waiting:
        here = waiting.pop()
        for key in here if isinstance(here, dict) else range(len(here)):
            yield here, key
            if isinstance(here[key], dict | list):
                waiting.append(here[key])


def _strange(here: Any, key: Any, places: list[Place], random: Random) -> None:
    here[key] = deepcopy(random.choice(_STRANGE))


def _from_elsewhere(here: Any, key: Any, places: list[Place], random: Random) -> None:
    other, at = random.choice(places)
    if at in other if isinstance(other, dict) else at < len(other):
        here[key] = deepcopy(other[at])


def _gone(here: Any, key: Any, places: list[Place], random: Random) -> None:
    if isinstance(here, dict):
        del here[key]


def _twice(here: Any, key: Any, places: list[Place], random: Random) -> None:
    if isinstance(here[key], list) and here[key]:
        here[key].append(deepcopy(random.choice(here[key])))
    else:
        here[key] = [deepcopy(here[key])] * 2


def _other_name(here: Any, key: Any, places: list[Place], random: Random) -> None:
    names = [at for _, at in places if isinstance(at, str)]
    if isinstance(here, dict) and names:
        here[random.choice(names)] = deepcopy(here[key])


def _other_text(here: Any, key: Any, places: list[Place], random: Random) -> None:
    if isinstance(here[key], str) and here[key]:
        at = random.randrange(len(here[key]))
        here[key] = here[key][:at] + random.choice(("", "\u0660", "-", "/", "T", "9", "A", "|")) + here[key][at + 1 :]


_CHANGES: tuple[Callable[[Any, Any, list[Place], Random], None], ...] = (
    _strange, _from_elsewhere, _gone, _twice, _other_name, _other_text,
)  # fmt: skip
