"""What is written in a record or a message: text on a page of ours, everything else as a file to keep."""

from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Content
from transfer.identifiers import ArrivalId, CaseId, PacketId, RecordId
from transfer.pages.desk.words import words
from transfer.pages.routes import Answer, Asked, File, Page
from transfer.rights import Right

#: digits of a number in a path
_DIGITS: Final = 3
#: the same of a file of a packet
_DIGITS_OF_FILE: Final = 6
#: the whole packet, in place of a file's number
WHOLE: Final = "whole"


def show_parts(asked: Asked) -> Answer:
    case, record = asked.id(CaseId, "case"), asked.id(RecordId, "record")
    parts = desk.list_parts(asked.services, case, record, actor=asked.actor)
    return Answer(
        template="record.html",
        title=f"Record {record}",
        context={"case": case, "record": record, "parts": parts, "words": words},
    )


def show_part(asked: Asked) -> Answer | File:
    case, record, part = asked.id(CaseId, "case"), asked.id(RecordId, "record"), asked.path["part"]
    if not (part.isascii() and part.isdigit() and len(part) <= _DIGITS):
        raise Unknown("there is no such page")
    found = desk.open_record(asked.services, case, record, int(part), actor=asked.actor)
    return _shown(found, back=f"/desk/cases/{case}/records/{record}", says=f"Record {record}")


def show_message(asked: Asked) -> Answer | File:
    name = asked.id(ArrivalId, "message")
    found = desk.open_message(asked.services, name, actor=asked.actor)
    return _shown(found, back="/desk/decisions", says=f"Message {name}")


def show_packet(asked: Asked) -> Answer:
    case, packet = asked.id(CaseId, "case"), asked.id(PacketId, "packet")
    files = desk.list_packet(asked.services, case, packet, actor=asked.actor)
    return Answer(
        template="packet.html", title=f"Packet {packet}", context={"case": case, "packet": packet, "files": files}
    )


def show_packet_file(asked: Asked) -> Answer | File:
    case, packet, number = asked.id(CaseId, "case"), asked.id(PacketId, "packet"), asked.path["number"]
    if number == WHOLE:
        found = desk.open_packet(asked.services, case, packet, actor=asked.actor)
    elif number.isascii() and number.isdigit() and len(number) <= _DIGITS_OF_FILE:
        found = desk.open_packet_file(asked.services, case, packet, int(number), actor=asked.actor)
    else:
        raise Unknown("there is no such page")
    return _shown(found, back=f"/desk/cases/{case}/packets/{packet}", says=f"Packet {packet}")


def _shown(found: Content, *, back: str, says: str) -> Answer | File:
    if found.text is None:
        return File(name=found.name, size=found.size, pieces=found.pieces)
    context = {"text": found.text, "back": back, "content_type": found.content_type}
    return Answer(template="content.html", title=says, context=context)


DECLARED = (
    Page(path="/desk/cases/{case}/records/{record}", right=Right.SEE_CONTENT, show=show_parts),
    Page(path="/desk/cases/{case}/records/{record}/{part}", right=Right.SEE_CONTENT, show=show_part),
    Page(path="/desk/cases/{case}/packets/{packet}", right=Right.SEE_CONTENT, show=show_packet),
    Page(path="/desk/cases/{case}/packets/{packet}/{number}", right=Right.SEE_CONTENT, show=show_packet_file),
    Page(path="/desk/messages/{message}", right=Right.SEE_CONTENT, show=show_message),
)
