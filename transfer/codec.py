"""Our nouns as JSON and back, for what is sealed at rest."""

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import SchemaValidator, from_json, to_json
from pydantic_core.core_schema import CoreConfig

from transfer.former import SEALED

T = TypeVar("T")
#: what was read as JSON, with the names of today in it
Renaming = Callable[[Any], Any]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


@cache
def _reader(kind: Any) -> SchemaValidator:
    """Reads what was dumped as this type, and refuses a field that its dataclass does not have: pydantic would leave it
    out, and with it what was stored under a name that is no more. Its errors repeat nothing of what was sealed.
    """
    return SchemaValidator(_closed(_adapter(kind).core_schema), CoreConfig(hide_input_in_errors=True))


def _closed(schema: Any) -> Any:
    if isinstance(schema, dict):
        closed = {key: _closed(one) for key, one in schema.items()}
        return closed | {"extra_behavior": "forbid"} if schema.get("type") == "dataclass-args" else closed
    return [_closed(one) for one in schema] if isinstance(schema, list) else schema


def prepare(*kinds: type[Any]) -> None:
    """Make what reads and writes these, so that forks of this process have it. Twice is once."""
    for kind in kinds:
        _reader(cast(Any, kind))


def dump(kind: type[T], thing: T) -> bytes:
    """JSON of a dataclass of ours, UTF-8."""
    return _adapter(cast(Any, kind)).dump_json(thing)


def load(kind: type[T], text: bytes) -> T:
    """The thing again, equal to the one dumped. What was dumped under former names is read as well.

    Raises:
        ValueError: text that `dump` did not write.
    """
    reader = _reader(cast(Any, kind))
    try:
        return cast(T, reader.validate_json(text))
    except ValidationError:  # as when a name in it is a former one: no name of today ever meant something else
        return cast(T, reader.validate_json(to_json(_renaming(cast(Any, kind))(from_json(text)))))


@cache
def _renaming(kind: Any) -> Renaming:
    """How what was dumped as this type is read. What cannot be one is left as it is, for pydantic to refuse."""
    if is_dataclass(kind):
        return _of_fields(cast(type, kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _of_values(kind.__name__)
    within = [one for one in get_args(kind) if one not in (NoneType, ...)]
    if not within:
        return _as_it_is
    # The values of a dictionary; of a sequence, and of "this or nothing", the only type there is.
    read = _renaming(within[-1])
    if get_origin(kind) is dict:
        return lambda found: {key: read(one) for key, one in found.items()} if isinstance(found, dict) else found
    if len(within) > 1:
        raise TypeError(f"{kind}: what is sealed says of each thing what it is")
    if get_origin(kind) in (tuple, frozenset):
        return lambda found: [read(one) for one in found] if isinstance(found, list) else found
    return read


def _of_fields(kind: type) -> Renaming:
    hints = get_type_hints(kind)
    known = {one.name: hints[one.name] for one in fields(cast(Any, kind))}
    former = SEALED.get(kind.__name__, {})

    def read(found: Any) -> Any:
        if not isinstance(found, dict):
            return found
        said = {former.get(name, name): value for name, value in found.items()}
        # Not before it is needed: a type may hold things of its own kind.
        return {name: _renaming(known[name])(value) if name in known else value for name, value in said.items()}

    return read


def _of_values(name: str) -> Renaming:
    former = SEALED.get(name, {})
    return lambda found: former.get(found, found) if isinstance(found, str) else found


def _as_it_is(found: Any) -> Any:
    return found
