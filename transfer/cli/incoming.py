"""`transfer incoming`: what came on paper, and what its pages become."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import (
    CASE,
    INCOMING,
    INSTITUTION,
    at,
    desk_options,
    print_json,
    print_table,
    tell,
    view_options,
)
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.flow.desk import PaperView
    from transfer.identifiers import CaseId, IncomingId, InstitutionId
    from transfer.rights import Actor

_HERE = "transfer.cli.incoming"
incoming = LazyGroup(
    name="incoming",
    help="What came on paper, and what its pages become.",
    listed={
        "list": ListedCommand(f"{_HERE}:list_command", "The papers that wait or are to go back."),
        "add": ListedCommand(f"{_HERE}:add_command", "Bring in a paper from a file."),
        "take": ListedCommand(f"{_HERE}:take_command", "Take a paper: its pages are yours to index."),
        "open": ListedCommand(f"{_HERE}:open_command", "Write a paper to a file, as it came."),
        "cd": ListedCommand("transfer.cli.discs:cd_command", "Bring in a CD with images."),
        "disc": ListedCommand("transfer.cli.discs:disc_command", "What is on a CD that you have taken."),
        "index-studies": ListedCommand("transfer.cli.discs:index_command", "Make studies of a CD images of a case."),
        "index": ListedCommand(f"{_HERE}:index_command", "Make pages a record of a case."),
        "leave-out": ListedCommand(f"{_HERE}:leave_out_command", "Cover sheets, and what is misdirected."),
        "sent-back": ListedCommand(f"{_HERE}:sent_back_command", "How what was misdirected went back."),
    },
)

_KINDS = (
    *("note", "pathology-report", "operative-note", "procedure-report", "imaging-report", "laboratory", "molecular"),
    *("treatment-summary", "other"),
)
_paper = click.argument("paper", metavar="PAPER", type=INCOMING)
_pages = click.argument("pages", metavar="PAGES")


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Also papers that are done, newest first.")
@click.option("--page", default=1, type=click.IntRange(1, 99999), help="Fifty papers on each page.  [default: 1]")
@view_options
def list_command(var: Path, *, everything: bool, page: int, actor: "Actor", as_json: bool) -> None:
    """The papers that wait, oldest first: when each came, on which line, who has it, which pages are left.

    \b
    Example:
      transfer incoming list
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_incoming(services, actor=actor, everything=everything, number=page)
    if as_json:
        print_json(found.papers)
    else:
        rows = [
            (one.incoming, f"{one.received_at:%Y-%m-%d %H:%M}", one.line, _count(one), *_stands(one))
            for one in found.papers
        ]
        print_table(["paper", "came (UTC)", "line", "pages", "left", "taken by", "became"], rows)
        if found.pages > 1:
            click.echo(f"Page {found.number} of {found.pages}, {found.total} papers in all.")


def _count(one: "PaperView") -> str:
    return f"{one.pages} studies" if one.is_disc else str(one.pages)


def _stands(one: "PaperView") -> tuple[str, str, str]:
    from transfer.page_ranges import in_ranges

    became = "; ".join(f"{part.pages}: {part.case or part.became}" for part in one.parts)
    became += "; to send back" if one.to_send_back else f"; sent back: {one.sent_back.how}" if one.sent_back else ""
    return in_ranges(one.left), one.taken_by or "", became or ("" if one.left else str(one.state))


@click.command("add")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@desk_options
def add_command(var: Path, file: Path, *, actor: "Actor", as_json: bool) -> None:
    """Bring in a paper: a PDF, a TIFF, a JPEG or a PNG, of 64 MiB and 300 pages at the most.

    The same file again is the same paper.

    \b
    Example:
      transfer incoming add fax.tif
    """
    with at(var) as services:
        from transfer.flow import desk
        from transfer.incoming import LARGEST

        with file.open("rb") as source:  # one byte more than is taken, so that what is too large is told to be that
            body = source.read(LARGEST + 1)
        tell(desk.upload_paper(services, body, actor=actor), as_json=as_json)


