"""What must be so after a kill, once the sweeper has looked: nothing lost, nothing twice, nothing left open.

The *picture* is how everything stands at the end, without our random names and the times. It is the same whether a
process was killed on the way or not.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import psycopg

from tests.kit.acts import objects
from tests.kit.house import House
from transfer.errors import TransferError
from transfer.identifiers import PacketId, PatientId
from transfer.ledger import Tx, packets, trail
from transfer.staging import Location

Picture = dict[str, list[str]]

#: what a try leaves in the trail: asked again, begun again, and what became of the first time
OF_A_TRY = frozenset({"request-moved", "disclosure-begun", "disclosure-settled", "egress-permitted", "egress-closed"})

_STANDS = {
    "arrivals": """SELECT institution, door, kind, state, outcome, patient IS NOT NULL, conflicts,
        coalesce(payload IS NOT NULL OR vault_key IS NOT NULL, false), lease_until IS NOT NULL FROM arrivals""",
    "sealed by": "SELECT kind, split_part(key, '/', 1) FROM arrivals WHERE state <> 'purged'",
    "cases": "SELECT stage, is_open FROM cases",
    "requests": "SELECT institution, department, state, lease_until IS NOT NULL FROM requests",
    "records": """SELECT institution, kind, status, is_whole, purged_at IS NOT NULL, about IS NOT NULL,
        (SELECT string_agg(concat_ws('/', role, content_type, sha256), ' ' ORDER BY role, sha256) FROM record_parts AS p
         WHERE p.record = r.record AND role <> 'series'),
        (SELECT count(*) FROM record_parts AS p WHERE p.record = r.record) > 0 FROM records AS r""",
    "collected": "SELECT line, basis, superseded, copy_of IS NOT NULL, permission IS NOT NULL FROM collected",
    "permissions": """SELECT ended, form IS NOT NULL, purged_at IS NOT NULL, stop_completed_at IS NOT NULL
        FROM permissions""",
    "patients": "SELECT identity IS NOT NULL FROM patients",
    "questions": "SELECT code FROM holds WHERE resolved_at IS NULL",
    "answers": "SELECT code, answer FROM holds WHERE resolved_at IS NOT NULL AND answer IS NOT NULL",
    "words": "SELECT person, answer FROM hold_answers",
    "notes": "SELECT text IS NOT NULL FROM notes",
    "materials": "SELECT institution, line, kind, state, expected, received FROM materials",
    "packets": """SELECT right(packet, 2), is_partial, tag_manifest IS NOT NULL, plan IS NOT NULL, content IS NOT NULL,
        (SELECT count(*) FROM packet_records AS r WHERE r.packet = p.packet) FROM packets AS p""",
    "disclosures": "SELECT recipient, outcome FROM disclosures",
    "rounds": "SELECT dag_id, state FROM due_runs WHERE state <> 'done'",
    "unmatched": "SELECT institution, received, matched, purged, is_closed FROM unmatched_counts",
    "disputes": "SELECT dispute FROM disputes",
    "emergencies": "SELECT discloser, recipient FROM emergencies",
    "alerts": "SELECT code, about, amount, began_at IS NOT NULL, over_at IS NOT NULL FROM alerts",
    "alerts told": "SELECT edge, way, settled_at IS NOT NULL, is_sent FROM alert_messages",
    "facts": f"""SELECT split_part(chain, ':', 1), kind, count(*) FROM facts
        WHERE kind <> ALL ('{{{",".join(sorted(OF_A_TRY))}}}') GROUP BY chain, kind""",
}


#: who must have a key, and whose must be gone. A key that was made for nobody seals nothing.
_KEYS = """SELECT 'patient/' || patient, identity IS NOT NULL FROM patients
    UNION SELECT concat_ws('/', 'day', institution, day), NOT is_closed FROM unmatched_counts"""


def picture(house: House) -> Picture:
    """How everything stands."""
    with psycopg.connect(house.settings.database_url, options="-csearch_path=transfer") as looking:
        seen = {what: _counted(looking.execute(query)) for what, query in _STANDS.items()}
        seen["keys"] = _counted(
            (living, (house.settings.keys / key).exists()) for key, living in looking.execute(_KEYS)
        )
    held = house.order("center", "packets", method="GET")
    told = house.var / "tmp" / "told"
    # Who dies between telling and writing that down tells it again, under the same name.
    seen["heard of alerts"] = (
        _counted([one.split(".", 1)[1:] for one in {*told.read_text().split()}]) if told.exists() else []
    )
    seen["at the center"] = _counted([(one["packet"][-2:], one["submissions"]) for one in held])
    return seen


def _counted(rows: Iterable[Any]) -> list[str]:
    counts = Counter(" ".join(str(value) for value in row) for row in rows)
    return sorted(f"{count} × {said}" for said, count in counts.items())


def differences(picture_: Picture, other: Picture) -> list[str]:
    """What stands otherwise than it did without the kill."""
    return [
        f"{what}: {sign} {line}"
        for what in picture_
        for sign, these, those in (("missing", other, picture_), ("more", picture_, other))
        for line in these.get(what, [])
        if line not in those.get(what, [])
    ]


def violations(house: House) -> list[str]:
    """What is not so and must be, whatever happened."""
    with house.services.ledger.transaction() as tx:
        found = [f"chain: {walked.broken}" for name in trail.chains(tx) if (walked := trail.walk(tx, name)).broken]
        found += _still_open(tx)
        found += _twice(tx)
        named, gone = _named(tx), [row.key for row in tx.rows("SELECT key FROM vault_uploads")]
    there = objects(house)
    found += [f"vault: {len(there - named)} objects or uploads nobody names"] if there - named else []
    found += [f"vault: {len(named - there)} objects named and not there"] if named - there else []
    found += [f"vault: {len(gone)} intents are left"] if gone else []
    half = [path for path in house.settings.keys.rglob("[!.]*") if path.is_file() and not path.stat().st_size]
    found += [f"keys: {len(half)} half made"] if half else []
    return found + _damaged(house)


def _still_open(tx: Tx) -> list[str]:
    open_ = {
        "open egress": "SELECT count(*) FROM egress WHERE closed_at IS NULL",
        "rounds owed now": "SELECT count(*) FROM due_runs WHERE state = 'owed' AND not_before <= transfer.now()",
        "rounds posted or taken": "SELECT count(*) FROM due_runs WHERE state IN ('posted', 'taken')",
        "arrivals nobody processed": "SELECT count(*) FROM arrivals WHERE state = 'stored'",
        "requests being asked by nobody": "SELECT count(*) FROM requests WHERE state = 'asking'",
        "disclosures nobody settled": "SELECT count(*) FROM disclosures WHERE outcome IN ('begun', 'unknown')",
    }
    return [f"{count} {what}" for what, query in open_.items() if (count := tx.value(query))]


def _twice(tx: Tx) -> list[str]:
    """What the trail says took effect more than once."""
    made = tx.rows(
        """SELECT chain, count(*) AS times FROM facts WHERE kind = 'disclosure-settled'
           AND convert_from(text, 'UTF8')::jsonb -> 'body' ->> 'outcome' = 'made'
           GROUP BY chain, convert_from(text, 'UTF8')::jsonb -> 'body' ->> 'disclosure' HAVING count(*) > 1"""
    )
    again = tx.rows(
        """SELECT chain FROM facts WHERE kind = 'record-collected'
           GROUP BY chain, convert_from(text, 'UTF8')::jsonb -> 'body' ->> 'record' HAVING count(*) > 1"""
    )
    return [f"{len(made)} disclosures made twice"] * bool(made) + [f"{len(again)} records twice"] * bool(again)


def _named(tx: Tx) -> set[str]:
    """Every object the ledger names for good."""
    rows = tx.rows(
        """SELECT vault_key FROM record_parts UNION SELECT vault_key FROM arrivals WHERE vault_key IS NOT NULL
           UNION SELECT vault_key FROM incoming WHERE vault_key IS NOT NULL
           UNION SELECT pictures_key FROM incoming WHERE pictures_key IS NOT NULL"""
    )
    made = tx.rows("SELECT packet, patient FROM packets JOIN cases USING (case_id) WHERE plan IS NOT NULL")
    plans = [packets.plan_of(tx, PacketId(row.packet), PatientId(row.patient)) for row in made]
    return {row.vault_key for row in rows}.union(*(plan.generated_keys for plan in plans))


def _damaged(house: House) -> list[str]:
    """What cannot be read back as it was kept."""
    with house.services.ledger.transaction() as tx:
        parts = tx.rows("SELECT DISTINCT vault_key, start, length, sha256 FROM record_parts")
    found = []
    for row in parts:
        try:
            for _ in house.services.vault.read(Location(row.vault_key, row.start, row.length, row.sha256)):
                pass
        except TransferError as error:
            found.append(f"vault: a record's bytes: {error}")
    return found
