"""What was renamed since it was stored: the names that stand in the ledger, and those that the code has today.

Facts and sealed rows hold names of ours, and neither is ever rewritten: a fact is hashed, a sealed row is out of the
reach of a migration. So they are read through these tables, by `transfer.facts` and `transfer.codec` and nobody else,
and whoever renames enters here what it was called. Nothing is taken out again. Examples:

    FACTS = {
        # the kind, a field and a value of a fact were renamed; the key is the kind as it is stored
        "key-lost": Former(kind="key-destroyed", fields={"who": "person"}, values={"reason": {"gone": "purged"}}),
        # a field alone: what is written from today on has the same kind
        "note-added": Former(fields={"hmac": "digest"}),
    }
    SEALED = {
        # fields of a dataclass and values of an enum, wherever one stands in what is sealed; the key is today's name
        "Demographics": {"sex": "gender"},
        "RecordKind": {"note": "clinical-note"},
    }

A former name leads straight to today's, however often it was renamed. It is never given to anything else again: the
kind of another fact, another field of the same one, another value. `values` are by today's field.

A table, a column or a plain value in a column is renamed by a migration, but for the column `facts.kind`, which says
what the text says that is hashed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What became of a kind of fact: its kind today (None = the same), fields by their former names, and for each field
    of today the values that have another name now.
    """

    kind: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


#: kinds of facts as they are stored
FACTS: Final[dict[str, Former]] = {
    "fence-in-force": Former(kind="stop-completed"),
    "strangers-purged": Former(kind="unmatched-purged"),
    "need-waived": Former(fields={"word": "waiver"}),
    "hold-opened": Former(values={"code": {"source-puzzles": "source-unclear", "whose-study": "whose-answer"}}),
    "hold-resolved": Former(fields={"word": "answer"}),
    "receipt-recorded": Former(fields={"word": "status"}),
    "record-collected": Former(fields={"tier": "match_rule"}),
    "match-decided": Former(fields={"word": "answer", "tier": "match_rule"}),
}

#: dataclasses and enums in what is sealed, by the names of today: what their fields or values were called
SEALED: Final[dict[str, Mapping[str, str]]] = {}
