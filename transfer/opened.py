"""What is found in a document when it is opened: whether people can read it, and whose it says that it is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from transfer.flaws import AttachedFile, Flaw
from transfer.identifiers import PatientId
from transfer.institutions import Institution
from transfer.patients import Demographics, PersonName, fold


@dataclass(frozen=True, slots=True)
class WrittenPatient:
    """A name and a birth date that stand together in a document. `births`: the days that it may mean, the usual reading
    first. Words are read by guess: it is somebody else only where both are another's.
    """

    name: PersonName
    births: tuple[date, ...]

    @property
    def said(self) -> Demographics:
        return Demographics(names=(self.name,), birth_date=self.births[0])

    def is_another_than(self, known: Iterable[Demographics]) -> bool:
        """Whether no birth date and no family name of all that a patient is and was called is the one that is written.

        A patient without a birth date or a name that is known is not compared.
        """
        everything = list(known)
        births = {one.birth_date for one in everything if one.birth_date}
        families = {name.family for one in everything for name in one.names}
        if births & {*self.births}:
            return False
        words = {fold(word) for word in re.split(r"[\s-]+", f"{self.name.family} {' '.join(self.name.given)}")}
        ours = {fold(word) for family in families for word in (family, *re.split(r"[\s-]+", family))}
        ours = {word for word in ours if len(word) > 1}
        return bool(births and ours) and not ours & (words | {fold(self.name.family)})


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedDocument:
    """What keeps it from being read; with none of that it opens. `named`: the patients that it names as its own, also
    in what it carries inside.
    """

    flaws: frozenset[Flaw] = frozenset()
    named: tuple[Demographics, ...] = ()
    #: the patients whom its words name by labels, where it has no header that does
    written: tuple[WrittenPatient, ...] = ()
    #: what its reader does not see on its pages; opened as documents of their own
    attached: tuple[AttachedFile, ...] = ()
    #: of a pathology report, the parts that it calls malignant
    malignant: tuple[str, ...] = ()
    #: it says no to a release: in what it carries, in its words, or in a form that is filled in
    objects: bool = False


class Opener(Protocol):
    """Who opens a document or an image that was collected, and says what is in it. None of it is trusted.

    Opening the same again says the same.
    """

    def document(
        self,
        content_type: str,
        length: int,
        chunks: Iterable[bytes],
        source: Institution,
        patient: PatientId | None = None,
    ) -> OpenedDocument:
        """Open a document of `length` bytes, with what it carries inside. Its patients are named in the words and with
        the numbers of its `source`. `patient`: whom it came for; documents of another's, or of nobody's, are read
        apart from it.

        One that cannot be opened within the bounds of time and memory is `UNREADABLE`, and so is one that names its
        patient where nothing of ours can read it.

        Raises:
            Unavailable: it cannot be opened now, and that says nothing about the document.
        """

    def image(self, length: int, chunks: Iterable[bytes]) -> frozenset[Flaw]:
        """What keeps one DICOM file from being read; its pixels are counted, not decoded. Raises as `document`."""
