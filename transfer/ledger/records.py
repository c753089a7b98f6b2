"""Records: what was collected, what of it is a copy of what, and the cases it serves."""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from transfer import codec, copies, facts
from transfer.body_parts import BodyPart, body_parts_in
from transfer.derived_copies import DerivedCopy
from transfer.facts import Chain
from transfer.flaws import AttachedFile, Flaw
from transfer.identifiers import ArrivalId, CaseId, InstitutionId, PatientId, RecordId, RequestId
from transfer.institutions import Basis
from transfer.ledger import Row, Tx, search_terms
from transfer.ledger.vault_objects import strike
from transfer.matching import MatchRule
from transfer.partial_dates import PartialDate
from transfer.patients import IssuedIdentifier
from transfer.permissions import Ruling
from transfer.records import Coding, Document, DocumentStatus, RecordKind, Relation
from transfer.sealing import KeyName
from transfer.staging import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What a record says of itself: sealed at rest."""

    title: str | None = None
    code: Coding | None = None
    at: datetime | None = None
    #: the day as its source says it; None: undated, or kept before days were
    day: PartialDate | None = None
    stated_at: datetime | None = None
    identifiers: tuple[IssuedIdentifier, ...] = ()
    parent: IssuedIdentifier | None = None
    further_parents: tuple[IssuedIdentifier, ...] = ()
    relation: Relation | None = None
    #: by what else another document of its source may name it
    aliases: tuple[IssuedIdentifier, ...] = ()
    labels: frozenset[str] = frozenset()
    #: the source's own entries for it, which it changes in place; the state in which it was read
    entries: tuple[IssuedIdentifier, ...] = ()
    version: str | None = None
    #: what its source calls each of its files, where there are several
    titles: tuple[str | None, ...] = ()
    study_instance_uid: str | None = None
    modalities: tuple[str, ...] = ()
    #: series UID → SOP instance UIDs the archive listed when it was last asked
    expected: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: instances whose files name another study or series, and of which no person has said that they belong here
    misplaced: tuple[str, ...] = ()
    #: instances that the archive rejected, and its rejection notes: they are given to nobody
    rejected: tuple[str, ...] = ()
    #: instances of which several came that differ; the first is the one that counts
    conflicting: tuple[str, ...] = ()
    #: files within its PDF, as they were found when it was opened
    attached: tuple[AttachedFile, ...] = ()
    #: of a pathology report, the parts that it calls malignant, as they were found when it was opened
    malignant: tuple[str, ...] = ()
    #: Study Instance UIDs of the images that it is the report of, as it names them
    studies: tuple[str, ...] = ()
    #: of a copy of some pages that a person made: of what, and which
    derived: DerivedCopy | None = None
    #: instances that did not come, and without which a person took the study
    lacking: tuple[str, ...] = ()
    #: keys of the lines of a checklist that a person who indexed it said it answers
    answers: frozenset[str] = frozenset()

    @classmethod
    def of(cls, document: Document) -> Self:
        """What a document says of itself. The archive says more of images."""
        return cls(
            title=document.title,
            code=document.code,
            at=document.at,
            day=document.day,
            stated_at=document.stated_at,
            identifiers=document.identifiers,
            parent=document.parent,
            further_parents=document.further_parents,
            relation=document.relation,
            aliases=document.aliases,
            labels=document.labels,
            entries=document.entries,
            studies=document.studies,
            answers=document.answers,
        )

    def terms(self, contents: Iterable[str] = ()) -> tuple[str, ...]:
        """By what it and others find each other (`transfer.copies.terms`), with what its files hold."""
        numbers = (*self.identifiers, *self.aliases, *self.entries)
        return copies.terms(numbers, contents, (self.parent, *self.further_parents))


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceLocation:
    """An instance within a series' object."""

    sop_instance_uid: str
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    series_instance_uid: str
    instances: tuple[InstanceLocation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPart:
    """Bytes of a record. `role`: received (as they came; of a message with several reports, the segments of one),
    format (the same in another format), extracted (a document in it), beside (what its source says besides its files),
    whole (a report put together of a correction and what it corrects), derived (some of its pages), series (a tar of
    images).
    """

    role: str
    content_type: str
    location: Location
    series: Series | None = None
    #: its own name where it is not the first of the record, or its images; None = the record's
    name: RecordId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as the ledger has it."""

    id: RecordId
    patient: PatientId
    institution: InstitutionId
    kind: RecordKind
    status: DocumentStatus
    is_whole: bool
    about: About
    arrival: ArrivalId | None
    kept_at: datetime
    #: every part of it was opened; until then it answers nothing
    is_opened: bool
    #: what keeps it from being read
    flaws: frozenset[Flaw]
    #: those that were seen while it came; the others were found when it was opened
    seen: frozenset[Flaw] = frozenset()

    # what it is known to be, as lines of a checklist hint at it (`transfer.completeness`)

    @property
    def code(self) -> str | None:
        return self.about.code.loinc if self.about.code else None

    @property
    def answers(self) -> frozenset[str]:
        return self.about.answers

    @property
    def modalities(self) -> frozenset[str]:
        return frozenset(self.about.modalities)

    @property
    def body(self) -> frozenset[BodyPart]:
        return body_parts_in(self.about.title)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRecord:
    """A record to keep. `origin` says where it is from (a URL, a number, a UID), so that it is kept once."""

    patient: PatientId
    institution: InstitutionId
    kind: RecordKind
    status: DocumentStatus
    origin: str
    about: About
    parts: tuple[RecordPart, ...]
    is_whole: bool = True
    arrival: ArrivalId | None = None
    #: what was seen to be wrong while it was read
    flaws: frozenset[Flaw] = frozenset()


def known(tx: Tx, patient: PatientId, origin: str) -> StoredRecord | None:
    """The record we keep of this origin already, also from when the patient was another one (`merging`)."""
    absorbed = tx.held_rows(patient, "SELECT absorbed FROM merged_patients WHERE kept = %s", patient)
    names = [named(tx, PatientId(one), origin) for one in (patient, *(row.absorbed for row in absorbed))]
    row = tx.row(
        "SELECT * FROM records WHERE patient = %s AND origin = ANY(ARRAY(SELECT unnest(%s::bytea[]))) LIMIT 1",
        *(patient, names),
    )
    return from_row(tx, row) if row and row.purged_at is None else None


def get(tx: Tx, record: str) -> StoredRecord | None:
    row = tx.row("SELECT * FROM records WHERE record = %s AND purged_at IS NULL", record)
    return from_row(tx, row) if row else None


def keep(tx: Tx, new: NewRecord) -> StoredRecord:
    """Keep a record, once per origin. A record kept before is returned unchanged."""
    if there := known(tx, new.patient, new.origin):
        return there
    record = RecordId.draw()
    key = KeyName.patient(new.patient)
    row = tx.row(
        """INSERT INTO records
             (record, patient, institution, kind, status, origin, is_whole, about, arrival, flaws, flaws_seen,
              kept_at)
           VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, transfer.now()) RETURNING *""",
        *(record, new.patient, new.institution, new.kind, new.status, named(tx, new.patient, new.origin), new.is_whole),
        *(tx.keys.seal(key, codec.dump(About, new.about), about=record), new.arrival, *[sorted(new.flaws)] * 2),
    )
    assert row is not None  # the line above kept it
    contents = [part.location.sha256 for part in new.parts if part.role != "series"]
    terms = new.about.terms(contents)
    with tx.at_once():
        _send_parts(tx, new.patient, record, new.parts, 1)
        tx.send(
            "INSERT INTO record_terms (term, record) SELECT unnest(%s::bytea[]), %s ON CONFLICT DO NOTHING",
            *([named(tx, new.patient, term) for term in terms], record),
        )
        if new.about.identifiers:
            search_terms.owe(tx, new.patient)
    return from_row(tx, row)


def add_parts(tx: Tx, patient: PatientId, record: RecordId, parts: Sequence[RecordPart]) -> None:
    first = tx.value("SELECT coalesce(max(part), 0) + 1 FROM record_parts WHERE record = %s", record)
    with tx.at_once():
        _send_parts(tx, patient, record, parts, first)


def _send_parts(tx: Tx, patient: PatientId, record: RecordId, parts: Sequence[RecordPart], first: int) -> None:
    for number, part in enumerate(parts, start=first):
        index = None
        if part.series:
            text = zlib.compress(codec.dump(Series, part.series))
            index = tx.keys.seal(KeyName.patient(patient), text, about=f"{record}.{number}")
        place = part.location
        tx.send(
            """INSERT INTO record_parts
                 (record, part, name, role, content_type, vault_key, start, length, sha256, index)
               VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)""",
            *(
                record,
                number,
                record if number == 1 or part.role == "series" else RecordId.draw(),
                part.role,
                part.content_type,
                place.key,
                place.offset,
                place.length,
                place.sha256,
                index,
            ),
        )
    strike(tx, [part.location.key for part in parts])


def parts(tx: Tx, kept: StoredRecord) -> list[RecordPart]:
    rows = tx.rows("SELECT * FROM record_parts WHERE record = %s ORDER BY part", kept.id)
    return [_part(tx, kept.patient, row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """How a record serves a case."""

    line: str | None
    basis: Basis
    permission: str | None
    copy_of: RecordId | None
    superseded: bool
    #: of its first part: the form in which it came
    content_type: str


def collect(
    tx: Tx,
    case: CaseId,
    kept: StoredRecord,
    line: str | None,
    ruling: Ruling,
    match_rule: MatchRule,
    *,
    copy_of: RecordId | None = None,
    request: RequestId | None = None,
) -> bool:
    """Join a record to a case under a basis in force. False: it serves the case already, and nothing is written."""
    assert ruling.basis is not None  # nobody collects what is not permitted
    new = tx.run(
        """INSERT INTO collected (case_id, record, line, basis, permission, copy_of) VALUES (%s, %s, %s, %s, %s, %s)
           ON CONFLICT DO NOTHING""",
        *(case, kept.id, line, ruling.basis, ruling.permission, copy_of),
    )
    if not new:
        return False
    size, content = _content(tx, kept)
    fact = facts.RecordCollected(
        record=kept.id,
        institution=kept.institution,
        document=kept.kind,
        status=kept.status,
        line=line,
        size=size,
        content=content,
        basis=ruling.basis,
        is_whole=kept.is_whole,
        match_rule=match_rule,
        permission=ruling.permission,
        request=request,
        arrival=kept.arrival,
        copy_of=copy_of,
        at=kept.about.at.isoformat() if kept.about.at else None,
        is_void=kept.status.is_void,
    )
    tx.append(Chain.case(case), fact)
    return True


def put_on_line(tx: Tx, case: CaseId, record: RecordId, line: str | None) -> None:
    """The case has another checklist, and the record stands on this line of it."""
    tx.run("UPDATE collected SET line = %s WHERE case_id = %s AND record = %s", line, case, record)


def held_for_others(tx: Tx, patient: PatientId, case: CaseId) -> list[tuple[StoredRecord, CaseId]]:
    """Records of the patient that serve other cases and not this one, in the order in which they came, each with a case
    that it serves. What is superseded in one of them answers nothing any more, and is not among them.
    """
    rows = tx.rows(
        """SELECT r.*, min(c.case_id) AS serves FROM records AS r JOIN collected AS c USING (record)
           WHERE r.patient = %s AND r.purged_at IS NULL
             AND NOT EXISTS (SELECT 1 FROM collected AS h WHERE h.record = r.record AND h.case_id = %s)
           GROUP BY r.record HAVING NOT bool_or(c.superseded) ORDER BY r.kept_at, r.record""",
        *(patient, case),
    )
    return [(from_row(tx, row), CaseId(row.serves)) for row in rows]


def complete(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    """Write that an imaging record's set of UIDs is whole now."""
    size, content = _content(tx, kept)
    tx.append(Chain.case(case), facts.RecordCompleted(record=kept.id, size=size, content=content))


