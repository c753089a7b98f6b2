"""What one side sends and the other answers: for the people who build the other end of an interface."""

from collections.abc import Iterator
from typing import Final

from transfer.adapters.hl7v2.acknowledge import ErrorCode
from transfer.connecting.handouts import Handout, HandoutPart
from transfer.gateway.fhir_door import MAX_BODY_BYTES
from transfer.gateway.mllp.limits import MllpLimits
from transfer.institutions import ByHand, DicomwebSource, DimseSource, FhirSource, Institution
from transfer.settings import Settings

_FIELDS: Final = (
    ("MSH-3, MSH-4", "who sends; must be exactly as said above"),
    ("MSH-7, MSH-12", "time and version; 2.1 to 2.9 are read"),
    ("MSH-9", "`ORU^R01`, `OUL`, `MDM^T01` to `T11`: records. `REF^I12` to `I15`: referrals. `ADT`, `SIU`: notices"),
    ("MSH-10", "control id, echoed in MSA-2. The same bytes under the same id are one message"),
    ("MSH-11", "`P`; test messages are refused"),
    ("MSH-18", "character set. What does not read as declared is read as UTF-8, then as Windows-1252"),
    ("PID-3", "numbers, each with its assigning authority and type (`MR`)"),
    ("PID-5, PID-7, PID-8", "name, birth date, sex"),
    ("OBR-2, OBR-3", "placer and filler number. A correction has the filler number of what it corrects"),
    ("OBR-4, OBX-3", "what it is: LOINC, or a code of yours that we map"),
    ("OBR-7, OBR-22", "when the specimen was taken; when reported"),
    ("OBR-25, OBX-11", "state: `F` final, `C` corrected, `P` preliminary, `X` cancelled, `W` wrong"),
    ("OBX-2, OBX-5", "text (`TX`, `FT`, `ST`), a value (`NM`, `CWE`), or a document as base64 (`ED`)"),
    ("TXA-2, TXA-12, TXA-13, TXA-17", "of `MDM`: type, unique number, the one it replaces, state"),
    ("SPM-30", "accession number of a specimen"),
)
_FHIR: Final = (
    ("`POST Patient/_search`", "`identifier=system\\|value`; else `family`, `given`, `birthdate`"),
    ("`POST DocumentReference/_search`", "`patient`"),
    ("`POST DiagnosticReport/_search`", "`patient`; where that is refused, with `category`"),
    (
        "`GET DocumentReference/$docref`",
        "`patient`, `start`; where your CapabilityStatement (`GET metadata`) offers it",
    ),
    ("`GET` of an attachment", "the address in the resource, at the same origin; `Binary` among them"),
)
_DICOMWEB: Final = (
    ("`GET /studies`", "`PatientID` and `IssuerOfPatientID`; else `PatientName` and `PatientBirthDate`"),
    ("`GET /studies/{study}/series`", "what series there are"),
    ("`GET /studies/{study}/series/{series}/instances`", "what images there are"),
    ("`GET /studies/{study}/series/{series}`", '`multipart/related; type="application/dicom"`, any transfer syntax'),
)


def interface_specification(institution: Institution, settings: Settings) -> Handout:
    """What both ends send, expect and answer, from its file."""
    parts = [one for make in (_mllp, _door, _sources) for one in make(institution, settings)]
    return Handout(
        name=f"{institution.id}-interface",
        title=f"Interface specification: {institution.name}",
        parts=(*parts, _after(institution)),
    )


def _mllp(institution: Institution, _settings: Settings) -> Iterator[HandoutPart]:
    if (door := institution.mllp_door) is None:
        return
    limits = MllpLimits()
    yield HandoutPart(
        heading="HL7 v2 over MLLP, from you to us",
        sentences=(
            f"Port {door.port}. MSH-3 is `{door.sending_application}`, MSH-4 is `{door.sending_facility}`. What you "
            "write in MSH-5 and MSH-6 comes back as MSH-3 and MSH-4 of the answer.",
            "A frame is VT (0x0B), the message with its segments ended by CR, then FS CR (0x1C 0x0D). Send the next "
            f"message after the answer to the last one. A message has at most {limits.frame_bytes >> 20} MB and "
            f"{limits.frame_seconds:.0f} seconds. A connection may rest for {limits.idle_seconds / 60:.0f} minutes.",
        ),
        headings=("field", "what is read"),
        rows=_FIELDS,
    )
    yield HandoutPart(
        heading="Answers",
        sentences=(
            "An answer comes once the message is stored durably. MSA-2 is your MSH-10. With MSH-15 filled, answers are "
            "`CA`, `CE`, `CR` (enhanced mode).",
        ),
        headings=("MSA-1", "what it means", "what you do"),
        rows=(
            ("AA", "stored; also where it was here before", "forget it, send the next"),
            (
                "AE",
                f"its content cannot be taken; ERR-3 as {ErrorCode.UNKNOWN_VALUE.value}",
                "have somebody look; do not resend",
            ),
            (
                "AR",
                f"not for this door ({ErrorCode.UNKNOWN_VALUE.value}), a type you are not granted "
                f"({ErrorCode.UNSUPPORTED_TYPE.value}), no `P` in MSH-11 "
                f"({ErrorCode.UNSUPPORTED_PROCESSING_ID.value}), or not now ({ErrorCode.INTERNAL.value})",
                f"resend after {ErrorCode.INTERNAL.value}; else have somebody look",
            ),
            ("none", "the connection ended", "resend: the same message is not stored twice"),
        ),
    )


