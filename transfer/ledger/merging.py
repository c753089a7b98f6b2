"""Two patients of ours who are one person become one, and can be taken apart again.

What was the absorbed one's is sealed anew under the other's key, in one transaction: names, forms, records, notes,
messages, plans of packets. Cases go along by a fact of their own. The absorbed one's key stays: HMACs in facts and the
origins of its records were made with it. It is destroyed with the other's.
A declared emergency does not go along: whoever declared it meant one patient.
"""

from collections.abc import Callable, Sequence
from typing import Final

from transfer import codec, facts
from transfer.arrivals import ArrivalKind
from transfer.facts import Chain
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId, HoldId, PatientId
from transfer.ledger import (
    Tx,
    arrivals,
    cases,
    compared,
    heeded,
    packets,
    patients,
    permissions,
    purging,
    records,
    rounds,
)
from transfer.ledger.patients import Identity
from transfer.permissions import End
from transfer.records import Relation
from transfer.sealing import KeyName

#: tables of what is a patient's by name: the kind of item, its column, and the column that is sealed
_OWNED: Final = (
    ("permission", "permissions", "permission", "form"),
    ("record", "records", "record", "about"),
    ("note", "notes", "note", "text"),
    ("arrival", "arrivals", "arrival", "payload"),
)
#: tables of what is sealed under the key of the case's patient
_OF_CASES: Final = (
    ("packets", "packet", "plan", str),
    ("packets", "packet", "content", packets.content_about),
    ("materials", "material", "about", str),
)


def lock(tx: Tx, among: Sequence[PatientId]) -> None:
    """Take these patients for this transaction alone, and all their cases. The caller holds no lock yet."""
    for patient in sorted(among):
        patients.hold_epoch_exclusive(tx, patient)
    for case in sorted(one for patient in among for one in cases.of_patient(tx, patient)):
        tx.lock_case(case)


def is_under_way(tx: Tx, among: Sequence[PatientId]) -> bool:
    """Whether bytes of one of them are leaving, are being stopped, or are being purged."""
    row = tx.row(
        """SELECT 1 FROM egress WHERE patient = ANY(%s) AND closed_at IS NULL
           UNION ALL SELECT 1 FROM permissions WHERE patient = ANY(%s) AND ended IS NOT NULL AND form IS NOT NULL
             AND (stop_completed_at IS NULL OR stop_completed_at < ended_at) LIMIT 1""",
        *(list(among), list(among)),
    )
    return row is not None


def absorbed_into(tx: Tx, patient: PatientId) -> list[PatientId]:
    """Who was merged into this patient, and is not taken apart."""
    rows = tx.rows("SELECT absorbed FROM merged_patients WHERE kept = %s ORDER BY merged_at", patient)
    return [PatientId(row.absorbed) for row in rows]


def last_case_into(tx: Tx, kept: PatientId) -> CaseId:
    """A case of who was merged into this patient last, and so is taken apart first. The caller knows of somebody."""
    return _cases_of(tx, absorbed_into(tx, kept)[-1])[0]


def of_case(tx: Tx, case: CaseId) -> tuple[PatientId, PatientId] | None:
    """The patients that this case's was and is, where its patient was absorbed: absorbed, kept."""
    row = tx.row(
        """SELECT m.absorbed, m.kept FROM merged_items JOIN merged_patients AS m USING (absorbed)
           WHERE kind = 'case' AND was_of = absorbed AND item = %s""",
        case,
    )
    return (PatientId(row.absorbed), PatientId(row.kept)) if row else None


def merge(tx: Tx, absorbed: PatientId, kept: PatientId, hold: HoldId) -> list[CaseId]:
    """Make one patient of two. The caller holds `lock` and has made sure that both can be read. Returns its cases."""
    theirs, own = patients.identity(tx, absorbed), patients.identity(tx, kept)
    assert theirs is not None  # the caller made sure
    assert own is not None
    key = KeyName.patient(kept)
    tx.run(
        """INSERT INTO merged_patients (absorbed, kept, identity, its_own, merged_at)
           VALUES (%s, %s, %s, %s, transfer.now())""",
        *(absorbed, kept),
        *(tx.keys.seal(key, codec.dump(Identity, one), about=absorbed) for one in (theirs, own)),
    )
    for patient in (absorbed, kept):
        for kind, table, name, _ in (*_OWNED, ("case", "cases", "case_id", "")):
            tx.run(
                f"INSERT INTO merged_items SELECT %s, %s, %s, {name} FROM {table} WHERE patient = %s",  # noqa: S608  ours
                *(absorbed, patient, kind, patient),
            )
    compared.forget(tx, absorbed)
    compared.forget(tx, kept, but=HoldAnswer.OURS)  # who was somebody else may be this patient now
    _hand_over(tx, absorbed, absorbed, kept)
    heeded.copy_to(tx, absorbed, kept)
    patients.absorb(tx, kept, theirs, absorbed)
    for patient in (absorbed, kept):
        tx.append(Chain.patient(patient), facts.PatientsMerged(absorbed=absorbed, kept=kept, hold=hold))
        patients.begin_epoch(tx, patient)
    return cases.of_patient(tx, kept)


