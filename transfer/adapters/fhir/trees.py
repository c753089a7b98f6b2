"""JSON of others: read within bounds, checked against R4, and walked without trust.

A tree is what `json` makes of a resource. The readers below never raise on a wrong shape: what is not there, or is not
what R4 says, reads as absent.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from transfer.adapters.json_limits import MAX_STRUCTURAL_CHARACTERS, structural_characters
from transfer.errors import TooLarge, Unreadable

Tree = Mapping[str, Any]

#: nested objects and arrays; real resources stay below 30
MAX_DEPTH = 64
#: what one message may weigh, a signed form or a pushed report inside it included
MAX_BODY = 64 << 20
#: as text in memory, where one wide character makes all others as wide
MAX_DECODED = 40 << 20

_WIDE, _WIDEST = re.compile(rb"[\xc4-\xff]"), re.compile(rb"[\xf0-\xff]")
#: a decimal among what `dump` wrote: no string of a tree has NUL in it
_DECIMAL = re.compile(r'"\\u0000([^"\\]+)\\u0000"')
#: elements of an Attachment and a Binary
_READ_ELSEWHERE = frozenset({"data", "hash"})
_STANDS_FOR = "AA=="
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
_NO_OFFSET = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,39}")
_FIELD = re.compile(r"[a-z][A-Za-z_]{0,39}")


def parse(body: bytes, *, limit: int = MAX_BODY) -> dict[str, Any]:
    """The JSON object in `body`.

    Refused: other encodings than UTF-8, a key said twice (which one counts is a guess), NaN, lone surrogates and NUL
    (they cannot be stored or sent on), nesting beyond `MAX_DEPTH`. An empty string and a null count as left out: R4
    allows neither (https://hl7.org/fhir/R4/json.html), and senders write both. Decimals keep their digits.

    Raises:
        TooLarge: more than `limit` bytes, or more things in it than are read at once.
        Unreadable: not such an object.
    """
    weigh([body], limit=limit)
    try:
        tree = json.loads(
            body.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_no_constant, parse_float=Decimal
        )
    except (ValueError, RecursionError):
        raise Unreadable("not JSON as FHIR writes it") from None
    if not isinstance(tree, dict):
        raise Unreadable("not a JSON object")
    _bounded(tree)
    return tree


def weigh(chunks: Iterable[bytes], *, limit: int = MAX_BODY) -> None:
    """Whether `parse` would take it all, told without holding it: what is refused is refused at the door.

    Raises:
        TooLarge: it would not.
    """
    length, width, dense = 0, 1, 0
    for chunk in chunks:
        length, width, dense = length + len(chunk), max(width, _width(chunk)), dense + structural_characters(chunk)
    if length > limit or length * width > MAX_DECODED or dense > MAX_STRUCTURAL_CHARACTERS:
        raise TooLarge("more JSON than is taken at once")


def _width(body: bytes) -> int:
    """Bytes that each character of the text will take in memory: as many as the widest one needs."""
    if body.isascii():  # it is seen twenty times as fast
        return 1
    return 4 if _WIDEST.search(body) else 2 if _WIDE.search(body) else 1


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a key twice")
    return {key: _without_nothing(value, f"_{key}" in tree) for key, value in pairs if not _is_nothing(value)}


def _is_nothing(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _without_nothing(value: object, has_extensions: bool) -> object:
    """Of an array, what is there; a null that holds the place of an extension stays."""
    if isinstance(value, list) and not has_extensions:
        return [each for each in value if not _is_nothing(each)]
    return value


def dump(tree: Tree) -> bytes:
    """The tree as JSON, its decimals with the digits they came with; the same tree always gives the same bytes."""
    text = json.dumps(tree, ensure_ascii=False, separators=(",", ":"), default=lambda number: f"\0{number}\0")
    return _DECIMAL.sub(r"\1", text).encode()


def _no_constant(_: str) -> NoReturn:
    raise ValueError("not a JSON number")


def _bounded(tree: object) -> None:
    """Breadth first, so that a deep tree cannot exhaust our own stack."""
    level, depth = [tree], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Unreadable("JSON nested too deeply")
        level = [child for node in level for child in _children(node)]


def _children(node: object) -> Iterator[object]:
    if isinstance(node, dict):
        yield from node.keys()
        yield from node.values()
    elif isinstance(node, list):
        yield from node
    elif isinstance(node, str) and ("\0" in node or (not node.isascii() and _NO_CHARACTER.search(node))):
        raise Unreadable("JSON with characters that are none")


def check(resource: Tree) -> None:
    """Hold a resource against R4.

    A date-time without offset is let through: sites send it, and it is read in their own zone. A modifier extension
    is not: it may turn the meaning around, and R4 forbids to go on without knowing it
    (https://hl7.org/fhir/R4/extensibility.html#modifierExtension).

    Raises:
        Unreadable: says which element, never its value.
    """
    kind = check_meaning(resource)
    problem = _problem(kind, resource)
    if problem:
        raise Unreadable(f"{kind}: {problem}")


def check_meaning(resource: Tree) -> str:
    """The resource's type; nothing may turn its meaning around. What is left out of it is not asked about.

    Raises:
        Unreadable: as `check`.
    """
    kind = type_of(resource)
    if kind is None or not _is_of_r4(kind):
        raise Unreadable("not a FHIR resource")
    if resource.get("modifierExtension") or resource.get("implicitRules"):
        raise Unreadable(f"{kind}: changed by an extension we do not know")
    return kind


def _model(kind: str) -> Any:
    """Raises: KeyError, LookupError and others: R4 has no such type."""
    # half a second of work, which the process that only draws documents need not do
    from fhir.resources.R4B import get_fhir_model_class

    return get_fhir_model_class(kind)


def _is_of_r4(kind: str) -> bool:
    """Whether R4 has this type; a name it does not have is a word of the sender's own, and not repeated."""
    try:
        _model(kind)
    except Exception:  # noqa: BLE001  the library raises KeyError, LookupError and others
        return False
    return True


def _problem(kind: str, resource: Tree) -> str | None:
    """What does not fit R4, in words free of values."""
    try:
        _model(kind).model_validate(_with_offsets(resource))
    except Exception as error:  # noqa: BLE001  the library raises KeyError, TypeError and others on foreign trees
        return _told(error)
    return None


def _told(error: Exception) -> str:
    errors = getattr(error, "errors", None)
    if not callable(errors):
        return "does not fit FHIR R4"
    first = errors(include_input=False, include_url=False, include_context=False)[0]
    if first.get("type") == "extra_forbidden":
        # the last step of the path is a word of the sender's own
        return "has an element that R4 does not know"
    path = ".".join(step for step in first.get("loc", ()) if isinstance(step, str) and _FIELD.fullmatch(step))
    return f"does not fit FHIR R4 at {path}" if path else "does not fit FHIR R4"


def _with_offsets(node: Any) -> Any:
    """A copy for the models, which change what they are given and refuse what is empty, or a time without offset.

    Bytes and their hash are left to who decodes them, more leniently; here something stands for them, so that an
    attachment of nothing else is one.
    """
    if isinstance(node, Mapping):
        inside = {key: _STANDS_FOR if _is_read_elsewhere(key, one) else _with_offsets(one) for key, one in node.items()}
        return {key: value for key, value in inside.items() if value not in ({}, [])}
    if isinstance(node, list):
        return [item for item in map(_with_offsets, node) if item not in ({}, [])]
    if isinstance(node, str) and len(node) < 32 and _NO_OFFSET.fullmatch(node):
        return f"{node}Z"
    return node


def _is_read_elsewhere(key: str, value: object) -> bool:
    return key in _READ_ELSEWHERE and isinstance(value, str)


def type_of(resource: object) -> str | None:
    """The resource's type, if it is one."""
    kind = resource.get("resourceType") if isinstance(resource, Mapping) else None
    return kind if isinstance(kind, str) and _TYPE.fullmatch(kind) else None


def text(tree: object, *path: str) -> str | None:
    """The non-blank text at `path`, stripped."""
    node = tree
    for step in path:
        node = node.get(step) if isinstance(node, Mapping) else None
    return node.strip() or None if isinstance(node, str) else None


def truth(tree: Tree, name: str) -> bool | None:
    """A boolean, also where it is written as text; None: there is none."""
    said = tree.get(name)
    if isinstance(said, str):
        return {"true": True, "false": False}.get(said.strip().lower())
    return said if isinstance(said, bool) else None


def child(tree: object, *path: str) -> Tree:
    """The object at `path`; an empty one where there is none."""
    node = tree
    for step in path:
        node = node.get(step) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def children(tree: object, *path: str) -> list[Tree]:
    """The objects in the array at `path`."""
    node = child(tree, *path[:-1]).get(path[-1])
    return [item for item in node if isinstance(item, Mapping)] if isinstance(node, list) else []


def texts(tree: object, *path: str) -> list[str]:
    """The non-blank texts in the array at `path`."""
    node = child(tree, *path[:-1]).get(path[-1])
    return [item.strip() for item in node if isinstance(item, str) and item.strip()] if isinstance(node, list) else []


def codings(*concepts: object) -> list[Tree]:
    """The codings of CodeableConcepts, in order, those without a code left out."""
    return [coding for concept in concepts for coding in children(concept, "coding") if text(coding, "code")]


def extensions(resource: object, url: str) -> list[Tree]:
    return [each for each in children(resource, "extension") if text(each, "url") == url]


def objects_in(tree: object) -> Iterator[Tree]:
    """All objects in a tree, itself among them. `parse` bounded how deep it is."""
    left: list[Any] = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left += node.values()
        elif isinstance(node, list):
            left += node