def _door(institution: Institution, settings: Settings) -> Iterator[HandoutPart]:
    if institution.http_door is None:
        return
    url = settings.names.get("TRANSFER_PUBLIC_URL", "https://…").rstrip("/")
    shown = "`Authorization: Bearer` with the token we handed you" if institution.tokens else "your client certificate"
    granted = ", ".join(sorted(institution.grants)) or "nothing"
    yield HandoutPart(
        heading="FHIR R4, from you to us",
        sentences=(
            f"Post to `{url}/fhir`, as `application/fhir+json`, showing {shown}. You may say: {granted}. "
            f"A message has at most {MAX_BODY_BYTES >> 20} MB.",
        ),
        headings=("answer", "what it means"),
        rows=(
            ("201, 200 for a Bundle", "stored durably; the same message again is answered the same"),
            ("400, 413, 415, 422", "its content cannot be taken; an OperationOutcome says why"),
            ("401, 403", "who you are is not known, or you may not say this"),
            ("408, 429, 503", "not now: send it again, after `Retry-After` where it is given"),
        ),
    )


def _sources(institution: Institution, _settings: Settings) -> Iterator[HandoutPart]:
    for department in institution.departments:
        where = f"{department.name}: from us to you"
        asked = department.asked
        if isinstance(asked, FhirSource):
            yield HandoutPart(
                heading=f"FHIR R4. {where}",
                sentences=(
                    f"At `{asked.base_url}`, showing a bearer token. We search by POST, so that no name stands in an "
                    "address; where you do not offer that, by GET. We follow `next` links, and honour `Retry-After`.",
                    "We read Patient, DocumentReference and DiagnosticReport, and what their attachments name. We "
                    "write nothing. Answers are `application/fhir+json`, not compressed.",
                ),
                headings=("what we send", "by what"),
                rows=_FHIR,
            )
        elif isinstance(asked, DicomwebSource):
            yield HandoutPart(
                heading=f"DICOMweb. {where}",
                sentences=(f"At `{asked.base_url}`. Lists are `application/dicom+json`. We store nothing there.",),
                headings=("what we send", "by what, or for what"),
                rows=_DICOMWEB,
            )
        elif isinstance(asked, DimseSource):
            yield HandoutPart(
                heading=f"DICOM. {where}",
                sentences=(
                    f"We call `{asked.called_ae_title}` as `{asked.calling_ae_title}` at {asked.host}, port "
                    f"{asked.port}. Enter our AE title with the right to C-FIND and C-GET. C-MOVE and C-STORE can stay "
                    "shut: you need no address or port of ours.",
                ),
                headings=("service", "what for"),
                rows=(
                    (
                        "C-FIND, Study Root",
                        "by Patient ID and issuer; else by name and birth date; then series, images",
                    ),
                    ("C-GET, Study Root", "a series, over the same association; any transfer syntax it is stored in"),
                ),
            )


def _after(institution: Institution) -> HandoutPart:
    by_hand = [one for one in institution.departments if isinstance(one.asked, ByHand)]
    asked = tuple(
        f"{one.name} is asked by letter or telephone. A letter has a code that opens a page for answers and uploads."
        for one in by_hand
    )
    return HandoutPart(
        heading="What happens then",
        sentences=(
            *asked,
            "What is about nobody we have a case for is sealed, and destroyed after 72 hours. What cannot be read is "
            "looked at by a person. A code that is new to us keeps nothing back: tell us your codes.",
        ),
    )
