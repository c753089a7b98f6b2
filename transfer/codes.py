"""Codes that carry fields: what was done, why not, what to do instead. Words for people are made of them elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, Self, TypeVar

#: an identifier, a code, a number, or several of the first two; never anything of a patient
Value = str | int | tuple[str, ...]


class Code(StrEnum):
    """A code, and the names of the fields that go with it. A member is written `NAME = "code", "field", ...`."""

    fields: tuple[str, ...]

    def __new__(cls, value: str, *fields: str) -> Self:
        code = str.__new__(cls, value)
        code._value_ = value
        code.fields = fields
        return code


C = TypeVar("C", bound=Code)


@dataclass(frozen=True, init=False)
class Coded(Generic[C]):
    """A code with its fields.

    Raises:
        ValueError: a field is missing, or one is given that the code does not have.
    """

    code: C
    fields: Mapping[str, Value]

    def __init__(self, code: C, /, **fields: Value) -> None:
        if fields.keys() != set(code.fields):
            raise ValueError(f"{code} goes with {', '.join(code.fields) or 'no field'}")
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "fields", MappingProxyType(fields))
