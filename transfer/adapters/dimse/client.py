"""Finding a patient's studies at an archive, and fetching a series into the vault, by DIMSE.

An archive counts what it tried to send, and some count wrongly. So a series counts as complete only by a final status
of success and the set of SOP Instance UIDs.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from typing import Final

from transfer.adapters.dicom.asking import Question, studies
from transfer.adapters.dicom.fetching import Looks, store
from transfer.adapters.dicom.found import ArchiveEntry, first_text, required_uid, series_found
from transfer.adapters.dicom.header import checked_uid
from transfer.adapters.dicom.limits import DicomLimits
from transfer.adapters.dicom.series import Gathering
from transfer.adapters.dimse import command, identifier, negotiation
from transfer.adapters.dimse.association import Association, DimsePeer
from transfer.adapters.dimse.connection import DimseTimeouts, Ended
from transfer.adapters.dimse.fetch import Fetch
from transfer.adapters.dimse.negotiation import Context
from transfer.errors import TooLarge, Unexpected, Unreachable
from transfer.institutions import Institution
from transfer.patients import Demographics
from transfer.sources import KeepGoing, SeriesFound, SeriesObject, StudyFound, go_on
from transfer.staging import Vault

_STUDY: Final = "0020000D"
_SERIES: Final = "0020000E"
_INSTANCE: Final = "00080018"
_CLASS: Final = "00080016"
#: bytes of one answer, and of all answers to one search
_MOST_ANSWER: Final = 64 << 10
_MOST_ANSWERS: Final = 64 << 20


class DimseClient:
    """One archive. Safe to ask from several threads; each question is an association of its own.

    `keep_going` is called at least every second and every MiB, but while we connect. All methods raise:
        Unreachable: no answer, or "not now": congestion, out of resources, unable to process.
        TurnedAway: it does not know itself or us by the AE title, wants another certificate, or says "not authorized".
        Unexpected: what DIMSE does not know, or an archive without C-FIND and C-GET of the Study Root.
        TooLarge: beyond `limits`.
    """

    def __init__(
        self, peer: DimsePeer, *, timeouts: DimseTimeouts | None = None, limits: DicomLimits | None = None
    ) -> None:
        self._peer = peer
        self._timeouts = timeouts or DimseTimeouts()
        self._limits = limits or DicomLimits()

    def studies(
        self, who: Demographics, institution: Institution, *, keep_going: KeepGoing = go_on
    ) -> list[StudyFound]:
        """The patient's studies by the numbers this archive would know, and if that finds none by name and birth date.

        Whose they are is what the archive says, to be matched by the caller. None found means "not found under these
        identifiers", and nothing asked (no number it knows, no name with a birth date) finds nothing either.
        """
        return studies(who, institution, lambda question: self._studies(question, Looks(keep_going)))

    def series(self, study: str, *, keep_going: KeepGoing = go_on) -> list[SeriesFound]:
        """The study's series; none if the archive does not know the study (any more)."""
        keys = {"StudyInstanceUID": checked_uid(study)}
        with closing(self._asked("SERIES", keys, Looks(keep_going))) as entries:
            found = {required_uid(entry, _SERIES): series_found(entry) for entry in entries}
        return list(found.values())

    def instances(self, study: str, series: str, *, keep_going: KeepGoing = go_on) -> frozenset[str]:
        """The SOP Instance UIDs of a series; none if the archive does not know it (any more)."""
        keys = {"StudyInstanceUID": checked_uid(study), "SeriesInstanceUID": checked_uid(series)}
        with closing(self._asked("IMAGE", keys, Looks(keep_going))) as entries:
            return frozenset(required_uid(entry, _INSTANCE) for entry in entries)

    def fetch_series(
        self,
        study: str,
        series: str,
        *,
        expected: frozenset[str],
        wanted: frozenset[str] | None = None,
        institution: Institution,
        vault: Vault,
        keep_going: KeepGoing,
    ) -> SeriesObject | None:
        """Fetch a series into one new object: the whole of it, or the `wanted` rest by the UIDs of its instances.

        An association that breaks, stalls or runs out of time leaves a partial object with what came whole; ask again
        with what is missing as `wanted`. Asking twice makes two objects. None: all was answered and nothing came.

        Args:
            expected: what `instances` listed
            keep_going: called at the start, at least every MiB and at least every second but while we connect; what it
                raises (`ChangedMeanwhile`, `NotPermitted`) ends the fetch at once and nothing of it is kept

        Raises:
            CutShort: the archive broke off before one instance was whole, or could send none.
            Unreadable: nothing it sent was DICOM.
            Unexpected: nothing it sent was of this series.
            Unavailable: also if the vault did not take it.
        """
        keys = {"StudyInstanceUID": checked_uid(study), "SeriesInstanceUID": checked_uid(series)}
        rest = None if wanted is None or wanted == expected else wanted
        looks = Looks(keep_going)
        gathering = Gathering(study, series, expected, wanted, self._limits.series)
        fetch = Fetch(self._peer, self._timeouts, self._limits, looks, gathering)
        came = fetch.instances(keys, rest, lambda: self._classes(keys, looks))
        return store(gathering, came, vault, institution=institution)

    def _studies(self, question: Question, looks: Looks) -> dict[str, ArchiveEntry]:
        with closing(self._asked("STUDY", question, looks)) as entries:
            return {required_uid(entry, _STUDY): entry for entry in entries}

    def _classes(self, keys: Mapping[str, str], looks: Looks) -> dict[str, str | None]:
        """What a series has now, by SOP Instance UID, and of which SOP class each is if the archive says so."""
        with closing(self._asked("IMAGE", keys, looks)) as entries:
            return {required_uid(entry, _INSTANCE): first_text(entry, _CLASS) for entry in entries}

    def _asked(self, level: str, keys: Mapping[str, str], looks: Looks) -> Generator[ArchiveEntry, None, None]:
        """The answers to one C-FIND; not those of another study or series."""
        contexts = [Context(negotiation.FIND)]
        try:
            with Association(self._peer, contexts, self._timeouts, looks) as association:
                association.bound(self._timeouts.listing)
                asked = association.agreed.speaks(negotiation.FIND)
                question = command.question(command.FIND, negotiation.FIND, 1)
                association.send(asked, question, identifier.find(level, keys))
                for answer in self._answers(association, asked):
                    entry = identifier.entry(answer)
                    if _is_of(entry, keys):
                        yield entry
        except Ended:
            raise Unreachable("the archive broke off its list, or did not end it in time") from None

    def _answers(self, association: Association, asked: int) -> Iterator[bytes]:
        count = length = 0
        while True:
            context, said = association.command()
            if context != asked or not said.is_answer(command.FIND, 1):
                raise Unexpected("the archive answered a search with something else")
            answer = association.data_set(asked, _MOST_ANSWER) if said.has_data else None
            if said.status not in command.PENDING:
                break
            if answer is None:
                raise Unexpected("the archive found something and does not say what")
            count, length = count + 1, length + len(answer)
            if count > self._limits.entries or length > _MOST_ANSWERS:
                raise TooLarge(f"the archive lists more than {self._limits.entries} entries")
            yield answer
        if said.status != command.SUCCESS:
            raise command.refusal(said.status)


def _is_of(entry: ArchiveEntry, keys: Mapping[str, str]) -> bool:
    """Archives also ignore keys that they do not know and then answer with everybody's."""
    asked = ((_STUDY, keys.get("StudyInstanceUID")), (_SERIES, keys.get("SeriesInstanceUID")))
    return all(uid is None or first_text(entry, tag) in (None, uid) for tag, uid in asked)
