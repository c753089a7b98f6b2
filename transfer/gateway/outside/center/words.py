"""What a center writes to the desk: a question, and the numbers of its own house."""

from typing import Final

from transfer.flow.outside import center_packets, center_words
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.identifiers import PacketId
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Next

#: the fields for numbers, and what each is called at the desk
NUMBERS: Final = (("mrn", "Medical record number"), ("accession", "Accession number"))
#: characters of a question, and of a number
_QUESTION_CHARACTERS: Final = 2000
_NUMBER_CHARACTERS: Final = 40


def _show(visit: Visit) -> Answer:
    return _page(visit, Problems())


def _page(visit: Visit, problems: Problems) -> Answer:
    packet = visit.id(PacketId, "packet")
    context = {
        "one": center_packets.get_packet(visit.services, visit.session, packet),
        "words": center_words.list_words(visit.services, visit.session, packet),
        "numbers": NUMBERS,
        "zone": visit.services.institutions[visit.session.institution].zone,
        "fields": visit.fields,
        "problems": problems,
    }
    status = 422 if problems else 200
    return Answer(template="center_words.html", title=f"Packet {packet}: questions", context=context, status=status)


def _ask(visit: Visit) -> Answer | Next:
    packet, problems = visit.id(PacketId, "packet"), Problems()
    text = visit.fields.note("question", problems, needed="Write your question", longest=_QUESTION_CHARACTERS)
    if problems:
        return _page(visit, problems)
    center_words.ask_desk(visit.services, visit.session, packet, text)
    return Next(f"/c/packets/{packet}/words")


def _numbers(visit: Visit) -> Answer | Next:
    packet, problems = visit.id(PacketId, "packet"), Problems()
    given = [(kind, visit.fields.line(name, problems, longest=_NUMBER_CHARACTERS)) for name, kind in NUMBERS]
    if not any(number for _, number in given):
        problems.add(NUMBERS[0][0], "Type one of the numbers")
    if problems:
        return _page(visit, problems)
    for kind, number in given:
        if number:
            center_words.give_number(visit.services, visit.session, packet, kind, number)
    return Next(f"/c/packets/{packet}/words")


DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/c/packets/{packet}/words", kind=Outsider.CENTER, show=_show),
    OutsideAct(path="/c/packets/{packet}/words", kind=Outsider.CENTER, do=_ask),
    OutsideAct(path="/c/packets/{packet}/numbers", kind=Outsider.CENTER, do=_numbers),
)
