"""The center's consult report, sent as a file."""

from typing import Final

from transfer.flow.outside import center_packets, center_report
from transfer.flow.outside.sending import TAKEN
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, Reached, Visit
from transfer.identifiers import PacketId
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer, Next


def _show(visit: Visit) -> Answer:
    return _page(visit, Problems())


def _page(visit: Visit, problems: Problems) -> Answer:
    packet = visit.id(PacketId, "packet")
    context = {
        "one": center_packets.get_packet(visit.services, visit.session, packet),
        "reports": center_report.list_reports(visit.services, packet),
        "zone": visit.services.institutions[visit.session.institution].zone,
        "fields": visit.fields,
        "problems": problems,
    }
    status = 422 if problems else 200
    return Answer(template="center_report.html", title=f"Packet {packet}: report", context=context, status=status)


def _send(visit: Visit) -> Answer | Next:
    packet, problems = visit.id(PacketId, "packet"), Problems()
    if not visit.files:
        problems.add("files", "Choose the file of your report")
    elif len(visit.files) > 1:
        problems.add("files", "Choose one file")
    elif not visit.files[0].content:
        problems.add("files", "The file is empty. Choose it again")
    elif visit.files[0].content_type not in TAKEN:
        problems.add("files", "Choose a PDF or a picture. Other files are not taken")
    if problems:
        return _page(visit, problems)
    (file,) = visit.files
    store = visit.shell.intake.store_and_wait
    center_report.send_report(visit.services, store, visit.session, packet, file.content, file.content_type)
    return Next(f"/c/packets/{packet}/report")


DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/c/packets/{packet}/report", kind=Outsider.CENTER, show=_show),
    OutsideAct(path="/c/packets/{packet}/report", kind=Outsider.CENTER, do=_send, takes_files=True),
)
