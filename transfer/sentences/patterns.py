"""Patterns of sentences with the fields of their codes, and the few that need a function."""

from collections.abc import Callable, Mapping

from transfer.codes import Value

Pattern = str | Callable[[Mapping[str, Value]], str]


def filled(pattern: Pattern, fields: Mapping[str, Value]) -> str:
    """A pattern with its fields in place."""
    if not isinstance(pattern, str):
        return pattern(fields)
    return pattern.format_map({k: ", ".join(v) if isinstance(v, tuple) else v for k, v in fields.items()})


def counted(fields: Mapping[str, Value]) -> str:
    told = f"{fields['received']} of {fields['expected']}" if fields["expected"] else f"{fields['received']}"
    wrong = f": {fields['discrepancy']}" if fields["discrepancy"] else ""
    return f"{told} {fields['kind']}s in hand{wrong}"


def differing(fields: Mapping[str, Value]) -> str:
    found = fields["discrepancies"]
    return f": {', '.join(found)}" if isinstance(found, tuple) and found else ""


def wrong(fields: Mapping[str, Value]) -> str:
    found = fields["findings"]
    return f", and permits nothing: {', '.join(found)}" if isinstance(found, tuple) and found else ""
