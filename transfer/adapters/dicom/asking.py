"""Which studies are a patient's: what an archive is asked, and what of its answers is believed."""

import re
from collections.abc import Callable, Iterator, Mapping

from transfer.adapters.dicom.found import ArchiveEntry, has_name, has_number, study_found
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier
from transfer.sources import StudyFound

#: the keys to match, by keyword (PS3.6); the only wildcard is `*`
Question = Mapping[str, str]


def studies(
    who: Demographics, institution: Institution, ask: Callable[[Question], dict[str, ArchiveEntry]]
) -> list[StudyFound]:
    """The patient's studies by the numbers this archive would know, and if that finds none by name and birth date.

    Archives ignore keys that they do not know and then answer with everybody: what contradicts the question is
    dropped here, unread. `ask` gives the entries by Study Instance UID.
    """
    found: dict[str, ArchiveEntry] = {}
    known = set()
    for identifier, question in _by_number(who, institution):
        if identifier in known:
            continue  # found under another spelling of its issuer
        named = {uid: e for uid, e in ask(question).items() if has_number(e, identifier, institution)}
        known |= {identifier} if named else set()
        found |= named
    for question in _by_name(who):
        if found:
            break
        found |= {uid: e for uid, e in ask(question).items() if has_name(e, who)}
    return [study_found(entry, institution) for entry in found.values()]


def _by_number(who: Demographics, institution: Institution) -> Iterator[tuple[IssuedIdentifier, Question]]:
    """A question for each number this institution would know, under each of its spellings of the issuer.

    A number whose issuer it has no word for is not asked about: it would find whoever has that number there. Nor is
    one that is a wildcard or a list: it would find others.
    """
    for identifier in who.identifiers:
        if re.search(r"[*?\\^]", identifier.value):
            continue
        number = {"PatientID": identifier.value}
        for spelling, issuer in institution.issuers.items():
            if issuer == identifier.issuer and not re.search(r"[*?\\^:/]", spelling):
                yield identifier, {**number, "IssuerOfPatientID": spelling}
        if identifier.issuer == institution.default_issuer:
            yield identifier, number


def _by_name(who: Demographics) -> Iterator[Question]:
    """Questions by family name and birth date, as written and in capitals; none without a birth date.

    What is not a plain letter stands as a wildcard: it may be written, escaped or encoded otherwise there.
    """
    if who.birth_date is None:
        return
    patterns = [re.sub(r"[^A-Za-z0-9]+", "*", name.family).strip("*") + "*" for name in who.names]
    for pattern in dict.fromkeys(each for name in patterns for each in (name.upper(), name)):
        if len(pattern.replace("*", "")) >= 2:
            yield {"PatientName": pattern, "PatientBirthDate": f"{who.birth_date:%Y%m%d}"}