def reject_images(tx: Tx, case: CaseId, kept: StoredRecord) -> None:
    """Write that the archive rejected images of a study, since the case was told of it last or at all."""
    count = len(kept.about.rejected)
    if tx.case(case).rejected.get(kept.id, (0, 0))[0] < count:
        tx.append(Chain.case(case), facts.ImagesRejected(record=kept.id, count=count))


def supersede(tx: Tx, case: CaseId, record: RecordId, by: RecordId | None, relation: Relation) -> None:
    """A later document replaces or withdraws this one; `by` is None where that one does not serve the case. Twice is
    once, and a document that serves the case after all is named then.
    """
    changed = tx.run(
        "UPDATE collected SET superseded = true WHERE case_id = %s AND record = %s AND NOT superseded", case, record
    )
    told = tx.case(case).superseded_by.get(record)
    if changed or (by and told and told.by_record is None):
        tx.append(Chain.case(case), facts.RecordSuperseded(record=record, by_record=by, relation=relation))


def joined(tx: Tx, case: CaseId) -> list[tuple[StoredRecord, Joined]]:
    """What serves a case and can still be read, in the order in which it came."""
    return _all_joined(tx, case, None)


def related(tx: Tx, case: CaseId, kept: StoredRecord) -> list[tuple[StoredRecord, Joined]]:
    """The other records of the case that share a term with this one (`transfer.copies.terms`), as `joined`."""
    rows = tx.rows(
        """SELECT DISTINCT o.record FROM record_terms AS m JOIN record_terms AS o USING (term)
           WHERE m.record = %s AND o.record <> %s""",
        *(kept.id, kept.id),
    )
    return _all_joined(tx, case, [row.record for row in rows])


