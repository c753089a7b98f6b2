"""Hierarchic designators, by which HL7 v2 names applications and facilities (data type HD, v2.9 ch. 2.A.33).

A designator has a namespace, a universal id with its type, or all three. A file says as much as it wants to hold the
sender to: each component it gives must be what was sent, and what it leaves out is not looked at. So `COMMHOSP` is also
`COMMHOSP^2.16.840.1.113883.19^ISO`.
"""

from typing import NamedTuple

#: types whose ids are the same in capitals and small letters: RFC 4343, RFC 9562
_CASELESS = frozenset({"DNS", "GUID", "UUID"})
_COMPONENTS = 3


class Designator(NamedTuple):
    """Empty where nothing is said."""

    namespace: str
    universal_id: str = ""
    universal_id_type: str = ""

    @classmethod
    def read(cls, field: str, component: str = "^") -> "Designator":
        """A field as it stands in a message or a file.

        Blanks at the end of a component mean nothing (ST, v2.9 ch. 2.A.75). Capitals and small letters differ, but for
        the type and for the ids of a type that says otherwise.
        """
        said = [part.rstrip(" ") for part in field.split(component, _COMPONENTS)[:_COMPONENTS]]
        namespace, universal_id, kind = (*said, "", "", "")[:_COMPONENTS]
        kind = kind.upper()
        return cls(namespace, universal_id.lower() if kind in _CASELESS else universal_id, kind)

    @property
    def is_said(self) -> bool:
        """It names somebody, as HD wants it: a namespace, or an id with its type."""
        return bool(self.universal_id) == bool(self.universal_id_type) and bool(self.namespace or self.universal_id)

    def covers(self, sent: "Designator") -> bool:
        """Every component said here is the one that was sent."""
        return all(not ours or ours == theirs for ours, theirs in zip(self, sent, strict=True))

    def meets(self, other: "Designator") -> bool:
        """Something could be sent that both cover."""
        return all(not (ours and theirs) or ours == theirs for ours, theirs in zip(self, other, strict=True))
