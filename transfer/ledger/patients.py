"""Patients: who they are, the terms by which they are found, and the epoch in which their permissions are read."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from transfer import codec, facts
from transfer.facts import Chain
from transfer.identifiers import ArrivalId, PatientId
from transfer.ledger import Tx, lock_number, records, search_terms
from transfer.ledger.connections import ANY_OF
from transfer.matching import Candidate, lookup_terms
from transfer.patients import Demographics, IssuedIdentifier
from transfer.sealing import SITE, KeyGone, KeyName

#: a row for a patient whom the ledger no longer knows
FORGOTTEN: Final = "SELECT 1 FROM patients WHERE patient = %s AND identity IS NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a patient is: as first said, and as other institutions have said since."""

    current: Demographics
    former: tuple[Demographics, ...] = ()


def hold_epoch_shared(tx: Tx, patient: PatientId) -> int:
    """Share the patient's epoch until this transaction ends, so that it cannot change. Returns it.

    Asking, collecting, disclosing and opening an egress do this first, then read the clock, then decide. The advisory
    lock comes before the row lock. With row locks alone, a stream of readers keeps a revocation waiting for seconds.
    """
    if patient not in tx.epochs:
        held = "SELECT hold_epoch(%s, %s)"
        tx.epochs[patient] = int(tx.value(held, lock_number(f"patient/{patient}"), patient))
    return tx.epochs[patient]


def hold_epoch_exclusive(tx: Tx, patient: PatientId) -> None:
    """Take the lock of `begin_epoch`, before reading what decides on it. Nobody else ends or files meanwhile."""
    tx.row("SELECT pg_advisory_xact_lock(%s)", lock_number(f"patient/{patient}"))


def begin_epoch(tx: Tx, patient: PatientId) -> int:
    """Begin the patient's next epoch. Nobody who shares the epoch works while this transaction lasts.

    Never call it after `hold_epoch_shared` in one transaction: two that do so wait for each other.
    """
    hold_epoch_exclusive(tx, patient)
    begun = "UPDATE patient_epochs SET epoch = epoch + 1, begun_at = transfer.now() WHERE patient = %s RETURNING epoch"
    tx.epochs[patient] = int(tx.value(begun, patient))
    tx.grounds.clear()
    return tx.epochs[patient]


def current_epoch(tx: Tx, patient: str) -> int:
    """The epoch now, without holding it."""
    return int(tx.value("SELECT epoch FROM patient_epochs WHERE patient = %s", patient))


def meet(tx: Tx, said: Demographics, arrival: ArrivalId) -> PatientId:
    """Make a new patient known."""
    patient = PatientId.draw()
    tx.keys.make(KeyName.patient(patient))
    tx.run("INSERT INTO patients (patient, known_at) VALUES (%s, transfer.now())", patient)
    tx.run("INSERT INTO patient_epochs (patient) VALUES (%s)", patient)
    tx.append(Chain.patient(patient), facts.PatientKnown(arrival=arrival))
    _write(tx, patient, Identity(current=said))
    return patient


def learn(tx: Tx, patient: PatientId, said: Demographics) -> bool:
    """Keep the names and numbers another institution uses for a patient whom we recognised. Twice is once.

    True: the patient can be found by a new term, so sealed messages with that term have to be matched.
    """
    known = identity(tx, patient)
    if known is None or said == known.current or said in known.former:
        return False
    hold_terms(tx, terms(tx, said), exclusive=True)
    return _write(tx, patient, Identity(current=known.current, former=(*known.former, said)))


def identity(tx: Tx, patient: str) -> Identity | None:
    """The patient's identity; None once purged."""
    sealed = tx.value("SELECT identity FROM patients WHERE patient = %s", patient)
    if sealed is None:
        return None
    try:
        return codec.load(Identity, tx.keys.unseal(KeyName.patient(PatientId(patient)), sealed, about=patient))
    except KeyGone:
        return None


def identities(tx: Tx, wanted: Iterable[PatientId]) -> dict[PatientId, Identity]:
    """Who these are, by one question; whoever is purged is left out."""
    rows = tx.rows(
        f"SELECT patient, identity FROM patients WHERE patient = {ANY_OF} AND identity IS NOT NULL",  # noqa: S608  ours
        sorted({*wanted}),
    )
    found = {}
    for row in rows:
        key = KeyName.patient(PatientId(row.patient))
        with suppress(KeyGone):
            found[PatientId(row.patient)] = codec.load(Identity, tx.keys.unseal(key, row.identity, about=row.patient))
    return found


def _write(tx: Tx, patient: PatientId, known: Identity) -> bool:
    sealed = tx.keys.seal(KeyName.patient(patient), codec.dump(Identity, known), about=patient)
    tx.run("UPDATE patients SET identity = %s WHERE patient = %s", sealed, patient)
    new = 0
    for term in terms(tx, known.current, *known.former):
        new += tx.run("INSERT INTO patient_terms (term, patient) VALUES (%s, %s) ON CONFLICT DO NOTHING", term, patient)
    search_terms.owe(tx, patient)
    return new > 0


