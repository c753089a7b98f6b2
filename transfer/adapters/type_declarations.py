"""Document type declarations of XML from outside: one rule for all who read it.

A declaration that only names a type, or where its DTD lies, says nothing: nothing is fetched. One with declarations of
its own is refused, so that no entity is ever defined and no attribute is given by default (XML 1.0, 2.8). So is an
entity that only the DTD elsewhere could define.
"""

from typing import TYPE_CHECKING

from transfer.errors import Unreadable

if TYPE_CHECKING:
    from xml.parsers.expat import XMLParserType


def guard(parser: "XMLParserType") -> None:
    """Have the parser refuse them: it raises `Unreadable` out of `Parse`."""
    parser.StartDoctypeDeclHandler = _hold_against
    parser.SkippedEntityHandler = _refuse


def _hold_against(_name: str, _system: str | None, _public: str | None, has_own: bool | int) -> None:
    if has_own:
        raise Unreadable("a document type declaration with declarations of its own")


def _refuse(*_: object) -> None:
    raise Unreadable("an entity that is defined elsewhere")
