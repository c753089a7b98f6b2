"""Sealing: what must not be readable at rest, and can be destroyed by destroying a key.

Rows that PostgreSQL deletes stay in heap pages and in the write-ahead log; a sealed value whose key is gone does not.
There is one key per patient from the first fact on, one per institution and day for what nobody has placed yet, and a
site key for the HMACs by which things are found again.
"""

from datetime import date
from typing import Protocol

from transfer.errors import Refused
from transfer.identifiers import InstitutionId, PatientId


class KeyName(str):
    """`patient/<id>`, `day/<institution>/<date>` or `site`."""

    __slots__ = ()

    @classmethod
    def patient(cls, patient: PatientId) -> "KeyName":
        return cls(f"patient/{patient}")

    @classmethod
    def day(cls, institution: InstitutionId, day: date) -> "KeyName":
        return cls(f"day/{institution}/{day.isoformat()}")


SITE = KeyName("site")


class KeyGone(Refused):
    """The key was destroyed: what it sealed is purged."""


class Keys(Protocol):
    """Keys, kept outside the database."""

    def make(self, name: KeyName) -> None:
        """Make the key unless it is there. Only what makes a patient or opens a day calls this: a destroyed key must
        not come back under its old name by accident.
        """

    def seal(self, name: KeyName, content: bytes, *, about: str) -> bytes:
        """AES-256-GCM under the key; `about` (an id of ours) is bound to it and must be given again to open it.

        Raises:
            KeyGone: there is no such key.
        """

    def unseal(self, name: KeyName, sealed: bytes, *, about: str) -> bytes:
        """What was sealed.

        Raises:
            KeyGone: the key was destroyed.
            Unreadable: not what this key sealed about this thing.
        """

    def hmac(self, name: KeyName, content: bytes) -> bytes:
        """HMAC-SHA-256, 32 bytes."""

    def destroy(self, name: KeyName) -> None:
        """Overwrite and remove the key. Destroying what is gone does nothing."""