def absorb(tx: Tx, patient: PatientId, theirs: Identity, absorbed: PatientId) -> None:
    """The patient is also known by what the absorbed one was known by, who is known by nothing any more."""
    known = identity(tx, patient)
    assert known is not None  # the caller made sure
    said = tuple(dict.fromkeys((*known.former, theirs.current, *theirs.former)))
    hold_terms(tx, terms(tx, *said), exclusive=True)
    tx.run("UPDATE patients SET identity = NULL WHERE patient = %s", absorbed)
    tx.run("DELETE FROM patient_terms WHERE patient = %s", absorbed)
    search_terms.forget(tx, absorbed)
    _write(tx, patient, Identity(current=known.current, former=tuple(one for one in said if one != known.current)))


def restore(tx: Tx, known: Mapping[PatientId, Identity]) -> None:
    """Each of these is known by this, and by nothing else."""
    said = [one for who in known.values() for one in (who.current, *who.former)]
    hold_terms(tx, terms(tx, *said), exclusive=True)
    for patient, who in known.items():
        tx.run("DELETE FROM patient_terms WHERE patient = %s", patient)
        _write(tx, patient, who)


def is_forgotten(tx: Tx, patient: PatientId) -> bool:
    """Whether the ledger no longer says who it was."""
    return bool(tx.held_rows(patient, FORGOTTEN, patient))


#: the patient, and who was merged into them: each is looked for by its key
_WITH_ABSORBED: Final = "patient = ANY(ARRAY(SELECT absorbed FROM merged_patients WHERE kept = %s) || %s::text)"


def place_legal_hold(tx: Tx, patient: PatientId) -> bool:
    """From now on nothing of the patient is destroyed. False: it stands already, and nothing is written."""
    if legal_hold_since(tx, patient) is not None:
        return False
    tx.run("UPDATE patients SET legal_hold_since = transfer.now() WHERE patient = %s", patient)
    tx.append(Chain.patient(patient), facts.LegalHoldPlaced())
    return True


def lift_legal_hold(tx: Tx, patient: PatientId) -> bool:
    """The patient's records may be destroyed again. False: no legal hold stands, and nothing is written."""
    lifted = tx.rows(
        f"UPDATE patients SET legal_hold_since = NULL WHERE {_WITH_ABSORBED} AND legal_hold_since IS NOT NULL "  # noqa: S608  ours
        "RETURNING patient",
        *(patient, patient),
    )
    for row in sorted(lifted):
        tx.append(Chain.patient(PatientId(row.patient)), facts.LegalHoldLifted())
    return bool(lifted)


def legal_hold_since(tx: Tx, patient: PatientId) -> datetime | None:
    """Since when nothing of the patient may be destroyed, UTC; None: it may. A legal hold goes along in a merge."""
    return tx.value(  # type: ignore[no-any-return]
        f"SELECT min(legal_hold_since) FROM patients WHERE {_WITH_ABSORBED}",  # noqa: S608  a text of ours
        *(patient, patient),
    )


def hold_terms(tx: Tx, held: Iterable[bytes], *, exclusive: bool = False) -> None:
    """Lock these terms until this transaction ends. Lock no patient after this.

    Whoever makes a patient known holds them alone. Whoever seals an unmatched message shares them and matches again. So
    the one sees the patient, or the other sees the sealed message.
    """
    way = "pg_advisory_xact_lock" if exclusive else "pg_advisory_xact_lock_shared"
    numbers = sorted(lock_number(f"term/{term.hex()}") for term in held)
    tx.rows(f"SELECT {way}(number) FROM unnest(%s::bigint[]) AS number", numbers)  # noqa: S608  one of two names above


def terms(tx: Tx, *said: Demographics) -> list[bytes]:
    """The terms by which a person is found again: HMACs under the site key."""
    return sorted({tx.keys.hmac(SITE, term.encode()) for term in lookup_terms(*said)})


def candidates(tx: Tx, said: Demographics) -> list[Candidate]:
    """The patients who share a number, or name and birth date, with what was said."""
    found = tx.rows(
        "SELECT DISTINCT patient FROM patient_terms WHERE term = ANY(ARRAY(SELECT unnest(%s::bytea[]))) LIMIT 50",
        terms(tx, said),
    )
    known = ((PatientId(row.patient), identity(tx, row.patient)) for row in found)
    return [
        Candidate(
            patient=patient,
            current=who.current,
            former=who.former,
            study_identifiers=_study_identifiers(tx, patient),
        )
        for patient, who in known
        if who
    ]


def _study_identifiers(tx: Tx, patient: PatientId) -> frozenset[IssuedIdentifier]:
    return frozenset(i for about in records.about_all(tx, patient) for i in about.identifiers)


def known(tx: Tx) -> list[PatientId]:
    """Everybody of whom the ledger still says who it is."""
    rows = tx.rows("SELECT patient FROM patients WHERE identity IS NOT NULL ORDER BY 1")
    return [PatientId(row.patient) for row in rows]
