"""`transfer case`: list, find, show, approve, recall, give up, change, note, close, waive; others beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.case_appointments import TIMES
from transfer.cli.common import (
    CASE,
    INSTITUTION,
    RECORD,
    ask,
    ask_note,
    at,
    desk_options,
    note_option,
    print_json,
    print_table,
    tell,
    view_options,
)
from transfer.cli.exit_codes import NEGATIVE
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.flow.desk import CaseSummary as ListedCase
    from transfer.identifiers import CaseId, InstitutionId, RecordId
    from transfer.rights import Actor

_ENDINGS = ("opinion-given", "not-coming", "center-declined", "died", "withdrawn", "duplicate")
_WORDS = ("waived", "not-applicable", "absent", "substitute", "answered-by", "applies")

case = LazyGroup(
    name="case",
    help="Find, show, change, approve and close cases.",
    listed={
        "today": ListedCommand("transfer.cli.today:today_command", "What only we can move, and what waits for whom."),
        "list": ListedCommand("transfer.cli.case:list_command", "The open cases, and why each waits."),
        "find": ListedCommand(
            "transfer.cli.case:find_command", "Find a patient's cases by name, birth date or number."
        ),
        "show": ListedCommand("transfer.cli.case:show_command", "One case: why it waits, on whom, and all beneath."),
        "approve": ListedCommand("transfer.cli.case:approve_command", "Let the packet go as it is."),
        "recall": ListedCommand("transfer.cli.case:recall_command", "Take a packet back."),
        "give-up": ListedCommand("transfer.cli.case:give_up_command", "Give up a packet that cannot leave."),
        "change": ListedCommand("transfer.cli.case:change_command", "Change center, sources, day."),
        "appointment": ListedCommand(
            "transfer.cli.case_appointments:appointment_command", "Add or move an appointment."
        ),
        "cancel": ListedCommand(
            "transfer.cli.case_appointments:cancel_command", "Say that an appointment does not take place."
        ),
        "checklist": ListedCommand("transfer.cli.case_needs:checklist_command", "Pick the checklist of the disease."),
        "need": ListedCommand("transfer.cli.case_needs:need_command", "Add something that this case needs."),
        "procedure": ListedCommand("transfer.cli.case_needs:procedure_command", "List what was done, where and when."),
        "drop": ListedCommand("transfer.cli.case_needs:drop_command", "Take back what was added."),
        "waive": ListedCommand("transfer.cli.case:waive_command", "Say of a line that it is not needed."),
        "withhold": ListedCommand("transfer.cli.withholding:withhold_command", "Let pages of a record go to nobody."),
        "assign": ListedCommand("transfer.cli.today:assign_command", "Say whose work a case is."),
        "reassign": ListedCommand("transfer.cli.today:reassign_command", "Give all cases of one account to another."),
        "note": ListedCommand("transfer.cli.case:note_command", "Keep a note with a case."),
        "call": ListedCommand("transfer.cli.case_log:call_command", "Log a telephone call."),
        "story": ListedCommand("transfer.cli.case_log:story_command", "What happened, newest first."),
        "filed": ListedCommand("transfer.cli.case_filing:filed_command", "Say that it was filed in our chart."),
        "misdirected": ListedCommand(
            "transfer.cli.case_filing:misdirected_command", "Write down that it went to the wrong place."
        ),
        "close": ListedCommand("transfer.cli.case:close_command", "End a case."),
    },
)


@click.command("list")
@click.option("--all", "closed", is_flag=True, help="Closed cases as well.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at the most.")
@view_options
def list_command(var: Path, *, closed: bool, limit: int, actor: "Actor", as_json: bool) -> None:
    """The open cases, those needed first at the top, and in one line why each waits and on whom.

    One line says why each waits and on whom. No patient is named.

    \b
    Example:
      transfer case list
      transfer case list --json | jq -r '.[] | select(.stage == "gathering") | .case'
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.list_cases(services, actor=actor, closed=closed, limit=limit)
    if as_json:
        print_json(found)
    elif found:
        _print_list(found)
    else:
        click.echo("No case is open." if not closed else "There is no case.")


