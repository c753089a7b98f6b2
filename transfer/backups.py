"""A backup as a noun: what it holds, so that a flipped bit, a missing file and an alteration are all found."""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from typing import Any, Self

import rfc8785

from transfer.errors import Unknown
from transfer.identifiers import BackupId
from transfer.remedies import Remedy, RemedyCode
from transfer.sealing import KeyName


class NoBackup(Unknown):
    """There is no whole backup here: none, an unfinished one, or one that was damaged or altered."""

    remedy = Remedy(RemedyCode.CHECK_BACKUP)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUpTable:
    """One table of the ledger: its rows as COPY's text, and the SHA-256 of that text."""

    name: str
    columns: tuple[str, ...]
    rows: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedUpObject:
    """One object of the vault: its bytes, sealed under the key `under`. `sha256` is of the bytes as they were kept."""

    key: str
    size: int
    sha256: str
    under: KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What one backup holds. `purged` are objects that were purged while it was taken; `lacking` those that the store
    did not give, or not as they were kept: a person should know of them at once.

    The names of these fields, and of those in `Table` and `Kept`, stand in what is stored: with others it is another
    `format`.
    """

    backup: BackupId
    taken_at: datetime
    lapses: date
    code: str
    migration: str
    tables: tuple[BackedUpTable, ...]
    objects: tuple[BackedUpObject, ...]
    purged: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all objects."""
        return sum(one.size for one in self.objects)

    def dumps(self) -> bytes:
        """The one text of this manifest (RFC 8785)."""
        plain = asdict(self) | {"taken_at": self.taken_at.isoformat(), "lapses": self.lapses.isoformat()}
        return rfc8785.dumps(json.loads(json.dumps({"format": 1, **plain})))

    @classmethod
    def loads(cls, text: bytes) -> Self:
        """Raises `NoBackup` for anything that is no manifest of ours."""
        try:
            found = json.loads(text)
            if found.pop("format") != 1 or found.keys() != {one.name for one in fields(cls)}:
                raise ValueError
            return cls(**{name: _read(name, value) for name, value in found.items()})
        except (AttributeError, KeyError, TypeError, ValueError):
            raise NoBackup("its manifest is none that this version can read") from None


def outlived(backups: Collection[Manifest], today: date, keep: int | None) -> list[Manifest]:
    """Those to be destroyed, oldest first: whose day is over, and with `keep` all but so many of the newest.

    The newest stays whatever its day says: nobody is left without any.
    """
    by_age = sorted(backups, key=lambda one: (one.taken_at, one.backup))
    too_many = by_age[: -max(keep, 1)] if keep is not None else []
    return [one for one in by_age[:-1] if one.lapses < today or one in too_many]


def _read(name: str, value: Any) -> Any:
    match name:
        case "backup":
            return BackupId(value)
        case "taken_at":
            return datetime.fromisoformat(value)
        case "lapses":
            return date.fromisoformat(value)
        case "tables":
            return tuple(BackedUpTable(**{**one, "columns": tuple(one["columns"])}) for one in value)
        case "objects":
            return tuple(_kept(one) for one in value)
        case "purged" | "lacking":
            return tuple(value)
    return value


def _kept(one: Mapping[str, Any]) -> BackedUpObject:
    return BackedUpObject(**{**one, "under": KeyName(one["under"])})
