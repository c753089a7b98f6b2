"""A center's packets in a browser: the list, one of them, and its bytes by the one watched way out.

A packet's own page is shown as it is but for its title: a browser keeps titles. What others sent is shown only where a
browser shows it without running any of it; else it is kept.
"""

import mimetypes
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Final

from transfer.adapters.packet.zipped import zip_stream
from transfer.disclosures import EgressOutcome
from transfer.errors import TransferError, Unavailable, Unknown
from transfer.flow.outside import center_packets
from transfer.flow.outside.center_packets import ReadyPacket
from transfer.gateway.downloads import MEDIA_TYPE, Representation, tar_of
from transfer.gateway.outside.routes import Given, OutsideAct, OutsidePage, Reached, Visit
from transfer.gateway.streams import Stream
from transfer.identifiers import PacketId
from transfer.outside_sessions import Outsider
from transfer.packet import Plan, PlanEntry
from transfer.pages.forms import Problems
from transfer.pages.routes import Answer
from transfer.staging import Vault

#: the packet's own page, by which people read it
INDEX: Final = "index.html"
#: what a browser shows of others' files, by the ending that we gave them
_SHOWN: Final = frozenset({"application/pdf", "text/plain", "image/png", "image/jpeg"})
_OWN_PAGE: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'"
_OTHERS: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; base-uri 'none'"
#: bytes of a packet's own page; a longer one is kept, not shown
_LONGEST_PAGE: Final = 64 << 20
#: characters of a number that is typed or scanned
_LONGEST_NUMBER: Final = 40
_TITLE: Final = re.compile(rb"<title>[^<]*</title>")


def _list(visit: Visit) -> Answer:
    return _listed(visit, center_packets.list_packets(visit.services, visit.session), Problems())


def _listed(visit: Visit, found: Sequence[ReadyPacket], problems: Problems, *, is_sought: bool = False) -> Answer:
    center = visit.services.institutions[visit.session.institution]
    context = {
        "center": center.name,
        "zone": center.zone,
        "packets": found,
        "is_sought": is_sought,
        "fields": visit.fields,
        "problems": problems,
    }
    status = 422 if problems else 200
    return Answer(template="center_packets.html", title="Packets for you", context=context, status=status)


def _find(visit: Visit) -> Answer:
    """Who of them has this number of the center. It stands in no address."""
    problems = Problems()
    number = visit.fields.line("number", problems, needed="Type or scan a number", longest=_LONGEST_NUMBER)
    if problems:
        return _listed(visit, center_packets.list_packets(visit.services, visit.session), problems)
    found = center_packets.find_packets(visit.services, visit.session, number)
    return _listed(visit, found, problems, is_sought=True)


def _show(visit: Visit) -> Answer:
    packet = visit.id(PacketId, "packet")
    found = center_packets.get_packet(visit.services, visit.session, packet)
    context = {"one": found, "zone": visit.services.institutions[visit.session.institution].zone}
    return Answer(template="center_packet.html", title=f"Packet {packet}", context=context)


def _tar(visit: Visit) -> Given:
    with _opened(visit, "packet.tar") as (stream, plan):
        return Given(stream=stream, content=tar_of(plan, visit.services.vault))


def _zip(visit: Visit) -> Given:
    with _opened(visit, "packet.zip") as (stream, plan):
        content = Representation(
            length=None,
            etag=f"{plan.etag}-zip",
            content_type="application/zip",
            file_name=f"{plan.packet}.zip",
            read=lambda _start, _stop: zip_stream(plan, visit.services.vault),
        )
        return Given(stream=stream, content=content)


def _file(visit: Visit) -> Given:
    """One file of the packet, by its path in it."""
    path, vault = visit.path["path"], visit.services.vault
    with _opened(visit, "page") as (stream, plan):
        try:
            entry = plan.entry(path)
        except KeyError:
            raise Unknown("there is no such page") from None
        if path == INDEX and entry.location.length <= _LONGEST_PAGE:
            return Given(stream=stream, content=_own_page(plan, entry, vault), policy=_OWN_PAGE)
        content = _part(plan, entry, vault)
        is_shown = content.content_type.partition(";")[0] in _SHOWN
        return Given(stream=stream, content=content, policy=_OTHERS if is_shown else None)


@contextmanager
def _opened(visit: Visit, channel: str) -> Iterator[tuple[Stream, Plan]]:
    """The stream and the plan of a packet of theirs. It is closed where no answer comes of it.

    Raises:
        Unknown: it is another's, gone, or may not be released now.
        Unavailable: the ledger does not answer, nobody could watch it, or too many are open.
    """
    packet = visit.id(PacketId, "packet")
    center_packets.check_theirs(visit.services, visit.session, packet)
    try:
        opened = visit.shell.outgoing.open(packet, visit.session.institution, visit.transport, channel)
    except Unavailable:
        raise
    except TransferError:
        opened = None
    if opened is None:
        raise Unknown("there is no such page")
    try:
        yield opened
    except BaseException:
        visit.shell.outgoing.close(opened[0], EgressOutcome.SENT)
        raise


def _own_page(plan: Plan, entry: PlanEntry, vault: Vault) -> Representation:
    """The page that we made, with a title that says nothing of the patient."""
    body = _TITLE.sub(f"<title>Packet {plan.packet}</title>".encode(), b"".join(vault.read(entry.location)), count=1)
    return Representation(
        length=len(body),
        etag=f"{entry.location.sha256}-shown",
        content_type="text/html; charset=utf-8",
        file_name=f"{plan.packet}.html",
        read=lambda start, stop: iter((body[start:stop],)),
    )


def kind_of(plan: Plan, path: str) -> str:
    """What a browser is told that a file is: by the ending that we gave it, and text in the characters that its source
    named.
    """
    kind = mimetypes.guess_type(path, strict=True)[0] or "application/octet-stream"
    if kind != "text/plain":
        return kind
    said = next((one.content_type for one in plan.documents if one.path == path), "")
    is_told = said.startswith(f"{kind}; charset=") and MEDIA_TYPE.fullmatch(said)
    return said.replace("_", "-") if is_told else f"{kind}; charset=utf-8"  # Python's euc_kr is EUC-KR elsewhere


def _part(plan: Plan, entry: PlanEntry, vault: Vault) -> Representation:
    def read(start: int, stop: int) -> Iterator[bytes]:
        is_whole = (start, stop) == (0, entry.location.length)
        return vault.read(entry.location) if is_whole else vault.read_range(entry.location, start, stop)

    return Representation(
        length=entry.location.length,
        etag=entry.location.sha256,
        content_type=kind_of(plan, entry.path),
        file_name=f"{plan.packet}-{PurePosixPath(entry.path).name}",
        read=read,
    )


DECLARED: Final[tuple[Reached, ...]] = (
    OutsidePage(path="/c/", kind=Outsider.CENTER, show=_list, nav="Packets"),
    OutsideAct(path="/c/find", kind=Outsider.CENTER, do=_find),
    OutsidePage(path="/c/packets/{packet}", kind=Outsider.CENTER, show=_show),
    OutsidePage(path="/c/packets/{packet}/packet.tar", kind=Outsider.CENTER, show=_tar),
    OutsidePage(path="/c/packets/{packet}/packet.zip", kind=Outsider.CENTER, show=_zip),
    OutsidePage(path="/c/packets/{packet}/files/{path:path}", kind=Outsider.CENTER, show=_file),
)
