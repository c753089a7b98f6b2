"""A C-CDA document (HL7 CDA R2) as blocks: what its header says of it, then its body.

The narrative is what its author signed; entries are not drawn (CDA R2 section 1.2.4). A section that has entries alone
says so.
"""

import base64
import binascii
import zlib
from collections.abc import Iterable, Iterator
from typing import Final

from transfer.adapters.cda import unpacked
from transfer.adapters.packet.narrative.blocks import (
    Block,
    BodyElsewhere,
    Embedded,
    Facts,
    FixedWidth,
    Heading,
    Paragraph,
    Picture,
    Remark,
)
from transfer.adapters.packet.narrative.elements import WIDE_SPACE, dedented
from transfer.adapters.packet.narrative.flow import Pictures, flow
from transfer.adapters.packet.narrative.times import written_time
from transfer.adapters.packet.narrative.trees import Element

_SEXES: Final = {"F": "Female", "M": "Male", "UN": "Undifferentiated"}
_RELATIONS: Final = {"RPLC": "Replaces", "APND": "Adds to", "XFRM": "Made from"}
_CONFIDENTIALITIES: Final = {"R": "Restricted", "V": "Very restricted"}
_MOST_NAMED: Final = 12


def clinical_document(document: Element) -> Iterator[Block]:
    """Raises: BodyElsewhere: its body is not in it."""
    yield Heading(_said(document.at("title")) or _code(document.at("code")) or "Clinical document", 1)
    if rows := tuple(header(document)):
        yield Facts(rows)
    if (body := document.at("component", "nonXMLBody", "text")) is not None:
        yield _carried(body)
    pictures = _pictures(document)
    structured = document.at("component", "structuredBody")
    for component in structured.all("component") if structured else ():
        for section in component.all("section"):
            yield from _section(section, pictures, 2)


def other_document(document: Element) -> Iterator[Block]:
    """XML that is no C-CDA: its texts with their names; a section of one as such."""
    if document.tag == "section":
        yield from _section(document, _pictures(document), 2)
        return
    for element in document.within():
        said = " ".join(" ".join(piece for piece in element.children if isinstance(piece, str)).split())
        if said and element.attributes.get("representation") != "B64":
            yield Paragraph(f"{element.tag}: {said}" if element is not document else said)


def header(document: Element) -> Iterator[tuple[str, str]]:
    """What the document says of its patient and of itself (CDA R2 section 4.2). Dates are as they are written there."""
    for role in list(document.all("recordTarget"))[:_MOST_NAMED]:
        yield from _patient(role.at("patientRole") or role)
    yield from _row("Kind", [_code(document.at("code"))])
    yield from _row("Dated", [written_time(_value(document.at("effectiveTime")))])
    yield from _row(
        "Service", [_interval(e.at("serviceEvent", "effectiveTime")) for e in document.all("documentationOf")]
    )
    yield from _row("Encounter", [_interval(document.at("componentOf", "encompassingEncounter", "effectiveTime"))])
    yield from _row("Document no.", [_number(one) for one in document.all("id")])
    yield from _row("Version", [_value(document.at("versionNumber"))])
    for related in list(document.all("relatedDocument"))[:_MOST_NAMED]:
        label = _RELATIONS.get(related.attributes.get("typeCode", ""), "Related to")
        parent = related.at("parentDocument")
        yield from _row(label, [_number(one) for one in parent.all("id")] if parent else ())
    yield from _row("Author", [_agent(one, "assignedAuthor") for one in document.all("author")])
    yield from _row("Signed by", [_agent(one, "assignedEntity") for one in document.all("legalAuthenticator")])
    yield from _row(
        "Custodian", [_organization(document.at("custodian", "assignedCustodian", "representedCustodianOrganization"))]
    )
    code = document.at("confidentialityCode")
    yield from _row("Confidentiality", [_CONFIDENTIALITIES.get(code.attributes.get("code", ""), "")] if code else ())


def _patient(role: Element) -> Iterator[tuple[str, str]]:
    patient = role.at("patient")
    if patient is not None:
        yield from _row("Patient", [_name(one) for one in patient.all("name")])
        yield from _row("Born", [written_time(_value(patient.at("birthTime")))])
        sex = patient.at("administrativeGenderCode")
        yield from _row("Sex", [_SEXES.get(sex.attributes.get("code", ""), "") or _code(sex)] if sex else ())
    yield from _row("Patient no.", [_number(one) for one in role.all("id")])


def _row(label: str, values: Iterable[str]) -> Iterator[tuple[str, str]]:
    said = list(dict.fromkeys(value for value in values if value))
    if said:
        more = f" and {len(said) - _MOST_NAMED} more" if len(said) > _MOST_NAMED else ""
        yield label, "; ".join(said[:_MOST_NAMED]) + more


def _said(element: Element | None) -> str:
    return element.text if element else ""


