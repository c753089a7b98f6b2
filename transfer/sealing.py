"""Sealing: what must not be readable at rest, and can be destroyed by destroying a key.

Rows that PostgreSQL deletes stay in heap pages and in the write-ahead log. A sealed value is gone once its key is
destroyed. There is one key per patient, from the first fact on, and one per institution and day for messages that
nobody has placed yet. Each paper in Incoming has a key of its own. A site key makes the HMACs by which things are found
again.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from transfer.errors import Refused
from transfer.identifiers import IncomingId, InstitutionId, PatientId

_NAME = re.compile(
    r"site|signer\.pem|patient/[a-z0-9]{1,40}|day/[a-z0-9-]{1,100}/\d{4}-\d\d-\d\d|incoming/[a-z0-9]{1,40}"
)


class KeyName(str):
    """`patient/<id>`, `day/<institution>/<date>`, `incoming/<id>`, `site` or `signer.pem`."""

    __slots__ = ()

    @property
    def is_one(self) -> bool:
        """It has the form of a name, and leads nowhere else where it is a path."""
        return bool(_NAME.fullmatch(self))

    @classmethod
    def patient(cls, patient: PatientId) -> "KeyName":
        return cls(f"patient/{patient}")

    @classmethod
    def day(cls, institution: InstitutionId, day: date) -> "KeyName":
        return cls(f"day/{institution}/{day.isoformat()}")

    @classmethod
    def incoming(cls, incoming: IncomingId) -> "KeyName":
        return cls(f"incoming/{incoming}")


SITE = KeyName("site")
#: what packets are signed with, in PEM
SIGNER = KeyName("signer.pem")


class KeyGone(Refused):
    """The key was destroyed: what it sealed is purged."""


class Keys(Protocol):
    """Keys, kept outside the database."""

    @property
    def are_near(self) -> bool:
        """They are on this machine: no question waits for another host."""

    def make(self, name: KeyName) -> None:
        """Make the key unless it is there.

        Only what makes a patient or opens a day calls this. A destroyed key must not come back under its old name.
        """

    def seal(self, name: KeyName, content: bytes, *, about: str) -> bytes:
        """AES-256-GCM under the key. `about`, an id of ours, is bound to it and is needed again to open it.

        Raises:
            KeyGone: there is no such key.
        """

    def seal_each(self, name: KeyName, contents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Each content sealed as by `seal`, by what it is about. The key is read once. Raises as `seal`."""

    def unseal(self, name: KeyName, sealed: bytes, *, about: str) -> bytes:
        """What was sealed.

        Raises:
            KeyGone: the key was destroyed.
            Unreadable: not what this key sealed about this thing.
        """

    def hmac(self, name: KeyName, content: bytes) -> bytes:
        """HMAC-SHA-256, 32 bytes."""

    def hmacs(self, name: KeyName, contents: Sequence[bytes]) -> list[bytes]:
        """That of each, in their order. The key is read once."""

    def destroy(self, name: KeyName) -> None:
        """Overwrite and remove the key, wherever a copy of it is kept. Destroying what is gone does nothing.

        Raises:
            Unavailable: it is gone here, and the place of the copies does not answer.
        """

    def has(self, name: KeyName) -> bool:
        """The key is here."""

    def was_destroyed(self, name: KeyName) -> bool:
        """Whether there was such a key and it was destroyed. A key can also be missing without that."""

    def note_end(self, permission: str, how: str) -> None:
        """Note outside the database that a permission ended. A ledger restored to an earlier time reads it.

        Called before the transaction commits. A note too many stops a permission that a person can let go on.
        """

    def noted_ends(self) -> Mapping[str, str]:
        """Permission → how it ended, for every permission that ended."""


def site_mark(keys: Keys) -> bytes:
    """What tells one installation's keys from another's, and nothing of any key. Raises as `Keys.hmac`."""
    return keys.hmac(SITE, b"these keys")