def _print_list(found: "list[ListedCase]") -> None:
    rows = [(one.case, one.stage, one.needed_by, one.receiver, one.assigned_to, one.why) for one in found]
    print_table(["case", "stage", "needed by", "for", "assigned to", "why it waits"], rows)


@click.command("find")
@click.option("--number", "by_number", is_flag=True, help="Ask for a number instead: of a record, theirs or ours.")
@click.option("--identity", is_flag=True, help="Say who the patients are.")
@view_options
def find_command(var: Path, *, by_number: bool, identity: bool, actor: "Actor", as_json: bool) -> None:
    """Find a patient's cases as somebody on the telephone says who it is. Every search is written down.

    The command asks for name and birth date at a prompt, or takes two lines from a pipe. Of a name, any word will do:
    whole, its beginning, or as it sounds. The date may be in any order; - stands for one that is not known. At most
    ten cases are shown, each with the line to read out. It ends with 1 if nobody is found.

    \b
    Example:
      transfer case find
      Name: odonel
      Birth date (- for none): 12/22/1958
    """
    asked = {"number": ask("Number")} if by_number else {"name": ask("Name"), "born": ask("Birth date (- for none)")}
    said = {key: "" if one == "-" else one for key, one in asked.items()}
    from transfer.searching import sought

    try:
        sought(**said)
    except ValueError as mistake:
        raise click.UsageError(f"nobody can be found so: {mistake}") from None
    with at(var) as services:
        from transfer.flow import desk

        found = desk.find_cases(services, actor=actor, identity=identity, **said)
    if as_json:
        print_json(found.cases)
    elif found.cases:
        rows = [(one.case, one.patient, one.born_in, one.referring, one.read_out, one.why) for one in found.cases]
        print_table(["case", "patient", "born in", "referred by", "to read out", "why it waits"], rows)
        if found.is_more:
            click.echo("There are more: add the birth date, or a number.")
    else:
        click.echo("Nobody is found so. Do not say so to a caller whom you do not know.")
    if not found.cases:
        raise click.exceptions.Exit(NEGATIVE)


@click.command("show")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--identity", is_flag=True, help="Say who the patient is.")
@click.option("--notes", is_flag=True, help="Show the referral's question and what people wrote.")
@view_options
def show_command(var: Path, case_id: "CaseId", *, identity: bool, notes: bool, actor: "Actor", as_json: bool) -> None:
    """One case: in one line why it waits and on whom, then what is needed, asked, permitted, packed and decided.

    Then what is needed, asked, permitted, packed and decided. The patient is named only with --identity.

    \b
    Example:
      transfer case show c0123456789a
    """
    with at(var) as services:
        from transfer.flow import desk

        found = desk.dossier(services, case_id, actor=actor, identity=identity, notes=notes)
        names = {institution.id: institution.name for institution in services.institutions.values()}
    if as_json:
        print_json(found)
        return
    from transfer.cli.dossier import print_dossier

    print_dossier(found, names)


@click.command("approve")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--without", multiple=True, metavar="LINE", help="A line it goes without, where the case waits for it.")
@note_option
@desk_options
def approve_command(
    var: Path, case_id: "CaseId", *, without: tuple[str, ...], with_note: bool, actor: "Actor", as_json: bool
) -> None:
    """Let the packet go as it is, under your name.

    Where only slides or blocks are lacking, this is all. Where the case still waits for more, name each line it goes
    without, so that nothing is left out by accident.

    \b
    Example:
      transfer case approve c0123456789a
      transfer case approve c0123456789a --without images
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.approve(services, case_id, actor=actor, without=without, note=note), as_json=as_json)


@click.command("recall")
@click.argument("case_id", metavar="CASE", type=CASE)
@note_option
@desk_options
def recall_command(var: Path, case_id: "CaseId", *, with_note: bool, actor: "Actor", as_json: bool) -> None:
    """Take the newest packet of a case back: its links work no more, and it is handed to nobody.

    Downloads under way are cut. What left before has left, and stays told as disclosed. Another packet may go from then
    on, once somebody approves it.

    \b
    Example:
      transfer case recall c0123456789a
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.recall(services, case_id, actor=actor, note=note), as_json=as_json)