@click.command("take")
@_paper
@desk_options
def take_command(var: Path, paper: "IncomingId", *, actor: "Actor", as_json: bool) -> None:
    """Take a PAPER or a CD. Whoever has it sees what is on it; nobody else does.

    \b
    Example:
      transfer incoming take f0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.take_paper(services, paper, actor=actor), as_json=as_json)


@click.command("open")
@_paper
@click.argument("file", metavar="FILE", type=click.Path(exists=False, path_type=Path))
@desk_options
def open_command(var: Path, paper: "IncomingId", file: Path, *, actor: "Actor", as_json: bool) -> None:
    """Write a PAPER that you have taken to a new FILE, as it came. That you opened it is written down.

    \b
    Example:
      transfer incoming open f0123456789abcde fax.pdf
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.open_paper(services, paper, actor=actor)
        try:
            with file.open("xb") as kept:
                for piece in found.pieces():
                    kept.write(piece)
        except OSError as error:
            raise click.UsageError(f"{file.name}: {error.strerror or 'cannot be written'}") from None
    if as_json:
        print_json({"content_type": found.content_type, "size": found.size})
    else:
        click.echo(f"{file.name}: {found.content_type}, {found.size} bytes")


@click.command("index")
@_paper
@_pages
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--kind", type=click.Choice(_KINDS), required=True, help="What it is.")
@click.option("--from", "institution", type=INSTITUTION, required=True, help="The institution that wrote it.")
@click.option("--day", metavar="YYYY[-MM[-DD]]", help="The day that it says of itself.")
@click.option("--turn", type=click.Choice(["0", "90", "180", "270"]), default="0", help="Degrees, clockwise.")
@click.option("--line", help="The line of the checklist that they answer; else what their kind answers.")
@desk_options
def index_command(
    var: Path,
    paper: "IncomingId",
    pages: str,
    case_id: "CaseId",
    *,
    kind: str,
    institution: "InstitutionId",
    day: str | None,
    turn: str,
    line: str | None,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Make PAGES of a PAPER, as 1-4,7 or all, a record of CASE.

    It is collected if a permission covers it, and else kept sealed until one does. The same again changes nothing.

    \b
    Example:
      transfer incoming index f0123456789abcde 1-4 c0123456789a --kind note --from lakeside-oncology --day 2026-05-12
      transfer incoming index f0123456789abcde 5 c0123456789a --kind laboratory --from lakeside-urology --line psa
    """
    from transfer.partial_dates import day_said

    said = day_said(day)
    if day and said is None:
        raise click.UsageError("--day: a day is written as 2026-05-12, a month as 2026-05, a year as 2026")
    with at(var) as services:
        from transfer.flow import desk
        from transfer.records import RecordKind

        new = desk.IndexedAs(kind=RecordKind(kind), institution=institution, day=said, turn=int(turn), line=line)
        tell(desk.index_pages(services, paper, pages, case_id, new, actor=actor), as_json=as_json)


@click.command("leave-out")
@_paper
@_pages
@click.option("--misdirected", is_flag=True, help="They are of nobody here, and go back to their sender.")
@desk_options
def leave_out_command(
    var: Path, paper: "IncomingId", pages: str, *, misdirected: bool, actor: "Actor", as_json: bool
) -> None:
    """Say that PAGES of a PAPER, or studies of a CD, become no record: nobody needs them, or they are misdirected.

    What has misdirected pages or studies is destroyed after seven days, once all of them are indexed.

    \b
    Example:
      transfer incoming leave-out f0123456789abcde 1
      transfer incoming leave-out f0123456789abcde 5-6 --misdirected
    """
    with at(var) as services:
        from transfer.flow import desk
        from transfer.incoming import PagesBecame

        became = PagesBecame.MISDIRECTED if misdirected else PagesBecame.LEFT_OUT
        tell(desk.leave_out(services, paper, pages, became, actor=actor), as_json=as_json)


@click.command("sent-back")
@_paper
@click.argument("how", type=click.Choice(["fax", "mail", "courier", "shredded"]))
@click.option("--on", metavar="YYYY-MM-DD", type=click.DateTime(["%Y-%m-%d"]), help="The day; without it, today.")
@desk_options
def sent_back_command(
    var: Path, paper: "IncomingId", how: str, *, on: "datetime | None", actor: "Actor", as_json: bool
) -> None:
    """Write down how misdirected pages of a PAPER, or a CD with misdirected studies, went back to the sender.

    `shredded`: it was shredded here, and the sender was told. The same again changes nothing.

    \b
    Example:
      transfer incoming sent-back f0123456789abcde fax --on 2026-11-30
    """
    with at(var) as services:
        from transfer.flow import desk
        from transfer.incoming import SentBackHow

        day = on.date() if on else None
        tell(desk.record_sent_back(services, paper, SentBackHow(how), actor=actor, on=day), as_json=as_json)
