"""What a center says of a packet: each answer a form of its own, and nothing that cannot be undone without a tick."""

from typing import Final

from transfer.flow.outside import center_answers, center_packets
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.identifiers import PacketId
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Next

#: reasons in words, in the order of the form
REASONS: Final = (
    ("unreadable", "Something cannot be read"),
    ("wrong-patient", "It holds records of another patient"),
    ("integrity", "A file is damaged"),
    ("duplicate", "We have it already"),
    ("not-expected", "We do not expect this patient"),
    ("other", "Something else: we call you"),
)


def _accept(visit: Visit) -> Next:
    packet = visit.id(PacketId, "packet")
    center_answers.accept(visit.services, visit.session, packet)
    return Next(f"/c/packets/{packet}/said")


def _more(visit: Visit) -> Answer:
    return _decline_form(visit, Problems())


def _decline_form(visit: Visit, problems: Problems) -> Answer:
    packet = visit.id(PacketId, "packet")
    found = center_packets.get_packet(visit.services, visit.session, packet)
    context = {
        "one": found,
        "lines": list(center_answers.lines_of(visit.services, visit.session, packet).items()),
        "reasons": REASONS,
        "fields": visit.fields,
        "problems": problems,
    }
    status = 422 if problems else 200
    return Answer(template="center_decline.html", title=f"Packet {packet}", context=context, status=status)


def _decline(visit: Visit) -> Answer | Next:
    packet, problems = visit.id(PacketId, "packet"), Problems()
    chosen = [*visit.fields.chosen("lines"), *visit.fields.chosen("reasons")]
    if not chosen:
        problems.add("lines", "Choose what you need, or what is wrong")
        return _decline_form(visit, problems)
    center_answers.decline(visit.services, visit.session, packet, chosen)
    return Next(f"/c/packets/{packet}/said")


def _no_case_form(visit: Visit) -> Answer:
    return _no_case(visit, Problems())


def _no_case(visit: Visit, problems: Problems) -> Answer:
    packet = visit.id(PacketId, "packet")
    found = center_packets.get_packet(visit.services, visit.session, packet)
    context = {"one": found, "fields": visit.fields, "problems": problems}
    status = 422 if problems else 200
    return Answer(template="center_no_case.html", title=f"Packet {packet}", context=context, status=status)


def _decline_case(visit: Visit) -> Answer | Next:
    packet, problems = visit.id(PacketId, "packet"), Problems()
    if visit.fields.raw("sure") != "yes":
        problems.add("sure", "Tick that you have read what follows")
        return _no_case(visit, problems)
    center_answers.decline_case(visit.services, visit.session, packet)
    return Next("/c/said")


def _said(_visit: Visit) -> Answer:
    return Answer(template="center_said.html", title="Thank you")


DECLARED: Final[tuple[Reached, ...]] = (
    OutsideAct(path="/c/packets/{packet}/accept", kind=Outsider.CENTER, do=_accept),
    OutsidePage(path="/c/packets/{packet}/more", kind=Outsider.CENTER, show=_more),
    OutsideAct(path="/c/packets/{packet}/more", kind=Outsider.CENTER, do=_decline),
    OutsidePage(path="/c/packets/{packet}/no-case", kind=Outsider.CENTER, show=_no_case_form),
    OutsideAct(path="/c/packets/{packet}/no-case", kind=Outsider.CENTER, do=_decline_case),
    OutsidePage(path="/c/packets/{packet}/said", kind=Outsider.CENTER, show=_said),
    OutsidePage(path="/c/said", kind=Outsider.CENTER, show=_said),
)