def _value(element: Element | None) -> str:
    return element.attributes.get("value", "") if element else ""


def _code(element: Element | None) -> str:
    """Its words: those of its author, else those of its code."""
    if element is None:
        return ""
    return _said(element.at("originalText")) or element.attributes.get("displayName", "")


def _number(identifier: Element) -> str:
    extension = identifier.attributes.get("extension", "")
    issuer = identifier.attributes.get("assigningAuthorityName") or identifier.attributes.get("root", "")
    return f"{extension} ({issuer})" if extension and issuer else extension or issuer


def _interval(time: Element | None) -> str:
    if time is None:
        return ""
    low, high = written_time(_value(time.at("low"))), written_time(_value(time.at("high")))
    return written_time(_value(time)) or (f"{low or '…'} to {high or '…'}" if low or high else "")


def _name(name: Element) -> str:
    """A person's name: its parts in the order of the trade. As it is written, where there are none or words stand
    between them.
    """
    given = " ".join(one.text for one in name.all("given"))
    family = " ".join(one.text for one in name.all("family"))
    if not given and not family:
        return name.text
    suffix = " ".join(one.text for one in name.all("suffix"))
    said = " ".join(filter(None, (*(one.text for one in name.all("prefix")), given, family, suffix)))
    return said if len(said.split()) >= len(name.text.split()) else name.text


def _agent(participation: Element, role: str) -> str:
    """A person or device, where it works, and when."""
    entity = participation.at(role)
    if entity is None:
        return ""
    device = entity.at("assignedAuthoringDevice")
    name = entity.at("assignedPerson", "name")
    who = _name(name) if name else _said(device.at("softwareName")) if device else ""
    where = _organization(entity.at("representedOrganization"))
    when = written_time(_value(participation.at("time")))
    return ", ".join(filter(None, (who, where, when))) if who or where else ""


def _organization(organization: Element | None) -> str:
    return "; ".join(filter(None, (one.text for one in organization.all("name")))) if organization else ""


def _carried(body: Element) -> Block:
    """A nonXMLBody: the document itself, in base64 or as text."""
    kind = body.attributes.get("mediaType", "")
    if body.attributes.get("representation") == "B64":
        if data := _decoded(body):
            return Embedded(kind, data)
    elif body.raw.strip():
        return Embedded(kind, body.raw.encode()) if "html" in kind or "rtf" in kind else FixedWidth(dedented(body.raw))
    raise BodyElsewhere


def _decoded(element: Element) -> bytes:
    """Base64 as it stands in the trade: with spaces and line ends, without its padding."""
    text = "".join(element.raw.split())
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
        return unpacked(data, element.attributes.get("compression"))
    except (binascii.Error, ValueError, zlib.error):
        return b""


def _pictures(document: Element) -> dict[str, Block]:
    """Pictures by the IDs under which `renderMultiMedia` refers to them (CDA R2 section 4.3.5.6)."""
    found: dict[str, Block] = {}
    regions = []
    for one in document.within():
        if one.tag == "observationMedia" and (block := _picture(one)):
            found[one.attributes.get("ID", "")] = block
        elif one.tag == "regionOfInterest":
            regions.append(one)
    for region in regions:
        inner = [one for one in region.within() if one.tag == "observationMedia"]
        if inner and (block := _picture(inner[0])):
            found[region.attributes.get("ID", "")] = block
    found.pop("", None)
    return found


def _picture(media: Element) -> Block | None:
    value = media.at("value")
    if value is None or value.attributes.get("representation") != "B64" or not (data := _decoded(value)):
        return None
    kind = value.attributes.get("mediaType", "")
    return Picture(kind, data) if kind.startswith("image/") else Embedded(kind, data)


def _section(section: Element, pictures: Pictures, level: int) -> Iterator[Block]:
    title = _said(section.at("title")) or _code(section.at("code"))
    text = section.at("text")
    found = _narrative(text, pictures) if text is not None else []
    inner = [one for component in section.all("component") for one in component.all("section")]
    entries = sum(1 for _ in section.all("entry"))
    if title and (found or inner or entries or text is not None or section.at("title") is not None):
        yield Heading(title, min(level, 6))
    yield from found
    if not found and entries:
        yield Remark(
            f"This section has no text; {entries} coded {'entry is' if entries == 1 else 'entries are'} in the file."
        )
    for one in inner:
        yield from _section(one, pictures, level + 1)


def _narrative(text: Element, pictures: Pictures) -> list[Block]:
    if any(True for _ in text.elements()) or not text.raw.strip():
        return flow(text, pictures)
    # text alone: its line ends are all that its author could write
    lines = dedented(text.raw)
    if "\n" not in lines:
        return flow(text, pictures)
    return [FixedWidth(lines) if WIDE_SPACE.search(lines) else Paragraph(lines)]
