"""What documents that a case did not collect say of others, kept for those that come after them.

A withdrawal or a correction may be covered by no permission, or wait for a person, while the document that it ends is
still on its way. Only the word is kept, sealed under the patient's key; it goes with the patient.
"""

from dataclasses import dataclass

from transfer import codec
from transfer.identifiers import InstitutionId, PatientId
from transfer.ledger import Row, Tx
from transfer.ledger.records import About, StoredRecord, named
from transfer.records import DocumentStatus, RecordKind
from transfer.sealing import KeyName


@dataclass(frozen=True, slots=True, kw_only=True)
class HeededWord:
    """Who said it, and what."""

    institution: InstitutionId
    kind: RecordKind
    status: DocumentStatus
    about: About


def keep(tx: Tx, patient: PatientId, word: HeededWord) -> None:
    """Keep what a document says. Twice is once."""
    plain = codec.dump(About, word.about)
    said = b"|".join((word.institution.encode(), word.kind.encode(), word.status.encode(), plain))
    digest = tx.keys.hmac(KeyName.patient(patient), b"heeded|" + said)
    terms = [named(tx, patient, term) for term in word.about.terms()]
    tx.run(
        """INSERT INTO heeded_words (term, digest, patient, institution, kind, status, word)
           SELECT unnest(%s::bytea[]), %s, %s, %s, %s, %s, %s ON CONFLICT DO NOTHING""",
        *(terms, digest, patient, word.institution, word.kind, word.status),
        tx.keys.seal(KeyName.patient(patient), plain, about=digest.hex()),
    )


def about_record(tx: Tx, kept: StoredRecord) -> list[HeededWord]:
    """The words that share a number with this record."""
    rows = tx.rows(
        """SELECT DISTINCT ON (w.digest) w.digest, w.patient, w.institution, w.kind, w.status, w.word
             FROM heeded_words AS w JOIN record_terms AS t USING (term)
           WHERE t.record = %s AND w.patient = %s ORDER BY w.digest""",
        *(kept.id, kept.patient),
    )
    return [_word(tx, row) for row in rows]


def copy_to(tx: Tx, absorbed: PatientId, kept: PatientId) -> None:
    """What was said of one patient holds for the one that it became. It stays known of the first: the two may be taken
    apart again.
    """
    rows = tx.rows(
        """SELECT DISTINCT ON (digest) digest, patient, institution, kind, status, word
             FROM heeded_words WHERE patient = %s ORDER BY digest""",
        absorbed,
    )
    for row in rows:
        keep(tx, kept, _word(tx, row))


def _word(tx: Tx, row: Row) -> HeededWord:
    key = KeyName.patient(PatientId(row.patient))
    return HeededWord(
        institution=InstitutionId(row.institution),
        kind=RecordKind(row.kind),
        status=DocumentStatus(row.status),
        about=codec.load(About, tx.keys.unseal(key, row.word, about=bytes(row.digest).hex())),
    )
