"""From the instances an archive sends to one object in the vault, stopped at once when it may not go on."""

import time
from collections.abc import Generator, Iterable
from contextlib import closing
from typing import Final, cast

from transfer.adapters.dicom import header
from transfer.adapters.dicom.series import TAR_END, Bytes, Gathering
from transfer.errors import CutShort, Unexpected, Unreadable
from transfer.institutions import Institution
from transfer.sources import Ending, KeepGoing, SeriesObject
from transfer.staging import CHUNK, Vault

#: asked for at once; what one `recv` brings is handed on as it is
PIECE: Final = 256 << 10


class _NothingWhole(Exception):
    """Not one instance came whole: there is nothing to keep."""


class Looks:
    """Asks whether to go on: when told to, at least every MiB, and at least every second while it hears anything."""

    def __init__(self, keep_going: KeepGoing) -> None:
        self._keep_going = keep_going
        self._unseen = 0
        self._at = time.monotonic()

    def now(self) -> None:
        self._keep_going()
        self._unseen, self._at = 0, time.monotonic()

    def after(self, count: int) -> None:
        """So many bytes came; none if we only waited."""
        self._unseen += count
        if self._unseen + PIECE > CHUNK or time.monotonic() - self._at > 0.5:
            self.now()


def store(
    gathering: Gathering,
    came: Generator[Bytes, None, None],
    vault: Vault,
    *,
    institution: Institution,
) -> SeriesObject | None:
    """Keep what `came` brings of a series as one object; None if all was answered and nothing came.

    Raises:
        CutShort: the archive broke off before one instance was whole.
        Unreadable: nothing it sent was a DICOM file.
        Unexpected: nothing it sent was of this series.
        Unavailable: the vault did not take it, and what `came` raises.
    """
    try:
        with closing(_tar(gathering, came)) as tar:
            location = vault.keep(cast("Iterable[bytes]", tar))
    except _NothingWhole:
        _refuse_silence(gathering)
        return None
    return SeriesObject(
        study_instance_uid=gathering.study_instance_uid,
        series_instance_uid=gathering.series_instance_uid,
        location=location,
        index=tuple(gathering.index.values()),
        complete=gathering.is_whole,
        ending=gathering.ending,
        stated=tuple(dict.fromkeys(header.demographics(each, institution) for each in gathering.stated)),
        labels=frozenset[str]().union(
            *(header.labels(each, institution.labels) for each in gathering.confidential.values())
        ),
        conflicting=tuple(gathering.conflicting),
        misplaced=frozenset(gathering.misplaced),
        strays=frozenset(gathering.strays),
        rejected=frozenset(gathering.rejected),
        unreadable=gathering.unreadable,
    )


def _tar(gathering: Gathering, came: Generator[Bytes, None, None]) -> Generator[Bytes, None, None]:
    yield from came
    if not gathering.index:
        raise _NothingWhole
    yield TAR_END


def _refuse_silence(gathering: Gathering) -> None:
    """Nothing came. That is an answer only if it was closed, and nothing else came in its place."""
    if gathering.ending is not Ending.CLOSED:
        raise CutShort("the archive broke off before one image was whole") from None
    if gathering.unreadable:
        raise Unreadable("the archive sent no DICOM files") from None
    if gathering.strays:
        raise Unexpected("the archive sent nothing but images of another study or series") from None
