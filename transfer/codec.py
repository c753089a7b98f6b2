"""Our nouns as JSON and back, for what is sealed at rest."""

from functools import cache
from typing import Any, TypeVar, cast

from pydantic import TypeAdapter

T = TypeVar("T")


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def dump(kind: type[T], thing: T) -> bytes:
    """JSON of a dataclass of ours, UTF-8."""
    return _adapter(cast(Any, kind)).dump_json(thing)


def load(kind: type[T], text: bytes) -> T:
    """The thing again, equal to the one dumped.

    Raises:
        pydantic.ValidationError: text that `dump` did not write.
    """
    return cast(T, _adapter(cast(Any, kind)).validate_json(text))