def split(
    tx: Tx, absorbed: PatientId, kept: PatientId, whose: Callable[[CaseId], PatientId | None]
) -> tuple[list[CaseId], list[CaseId]]:
    """Take apart who was merged last. The caller holds `lock`. Returns the cases of both, and those of them that were
    opened for the one that they were, and of which `whose` cannot tell: they stay with the kept one.

    Each is known again by what they were known by, and has what was theirs. What came since was taken for one person's:
    messages are matched anew, forms among them; what was fetched is forgotten, with the packets made of it, and is
    fetched anew. What people said of the one that they were does not stand for either.
    """
    row = tx.row("SELECT identity, its_own FROM merged_patients WHERE absorbed = %s", absorbed)
    assert row is not None  # the caller looked
    key = KeyName.patient(kept)
    theirs, own = (codec.load(Identity, tx.keys.unseal(key, one, about=absorbed)) for one in row)
    for patient in (absorbed, kept):
        tx.append(Chain.patient(patient), facts.PatientsSplit(absorbed=absorbed, kept=kept))
        patients.begin_epoch(tx, patient)
    compared.forget(tx, kept)
    _forget_what_came_since(tx, absorbed, kept)
    both = cases.of_patient(tx, kept)
    patients.restore(tx, {kept: own, absorbed: theirs})
    owners = {case: whose(case) for case in _opened_since(tx, absorbed, kept)}
    for case, owner in owners.items():
        if owner == absorbed:
            _list_case(tx, absorbed, case)
    _hand_over(tx, absorbed, kept, absorbed)
    tx.run("DELETE FROM merged_patients WHERE absorbed = %s", absorbed)
    for case in both:
        _take_out_strange_records(tx, case)
    return both, [case for case, owner in owners.items() if owner is None]


def _opened_since(tx: Tx, absorbed: PatientId, kept: PatientId) -> list[CaseId]:
    rows = tx.rows(
        """SELECT case_id FROM cases WHERE patient = %s AND NOT EXISTS
             (SELECT 1 FROM merged_items WHERE absorbed = %s AND kind = 'case' AND item = case_id) ORDER BY 1""",
        *(kept, absorbed),
    )
    return [CaseId(row.case_id) for row in rows]


def _list_case(tx: Tx, absorbed: PatientId, case: CaseId) -> None:
    """The case goes to the absorbed one with its referral and with what was written on it."""
    notes = [note for line in tx.lines(Chain.case(case)) if (note := getattr(line.fact, "note", None))]
    referrals = arrivals.of_subject(tx, case, ArrivalKind.REFERRAL)
    for kind, items in (("case", [case]), ("note", notes), ("arrival", referrals)):
        for item in items:
            tx.run(
                "INSERT INTO merged_items VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                *(absorbed, absorbed, kind, item),
            )


def _forget_what_came_since(tx: Tx, absorbed: PatientId, kept: PatientId) -> None:
    since = {
        kind: [
            row.item
            for row in tx.rows(
                f"""SELECT {name} AS item FROM {table} WHERE patient = %s AND NOT EXISTS
                      (SELECT 1 FROM merged_items WHERE absorbed = %s AND kind = %s AND item = {name})""",  # noqa: S608
                *(kept, absorbed, kind),
            )
        ]
        for kind, table, name, _ in _OWNED
    }
    # A form that ended stays with who ended it: nothing that was stopped begins again.
    forms = tx.rows(
        "SELECT permission, arrival, ended FROM permissions WHERE permission = ANY(%s)", since["permission"]
    )
    for form in forms:
        if form.ended is None:
            permissions.end(tx, kept, form.permission, End.ENTERED_IN_ERROR)
            permissions.complete_stop(tx, kept, form.permission)
    over = {form.arrival for form in forms if form.ended is not None}
    tx.run("UPDATE records SET arrival = NULL WHERE record = ANY(%s)", since["record"])
    purging.forget_records(tx, kept, since["record"])
    for name in sorted(set(since["arrival"]) - over):
        arrival = arrivals.claim(tx, name)
        if arrival and arrival.kind in (ArrivalKind.ANSWER, ArrivalKind.AUTHORIZATION):
            arrivals.is_not_of(tx, arrival, [])
            dag, subject = arrivals.reopen(tx, arrival)
            rounds.owe(tx, dag, subject)


