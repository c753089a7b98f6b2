"""Objections as institutions send them, and whether a release is still permitted."""

import json
from typing import Any

from tests.kit import builders as b
from tests.kit.doors import posted
from tests.kit.processing import process_all
from transfer.case import OpenedCase
from transfer.flow.basis import may_collect
from transfer.flow.services import Services
from transfer.identifiers import CaseId, InstitutionId
from transfer.records import RecordKind
from transfer.sandbox.charts import Chart
from transfer.sandbox.oncology import letters


def an_objection(chart: Chart, **said: Any) -> dict[str, Any]:
    """A Consent as Lakeside writes it, that says no in some way."""
    resource: dict[str, Any] = json.loads(json.dumps(letters.release_form(chart, said)))
    return resource


def posted_by(services: Services, institution: str, chart: Chart, **said: Any) -> str:
    """What Mercy or Prairie says of the patient by their own number for them."""
    no = an_objection(chart, **said)
    no["patient"]["identifier"] = chart["numbers"][institution]
    return posted(services, institution, no)


def consent_message(
    chart: Chart, state: str, *, mode: str = "W", number: str = "", institution: str = b.PRAIRIE
) -> bytes:
    """An MDM^T01 with a CON segment, as the institution would send it. `number`: the form's, as CON-4 says it."""
    who, known = chart["patient"], chart["numbers"][institution]
    born = who["birth_date"].replace("-", "")
    segments = (
        r"MSH|^~\&|PRAIRIELIS|PRAIRIE|RECORDS|TRANSFER|20260105101500||MDM^T01^MDM_T01|C1|P|2.5.1",
        f"PID|1||{known['value']}^^^&{known['system'].removeprefix('urn:oid:')}&ISO^MR||{who['family']}^{'^'.join(who['given'])}||{born}|{who['sex'][0].upper()}",
        "PV1|1|O",
        "TXA|1|CN|TX|20260105",
        f"CON|1|001|1|{number}||||||{mode}|{state}",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


def a_permitted_case(services: Services) -> tuple[Chart, CaseId]:
    """A patient, and a case of theirs whose form permits what it asks for."""
    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    process_all(services)
    assert is_permitted(services, case)
    return chart, case


def is_permitted(
    services: Services, case: CaseId, kind: RecordKind = RecordKind.NOTE, source: InstitutionId = b.LAKESIDE
) -> bool:
    """Whether a record of this kind from there may join the case."""
    with services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(case))
        return may_collect(tx, services.institutions, opened, source, kind, frozenset(), dated=None).is_permitted
