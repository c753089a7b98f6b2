"""Patients are found by all that is known of them: names, birth dates, and every number that a person may read out."""

from collections.abc import Iterator
from typing import Final

from transfer import codec
from transfer.facts import Chain, RequestAnswered
from transfer.flow.services import WithLedger
from transfer.identifiers import PatientId
from transfer.ledger import Tx, cases, materials, notes, patients, records, search_terms
from transfer.sealing import KeyGone
from transfer.searching import terms_of
from transfer.source_answers import SaidBy

_AT_ONCE: Final = 50


def make_searchable(services: WithLedger, *, at_most: int | None = None) -> None:
    """Write the terms of everybody whose terms are owed, or of so many. Twice is once."""
    done = 0
    while at_most is None or done < at_most:
        with services.ledger.transaction() as tx:
            owed = search_terms.take_owed(tx, _AT_ONCE)
            for patient in owed:
                _write(tx, patient)
        if not owed:
            return
        done += len(owed)


def _write(tx: Tx, patient: PatientId) -> None:
    patients.hold_epoch_shared(tx, patient)  # nobody is purged or merged meanwhile
    who = patients.identity(tx, patient)
    if who is None:
        search_terms.forget(tx, patient)
        return
    try:
        numbers = [*_numbers_of_records(tx, patient), *_numbers_of_cases(tx, patient)]
    except KeyGone:
        return
    search_terms.write(tx, patient, terms_of((who.current, *who.former), numbers))


def _numbers_of_records(tx: Tx, patient: PatientId) -> Iterator[str]:
    """Accession and report numbers."""
    for about in records.about_all(tx, patient):
        yield from (one.value for one in about.identifiers)


def _numbers_of_cases(tx: Tx, patient: PatientId) -> Iterator[str]:
    """The accessions of slides and blocks, and the numbers that sources gave to our requests."""
    for case in cases.of_patient(tx, patient):
        for kept in materials.of_case(tx, case, patient):
            if kept.label:
                yield kept.label.accession
        for line in tx.lines(Chain.case(case)):
            if isinstance(line.fact, RequestAnswered) and line.fact.note and (text := notes.read(tx, line.fact.note)):
                said = codec.load(SaidBy, text.encode())
                if said.reference:
                    yield said.reference