@click.command("give-up")
@click.argument("case_id", metavar="CASE", type=CASE)
@note_option
@desk_options
def give_up_command(var: Path, case_id: "CaseId", *, with_note: bool, actor: "Actor", as_json: bool) -> None:
    """Give up the newest packet of a case, where it is on its way and has left to nobody.

    It is handed to nobody, and another may go. A packet that may have left is recalled instead.

    \b
    Example:
      transfer case give-up c0123456789a
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.give_up(services, case_id, actor=actor, note=note), as_json=as_json)


@click.command("change")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--receiver", type=INSTITUTION, help="The center that is asked, while nothing was handed over.")
@click.option("--source", "sources", type=INSTITUTION, multiple=True, help="A further institution to ask.")
@click.option("--needed-by", type=click.DateTime(["%Y-%m-%d"]), help="The day the packet is needed by.")
@click.option("--appointment", type=click.DateTime(TIMES), help="When the patient is expected, at the receiver.")
@note_option
@desk_options
def change_command(
    var: Path,
    case_id: "CaseId",
    *,
    receiver: "InstitutionId | None",
    sources: tuple["InstitutionId", ...],
    needed_by: "datetime | None",
    appointment: "datetime | None",
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Change what an open case is for, or ask further sources.

    What you say stands until the referral itself says something new of the same. Another center can be named only
    while no packet may have left. A further source is asked once a permission covers it.

    \b
    Example:
      transfer case change c0123456789a --source mercy-imaging
      transfer case change c0123456789a --appointment "2027-03-04 10:00"
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        did = desk.change(
            services,
            case_id,
            actor=actor,
            receiver=receiver,
            sources=sources,
            needed_by=needed_by.date() if needed_by else None,
            appointment_at=appointment,
            note=note,
        )
        tell(did, as_json=as_json)


@click.command("waive")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("line")
@click.argument("word", type=click.Choice(_WORDS))
@click.option("--record", type=RECORD, help="The record that answers the line (substitute, answered-by).")
@note_option
@desk_options
def waive_command(
    var: Path,
    case_id: "CaseId",
    line: str,
    word: str,
    *,
    record: "RecordId | None",
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Say of one LINE of the checklist that nothing is owed for it, or that something is.

    \b
      waived          the center can do without
      not-applicable  it does not concern this patient
      absent          it does not exist
      substitute      another record serves instead (--record)
      answered-by     this record is the one (--record)
      applies         it is needed here; takes an earlier answer back

    `transfer case show` lists the lines and records of a case.

    \b
    Example:
      transfer case waive c0123456789a operative-note not-applicable
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.completeness import WaiverKind
        from transfer.flow import desk

        did = desk.waive(services, case_id, line, WaiverKind(word), actor=actor, record=record, note=note)
        tell(did, as_json=as_json)


@click.command("note")
@click.argument("case_id", metavar="CASE", type=CASE)
@desk_options
def note_command(var: Path, case_id: "CaseId", *, actor: "Actor", as_json: bool) -> None:
    """Keep a note with a case, sealed under the patient's key. It is never part of a packet.

    The command asks for the text at a prompt, or takes it from a pipe.

    \b
    Example:
      transfer case note c0123456789a < note.txt
    """
    text = ask_note()
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.add_note(services, case_id, text, actor=actor), as_json=as_json)


@click.command("close")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--ending", type=click.Choice(_ENDINGS), required=True, help="How it ended.")
@note_option
@desk_options
def close_command(var: Path, case_id: "CaseId", *, ending: str, with_note: bool, actor: "Actor", as_json: bool) -> None:
    """End a case: what is asked is withdrawn, its open decisions fall, nothing more is asked or sent.

    \b
    Example:
      transfer case close c0123456789a --ending opinion-given
    """
    note = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.close(services, case_id, ending, actor=actor, note=note), as_json=as_json)
