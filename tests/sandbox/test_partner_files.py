"""The reviewed partner files say of the stand-ins what these really send, and the stand-ins share no code with us."""

import ast
import re
from pathlib import Path

import pytest

import transfer.sandbox
from tests.kit.builders import a_setting
from transfer.institutions import Basis, Institutions, load
from transfer.patients import IssuedIdentifier
from transfer.records import RecordKind
from transfer.sandbox.directory import ALL, MERCY, NPI, PRAIRIE

_FOLDER = Path(__file__).parents[2] / "institutions"
_SANDBOX = Path(transfer.sandbox.__file__).parent


@pytest.fixture
def partners() -> Institutions:
    named = {name for path in _FOLDER.glob("*.yaml") for name in re.findall(r"\$\{(\w+)\}", path.read_text())}
    settings = {name: a_setting(name) for name in named}
    return load(_FOLDER, settings | {"SANDBOX_ARCHIVE_USER": "", "SANDBOX_ARCHIVE_PASSWORD": ""})


def _checks(npi: str) -> bool:
    """The NPI check digit: Luhn over 80840 and the number."""
    digits = [int(digit) for digit in reversed("80840" + npi)]
    doubled = [digit if n % 2 == 0 else sum(divmod(digit * 2, 10)) for n, digit in enumerate(digits)]
    return sum(doubled) % 10 == 0


def test_every_stand_in_is_a_partner_known_by_its_npi(partners: Institutions) -> None:
    for entry in ALL.values():
        known = partners.with_identifier(IssuedIdentifier(NPI, entry.npi))

        assert known is not None
        assert (known.id, known.name, known.time_zone) == (entry.id, entry.name, entry.time_zone)
        assert _checks(entry.npi)


def test_numbers_mean_the_same_in_hl7_dicom_and_fhir(partners: Institutions) -> None:
    for entry in (PRAIRIE, MERCY):
        partner = partners[entry.id]

        assert partner.issuer(entry.namespace) == partner.issuer(f"{entry.oid}.1") == entry.patient_system
        assert partner.issuer(f"{entry.oid}.2") == entry.accession_system
        assert partner.issuer(None) == entry.patient_system


def test_every_source_wants_an_authorization(partners: Institutions) -> None:
    assert {partners[known].requires for known in ALL if partners[known].departments} == {Basis.AUTHORIZATION}


def test_slides_are_asked_by_hand_and_reports_are_pushed(partners: Institutions) -> None:
    asked = {d.id: (d.asked.by, d.holds) for d in partners["prairie-pathology"].departments}

    assert asked == {
        "report-desk": ("push", (RecordKind.PATHOLOGY_REPORT,)),
        "slide-room": ("hand", (RecordKind.MATERIAL,)),
    }


def test_the_stand_ins_import_nothing_of_ours() -> None:
    for path in _SANDBOX.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            ours = [name for name in names if name.split(".")[0] == "transfer"]

            assert all(name.startswith("transfer.sandbox") for name in ours), path
