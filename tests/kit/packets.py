"""Packets to test with: small, whole, signed with a key that is made once."""

import base64
import io
import tarfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

from fpdf import FPDF
from joserfc.jwk import RSAKey

from tests.kit.fakes import MemoryVault
from transfer.adapters.packet.assembly import assemble
from transfer.adapters.packet.signature import KeySigner, jwks, new_key
from transfer.identifiers import CaseId, InstitutionId, PacketId, RecordId
from transfer.institutions import Basis
from transfer.materials import MaterialKind, MaterialState
from transfer.packet import Anchor, Contents, ImagingItem, MaterialItem, Missing, PacketItem, Plan, tar_stream
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import Coding, DocumentStatus, RecordKind

CASE = CaseId("c00000000001")


@cache
def signing_key(name: str = "ours") -> bytes:
    """A signing key, one for each name."""
    return new_key()


@cache
def a_signer(name: str = "ours") -> KeySigner:
    return KeySigner(RSAKey.import_key(signing_key(name)))


def a_pdf(*pages: str) -> bytes:
    pdf = FPDF()
    pdf.set_font("helvetica", size=14)
    for text in pages or ("A page",):
        pdf.add_page()
        pdf.cell(0, 10, text)
    return bytes(pdf.output())


def a_record(number: int) -> RecordId:
    return RecordId(f"r{number:015d}")


def an_item(vault: MemoryVault, data: bytes, number: int = 1, **said: object) -> PacketItem:
    plain: dict[str, object] = {
        "record": a_record(number),
        "location": vault.keep([data]),
        "kind": RecordKind.NOTE,
        "code": Coding("http://loinc.org", "11506-3", "Progress note"),
        "title": "Progress note",
        "status": DocumentStatus.FINAL,
        "at": datetime(2026, 9, number % 28 + 1, tzinfo=UTC),
        "source": InstitutionId("lakeside-oncology"),
        "source_name": "Lakeside Oncology",
        "content_type": "text/plain",
        "basis": Basis.AUTHORIZATION,
        "line": "note",
    }
    whole = plain | said
    at = whole["at"]
    return PacketItem(**({"day": PartialDate.of(at) if isinstance(at, datetime) else None} | whole))  # type: ignore[arg-type]


def contents(items: tuple[PacketItem, ...], imaging: tuple[ImagingItem, ...] = (), **said: object) -> Contents:
    plain: dict[str, object] = {
        "packet": PacketId.of(CASE, 1),
        "created_at": datetime(2026, 11, 20, 14, 5, tzinfo=UTC),
        "patient": Demographics(
            names=(PersonName("Nguyễn-Żółć", ("Maria",)),),
            birth_date=date(1958, 3, 2),
            sex="female",
            identifiers=(IssuedIdentifier("urn:oid:2.16.840.1.113883.19.5", "MRN-00123"),),
        ),
        "receiver": InstitutionId("summit-cancer-center"),
        "receiver_name": "Summit Cancer Center",
        "issuer_names": {"urn:oid:2.16.840.1.113883.19.5": "Lakeside Oncology"},
        "referring_name": "Lakeside Oncology",
        "referrer": "Dr Ana Ruiz, telephone +1 262 555 0142",
        "diagnosis": "Malignant neoplasm of sigmoid colon (ICD-10-CM C18.7), stage IIIB",
        "appointment": date(2026, 12, 3),
        "needed_by": date(2026, 12, 1),
        "question": "Is adjuvant treatment indicated?",
        "items": items,
        "imaging": imaging,
        "missing": (Missing(line="cea", label="CEA", sentence="Asked for; no answer yet."),),
        "material": (
            MaterialItem(
                accession="S26-1234",
                kind=MaterialKind.SLIDE,
                description="H&E slides",
                count_expected=14,
                count_received=0,
                state=MaterialState.IN_TRANSIT,
                due_back=date(2027, 2, 1),
            ),
        ),
        "checklist": "colorectal",
        "checklist_version": "1",
        "anchor": Anchor("case", 42, "ab" * 32),
    }
    return Contents(**(plain | said))  # type: ignore[arg-type]


@dataclass(frozen=True)
class APacket:
    contents: Contents
    plan: Plan
    vault: MemoryVault
    tar: bytes
    jwks: dict[str, list[dict[str, str]]]

    @property
    def files(self) -> dict[str, bytes]:
        return {entry.path: b"".join(self.vault.read(entry.location)) for entry in self.plan.entries}

    def unpack(self, folder: Path) -> Path:
        """File by file: `extractall` has its filter only from Python 3.11.4 on."""
        with tarfile.open(fileobj=io.BytesIO(self.tar)) as tar:
            for member in tar:
                held = tar.extractfile(member)
                assert held, "a packet holds files alone"
                path = folder / member.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(held.read())
        return folder


def made(contents_: Contents, vault: MemoryVault, signer: KeySigner | None = None) -> APacket:
    signer = signer or a_signer()
    plan = assemble(contents_, vault=vault, signer=signer)
    return APacket(contents_, plan, vault, b"".join(tar_stream(plan, vault)), jwks([signer]))


@cache
def a_packet() -> APacket:
    """Three documents: a PDF, a text, and one that cannot be shown."""
    vault = MemoryVault()
    items = (
        an_item(vault, a_pdf("one", "two"), 1, content_type="application/pdf", kind=RecordKind.PATHOLOGY_REPORT),
        an_item(vault, "Żółć\nµg/L ≤ 5\n".encode(), 2),
        an_item(vault, b"PK\x03\x04", 3, content_type="application/zip", kind=RecordKind.OTHER),
    )
    return made(contents(items), vault)


def a_message_with_its_pdf(vault: MemoryVault) -> tuple[PacketItem, ...]:
    """A report as a message, the PDF that was taken out of it, and an older document."""
    pdf = a_pdf("The report")
    message = (
        b"MSH|^~\\&|L|P|||20260901||ORU^R01|1|P|2.5.1\rPID|1||1\rOBR|1||S26-1||11526-1^Pathology^LN|||20260901\r"
        b"OBX|1|ED|PDF^Report^L||^application^pdf^Base64^" + base64.b64encode(pdf) + b"||||||F\r"
    )
    kind = RecordKind.PATHOLOGY_REPORT
    day = PartialDate(2026, 9, 1)
    derived = {"derived_from": a_record(1), "derivation": "Taken unchanged out of the message it came in."}
    return (
        an_item(vault, message, 1, kind=kind, title="Report", day=day, content_type="x-application/hl7-v2+er7"),
        an_item(vault, pdf, 2, kind=kind, title="Report", day=day, content_type="application/pdf", **derived),
        an_item(vault, b"older", 3, kind=kind, title="Older", day=PartialDate(2020, 1, 1)),
    )
