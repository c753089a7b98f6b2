"""Patients, their epochs and their permissions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from transfer import codec, facts
from transfer.facts import Chain
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, PatientId, PermissionId
from transfer.ledger import Tx, lock_number, records
from transfer.matching import Candidate, lookup_terms
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization, Emergency, End, Permission
from transfer.sealing import SITE, KeyGone, KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who a patient is: as first said, and as other institutions have said since."""

    current: Demographics
    former: tuple[Demographics, ...] = ()


def share(tx: Tx, patient: PatientId) -> int:
    """Share the patient's epoch until this transaction ends, so that it cannot change. Returns it.

    Asking, collecting, disclosing and opening an egress do this first, then read the clock, then decide. The advisory
    lock comes before the row lock. With row locks alone, a stream of readers keeps a revocation waiting for seconds.
    """
    tx.row("SELECT pg_advisory_xact_lock_shared(%s)", lock_number(f"patient/{patient}"))
    return int(tx.value("SELECT epoch FROM patient_epochs WHERE patient = %s", patient))


def lock(tx: Tx, patient: PatientId) -> None:
    """Take the locks of `move`, before reading what decides whether to move. Nobody else ends or files meanwhile."""
    tx.row("SELECT pg_advisory_xact_lock(%s)", lock_number(f"patient/{patient}"))


def move(tx: Tx, patient: PatientId) -> int:
    """Begin the patient's next epoch. Nobody who shares the epoch works while this transaction lasts.

    Never call it after `share` in one transaction: two that do so wait for each other.
    """
    lock(tx, patient)
    return int(tx.value("UPDATE patient_epochs SET epoch = epoch + 1 WHERE patient = %s RETURNING epoch", patient))


def epoch(tx: Tx, patient: str) -> int:
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


def _write(tx: Tx, patient: PatientId, known: Identity) -> bool:
    sealed = tx.keys.seal(KeyName.patient(patient), codec.dump(Identity, known), about=patient)
    tx.run("UPDATE patients SET identity = %s WHERE patient = %s", sealed, patient)
    new = 0
    for term in terms(tx, known.current, *known.former):
        new += tx.run("INSERT INTO patient_terms (term, patient) VALUES (%s, %s) ON CONFLICT DO NOTHING", term, patient)
    return new > 0


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
    found = tx.rows("SELECT DISTINCT patient FROM patient_terms WHERE term = ANY(%s) LIMIT 50", terms(tx, said))
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


# --- permissions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A permission as the ledger has it."""

    permission: Permission
    patient: PatientId
    reference: bytes | None
    #: whose door the form came through
    filed_by: InstitutionId | None
    ended_at: datetime | None
    in_force_at: datetime | None
    purged_at: datetime | None


def file_form(tx: Tx, patient: PatientId, form: Authorization, arrival: ArrivalId, expires_at: datetime | None) -> str:
    """Keep a release form. The patient's epoch must have been moved in this transaction."""
    permission = PermissionId.draw()
    key = KeyName.patient(patient)
    text = codec.dump(Authorization, form)
    tx.run(
        "INSERT INTO permissions (permission, patient, arrival, reference, form, filed_at) "
        "VALUES (%s, %s, %s, %s, %s, transfer.now())",
        *(permission, patient, arrival, reference(tx, form.reference), tx.keys.seal(key, text, about=permission)),
    )
    tx.append(
        Chain.patient(patient),
        facts.PermissionFiled(
            permission=permission,
            arrival=arrival,
            form=tx.keys.hmac(key, text).hex(),
            expires_at=expires_at.isoformat() if expires_at else None,
        ),
    )
    return permission


def end_permission(tx: Tx, patient: PatientId, permission: str, end: End, arrival: str | None = None) -> None:
    """Write that a permission ended, and why. The patient's epoch must have been moved in this transaction."""
    tx.keys.note_end(permission, end)
    tx.run(
        "UPDATE permissions SET ended = %s, ended_at = transfer.now() WHERE permission = %s",
        *(end, permission),
    )
    tx.append(Chain.patient(patient), facts.PermissionEnded(permission=permission, end=end, arrival=arrival))


def resume_permission(tx: Tx, patient: PatientId, permission: str) -> None:
    """A paused permission goes on. The patient's epoch must have been moved in this transaction."""
    tx.run("UPDATE permissions SET ended = NULL, ended_at = NULL WHERE permission = %s", permission)
    tx.append(Chain.patient(patient), facts.PermissionResumed(permission=permission))


def filed(tx: Tx, patient: str) -> list[Filed]:
    """All release forms of a patient that can still be read, oldest first."""
    rows = tx.rows(
        """SELECT p.*, a.institution AS filed_by FROM permissions AS p LEFT JOIN arrivals AS a USING (arrival)
           WHERE p.patient = %s AND form IS NOT NULL ORDER BY filed_at""",
        patient,
    )
    key = KeyName.patient(PatientId(patient))
    return [
        Filed(
            permission=Permission(
                id=PermissionId(row.permission),
                form=codec.load(Authorization, tx.keys.unseal(key, row.form, about=row.permission)),
                ended=End(row.ended) if row.ended else None,
            ),
            patient=PatientId(row.patient),
            reference=row.reference,
            filed_by=InstitutionId(row.filed_by) if row.filed_by else None,
            ended_at=row.ended_at,
            in_force_at=row.in_force_at,
            purged_at=row.purged_at,
        )
        for row in rows
    ]


def permissions(tx: Tx, patient: str) -> list[Permission]:
    return [one.permission for one in filed(tx, patient)]


def declare_emergency(
    tx: Tx, patient: PatientId, discloser: InstitutionId, recipient: InstitutionId, clinician: str
) -> None:
    """Keep a clinician's declaration. The patient's epoch must have been moved in this transaction."""
    tx.run(
        "INSERT INTO emergencies (patient, discloser, recipient, clinician, declared_at) "
        "VALUES (%s, %s, %s, %s, transfer.now())",
        *(patient, discloser, recipient, clinician),
    )
    fact = facts.EmergencyDeclared(discloser=discloser, recipient=recipient, clinician=clinician)
    tx.append(Chain.patient(patient), fact)


def emergency(tx: Tx, patient: str, discloser: str, recipient: str) -> Emergency | None:
    """The last declaration about a release between these two, in force or not."""
    row = tx.row(
        """SELECT * FROM emergencies WHERE patient = %s AND discloser = %s AND recipient = %s
           ORDER BY declared_at DESC LIMIT 1""",
        *(patient, discloser, recipient),
    )
    if row is None:
        return None
    return Emergency(
        discloser=InstitutionId(row.discloser),
        recipient=InstitutionId(row.recipient),
        declared_by=row.clinician,
        declared_at=row.declared_at,
    )


def patient_of_permission(tx: Tx, permission: str) -> PatientId | None:
    patient = tx.value("SELECT patient FROM permissions WHERE permission = %s", permission)
    return PatientId(patient) if patient else None


def reference(tx: Tx, identifier: IssuedIdentifier | None) -> bytes | None:
    """How a form's own number is kept: an HMAC under the site key."""
    return tx.keys.hmac(SITE, f"form|{identifier.issuer}|{identifier.value}".encode()) if identifier else None


def open_cases(tx: Tx, patients: Iterable[str]) -> list[CaseId]:
    """The open cases of these patients, in the order in which they are locked."""
    rows = tx.rows("SELECT case_id FROM cases WHERE patient = ANY(%s) AND is_open ORDER BY case_id", list(patients))
    return [CaseId(row.case_id) for row in rows]