def _cases_of(tx: Tx, absorbed: PatientId) -> list[CaseId]:
    rows = tx.rows(
        "SELECT item FROM merged_items WHERE absorbed = %s AND was_of = absorbed AND kind = 'case' ORDER BY 1", absorbed
    )
    return [CaseId(row.item) for row in rows]


def _hand_over(tx: Tx, absorbed: PatientId, before: PatientId, after: PatientId) -> None:
    """All that is listed as the absorbed one's, from one key to the other."""
    moved = _cases_of(tx, absorbed)
    for kind, table, name, column in _OWNED:
        listed = f"SELECT item FROM merged_items WHERE absorbed = %s AND was_of = absorbed AND kind = '{kind}'"  # noqa: S608
        where = f"{name} IN ({listed}) AND patient = %s"
        _seal_anew(tx, table, name, column, where, (absorbed, before), before, after)
        tx.run(f"UPDATE {table} SET patient = %s WHERE {where}", after, absorbed, before)  # noqa: S608  names of ours
    for table, name, column, about in _OF_CASES:
        _seal_anew(tx, table, name, column, "case_id = ANY(%s)", (moved,), before, after, about)
    _hand_over_records(tx, absorbed, before, after)
    tx.run(
        """UPDATE egress SET patient = %s WHERE disclosure IN
             (SELECT disclosure FROM disclosures JOIN packets USING (packet) WHERE case_id = ANY(%s))""",
        *(after, moved),
    )
    for case in moved:
        tx.append(Chain.case(case), facts.CaseMoved(patient=after))


def _seal_anew(
    tx: Tx,
    table: str,
    name: str,
    column: str,
    where: str,
    values: Sequence[object],
    before: PatientId,
    after: PatientId,
    about: Callable[[str], str] = str,
) -> None:
    """`about`: what a value of this column is sealed about, by the name of its row."""
    old, new = KeyName.patient(before), KeyName.patient(after)
    rows = tx.rows(f"SELECT {name} AS item, {column} AS sealed FROM {table} WHERE {where}", *values)  # noqa: S608  ours
    for row in rows:
        if row.sealed is not None:
            plain = tx.keys.unseal(old, row.sealed, about=about(row.item))
            sealed = tx.keys.seal(new, plain, about=about(row.item))
            tx.run(f"UPDATE {table} SET {column} = %s WHERE {name} = %s", sealed, row.item)  # noqa: S608  names of ours
    if table == "arrivals":
        tx.run("UPDATE arrivals SET key = %s WHERE arrival = ANY(%s)", new, [row.item for row in rows])


def _hand_over_records(tx: Tx, absorbed: PatientId, before: PatientId, after: PatientId) -> None:
    """The indexes of their series, and the terms by which copies are found."""
    old, new = KeyName.patient(before), KeyName.patient(after)
    listed = "SELECT item FROM merged_items WHERE absorbed = %s AND was_of = absorbed AND kind = 'record'"
    for row in tx.rows(f"SELECT record, part, index FROM record_parts WHERE record IN ({listed})", absorbed):  # noqa: S608
        if row.index is not None:
            about = f"{row.record}.{row.part}"
            sealed = tx.keys.seal(new, tx.keys.unseal(old, row.index, about=about), about=about)
            tx.run("UPDATE record_parts SET index = %s WHERE record = %s AND part = %s", sealed, row.record, row.part)
    for row in tx.rows(listed, absorbed):
        if kept := records.get(tx, row.item):
            tx.run("DELETE FROM record_terms WHERE record = %s", kept.id)
            contents = sorted({file.sha256 for file in records.files(tx, kept)})
            for term in kept.about.terms(contents):
                tx.run(
                    "INSERT INTO record_terms (term, record) VALUES (%s, %s) ON CONFLICT DO NOTHING",
                    *(tx.keys.hmac(new, term.encode()), kept.id),
                )


def _take_out_strange_records(tx: Tx, case: CaseId) -> None:
    """What is of another patient than the case no longer counts in it."""
    opened = tx.case(case).as_opened
    for kept, _ in records.joined(tx, case) if opened else ():
        if opened and kept.patient != opened.patient:
            records.supersede(tx, case, kept.id, None, Relation.WITHDRAWS)