def found_by(tx: Tx, case: CaseId, patient: PatientId, terms: Iterable[str]) -> list[tuple[StoredRecord, Joined]]:
    """The records of the case that have one of these terms, as `joined`."""
    sought = [named(tx, patient, term) for term in terms]
    rows = tx.rows("SELECT DISTINCT record FROM record_terms WHERE term = ANY(%s)", sought)
    return _all_joined(tx, case, [row.record for row in rows])


def _all_joined(tx: Tx, case: CaseId, among: list[str] | None) -> list[tuple[StoredRecord, Joined]]:
    rows = tx.rows(
        """SELECT r.*, c.line, c.basis, c.permission, c.copy_of, c.superseded,
             (SELECT content_type FROM record_parts AS p WHERE p.record = r.record ORDER BY part LIMIT 1)
           FROM collected AS c JOIN records AS r USING (record)
           WHERE c.case_id = %s AND r.purged_at IS NULL AND (%s::text[] IS NULL OR r.record = ANY(%s))
           ORDER BY r.kept_at, r.record""",
        *(case, among, among),
    )
    return [(from_row(tx, row), _joined(row)) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFile:
    """A document of a record: its SHA-256 in hexadecimal, and its type with the character set that its source says."""

    sha256: str
    content_type: str


def files(tx: Tx, kept: StoredRecord) -> list[RecordFile]:
    """Its documents; of images there are none."""
    rows = tx.rows("SELECT sha256, content_type FROM record_parts WHERE record = %s AND role <> 'series'", kept.id)
    return [RecordFile(sha256=row.sha256, content_type=row.content_type) for row in rows]


def about_all(tx: Tx, patient: PatientId) -> list[About]:
    rows = tx.rows("SELECT * FROM records WHERE patient = %s AND purged_at IS NULL", patient)
    return [from_row(tx, row).about for row in rows]


def _content(tx: Tx, kept: StoredRecord) -> tuple[int, str]:
    """Bytes of all parts, and the HMAC of their hashes."""
    rows = tx.rows("SELECT length, sha256 FROM record_parts WHERE record = %s ORDER BY part", kept.id)
    hashes = ",".join(row.sha256 for row in rows)
    return sum(row.length for row in rows), named(tx, kept.patient, f"bytes|{hashes}").hex()


def named(tx: Tx, patient: PatientId, text: str) -> bytes:
    """The HMAC of an origin or a term, under the patient's own key."""
    return tx.keys.hmac(KeyName.patient(patient), text.encode())


def from_row(tx: Tx, row: Row) -> StoredRecord:
    """A row of `records`, unsealed."""
    key = KeyName.patient(PatientId(row.patient))
    return StoredRecord(
        id=RecordId(row.record),
        patient=PatientId(row.patient),
        institution=InstitutionId(row.institution),
        kind=RecordKind(row.kind),
        status=DocumentStatus(row.status),
        is_whole=row.is_whole,
        about=codec.load(About, tx.keys.unseal(key, row.about, about=row.record)),
        arrival=ArrivalId(row.arrival) if row.arrival else None,
        kept_at=row.kept_at,
        is_opened=row.opened_at is not None,
        flaws=frozenset(map(Flaw, row.flaws)),
        seen=frozenset(map(Flaw, row.flaws_seen)),
    )


def _joined(row: Row) -> Joined:
    return Joined(
        line=row.line,
        basis=Basis(row.basis),
        permission=row.permission,
        copy_of=RecordId(row.copy_of) if row.copy_of else None,
        superseded=row.superseded,
        content_type=row.content_type,
    )


def _part(tx: Tx, patient: PatientId, row: Row) -> RecordPart:
    series = None
    if row.index:
        sealed = tx.keys.unseal(KeyName.patient(patient), row.index, about=f"{row.record}.{row.part}")
        series = codec.load(Series, zlib.decompress(sealed))
    place = Location(key=row.vault_key, offset=row.start, length=row.length, sha256=row.sha256)
    return RecordPart(
        role=row.role, content_type=row.content_type, location=place, series=series, name=RecordId(row.name)
    )
