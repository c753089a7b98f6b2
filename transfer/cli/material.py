"""`transfer material`: slides and blocks, from the parcel to their way back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from transfer.cli.common import CASE, INSTITUTION, MATERIAL, PARCEL, ask, ask_note, at, desk_options, note_option, tell
from transfer.cli.group import LazyGroup, ListedCommand

if TYPE_CHECKING:
    from datetime import datetime

    from transfer.identifiers import CaseId, InstitutionId, MaterialId, ParcelId
    from transfer.rights import Actor

material = LazyGroup(
    name="material",
    help="Slides and blocks, from the parcel to their way back.",
    listed={
        "parcel": ListedCommand("transfer.cli.material:parcel_command", "Take a parcel in."),
        "receive": ListedCommand("transfer.cli.material:receive_command", "Count a parcel in."),
        "log-in": ListedCommand("transfer.cli.material:log_in_command", "All that came under one accession."),
        "announce": ListedCommand(
            "transfer.cli.material:announce_command", "How many the sender's list says were sent."
        ),
        "piece": ListedCommand("transfer.cli.pieces:piece_command", "What stands on one piece, and where it is."),
        "pieces": ListedCommand("transfer.cli.pieces:pieces_command", "The pieces of one count."),
        "judge": ListedCommand("transfer.cli.material:judge_command", "What a pathologist says of the pieces."),
        "ask": ListedCommand("transfer.cli.material:ask_command", "The laboratory was asked for more pieces."),
        "loans": ListedCommand("transfer.cli.loans:loans_command", "What is lent, and due back when."),
        "return": ListedCommand("transfer.cli.loans:return_command", "A loan leaves for its laboratory."),
        "returned": ListedCommand("transfer.cli.loans:returned_command", "The laboratory has its loan back."),
        "keep": ListedCommand("transfer.cli.loans:keep_command", "The lender lets a loan stay longer."),
    },
)

_KINDS = ("slide", "block", "recut", "unstained", "scroll", "smear")
_LABELS = ("agree", "differ", "handwriting-differs", "none")
_SAYS = ("sufficient", "need-block", "need-unstained", "need-ihc", "need-report")
_CARRIERS = ("fedex", "ups", "usps", "dhl", "other-courier", "by-hand")
_CONDITIONS = ("good", "seal-broken", "wet", "pieces-broken")
_DAY = click.DateTime(["%Y-%m-%d"])
_which = click.option("--material", "material_id", type=MATERIAL, help="Which, where a case awaits several.")


@click.command("receive")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.option("--pieces", type=click.IntRange(1, 9999), required=True, help="How many pieces you counted.")
@click.option("--announced", type=click.IntRange(1, 9999), help="How many the sender's list says were sent.")
@click.option("--another-parcel", is_flag=True, help="Pieces came before, and these came in a further parcel.")
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    help="What came, where it is not what was awaited.",
)
@_which
@desk_options
def receive_command(
    var: Path,
    case_id: "CaseId",
    *,
    pieces: int,
    announced: int | None,
    another_parcel: bool,
    kind: str | None,
    material_id: "MaterialId | None",
    actor: "Actor",
    as_json: bool,
) -> None:
    """Count a parcel of slides or blocks in. The command asks for the accession number on the labels at a prompt.

    Labels with another accession number than an earlier parcel's are not counted. The command then ends with 4: ask the
    laboratory. The same parcel entered twice is counted once.

    \b
    Example:
      transfer material receive c0123456789a --pieces 6 --announced 6
      Accession number: S25-10071
    """
    accession = ask("Accession number")
    with at(var) as services:
        from transfer.flow import desk
        from transfer.materials import MaterialKind

        did = desk.receive_material(
            services,
            case_id,
            pieces=pieces,
            announced=announced,
            accession=accession,
            actor=actor,
            material=material_id,
            is_another_parcel=another_parcel,
            kind=MaterialKind(kind) if kind else None,
        )
        tell(did, as_json=as_json)


@click.command("announce")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("count", type=click.IntRange(1, 9999))
@_which
@desk_options
def announce_command(
    var: Path, case_id: "CaseId", count: int, *, material_id: "MaterialId | None", actor: "Actor", as_json: bool
) -> None:
    """Enter how many pieces the sender's list says were sent, where you learn it after they came.

    \b
    Example:
      transfer material announce c0123456789a 6
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.announce_material(services, case_id, count, actor=actor, material=material_id), as_json=as_json)


@click.command("parcel")
@click.option("--carrier", type=click.Choice(_CARRIERS), required=True, help="Who brought it.")
@click.option("--condition", type=click.Choice(_CONDITIONS), default="good", help="How it was when it came.")
@click.option("--shelf", default="", help="Where it stands.")
@desk_options
def parcel_command(var: Path, *, carrier: str, condition: str, shelf: str, actor: "Actor", as_json: bool) -> None:
    """Take a parcel in. The command asks for the courier's number at a prompt; by hand there is none.

    The same number again is the same parcel.

    \b
    Example:
      transfer material parcel --carrier ups
      Courier's number: 1Z999AA10123456784
    """
    number = "" if carrier == "by-hand" else ask("Courier's number")
    with at(var) as services:
        from transfer.flow import desk
        from transfer.parcels import Carrier, Condition

        did = desk.receive_parcel(
            services,
            actor=actor,
            carrier=Carrier(carrier),
            condition=Condition(condition),
            number=number,
            shelf=shelf,
        )
        tell(did, as_json=as_json)


@click.command("log-in")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("parcel", metavar="PARCEL", type=PARCEL)
@click.option(
    "--count",
    "counts",
    type=(click.Choice(_KINDS), click.IntRange(1, 9999)),
    multiple=True,
    required=True,
    metavar="KIND N",
    help="Pieces of one kind, as you counted them.",
)
@click.option(
    "--announced",
    type=(click.Choice(_KINDS), click.IntRange(1, 9999)),
    multiple=True,
    metavar="KIND N",
    help="The same, as the sender's list says.",
)
@click.option("--source", type=INSTITUTION, help="The laboratory, where several are awaited.")
@click.option("--labels", type=click.Choice(_LABELS), default="agree", help="How the labels agree with the papers.")
@click.option("--parts", default="", metavar="A,B", help="The parts of the specimen that the labels name.")
@click.option("--with-report", is_flag=True, help="Their report lay in the parcel.")
@click.option("--due-back", type=_DAY, metavar="DAY", help="The day by which the lender wants them back.")
@click.option("--besides", "another_accession", is_flag=True, help="The patient has both: this number, and one before.")
@desk_options
def log_in_command(
    var: Path,
    case_id: "CaseId",
    parcel: "ParcelId",
    *,
    counts: "tuple[tuple[str, int], ...]",
    announced: "tuple[tuple[str, int], ...]",
    source: "InstitutionId | None",
    labels: str,
    parts: str,
    with_report: bool,
    due_back: "datetime | None",
    another_accession: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Log in what came in a parcel under one accession. The command asks for the accession number at a prompt.

    Another count of the same parcel stands in place of the first.

    \b
    Example:
      transfer material log-in c0123456789a k0123456789abcde --count slide 12 --count block 2
      Accession number: S25-10071
    """
    accession = ask("Accession number")
    with at(var) as services:
        from transfer.flow import desk
        from transfer.materials import CheckIn, LabelCheck, MaterialKind
        from transfer.reported_parts import parts_named

        try:
            named = parts_named(parts)
        except ValueError as error:
            raise click.UsageError(str(error)) from None
        seen = CheckIn(
            parcel=parcel,
            accession=accession,
            counts={MaterialKind(kind): pieces for kind, pieces in counts},
            announced={MaterialKind(kind): pieces for kind, pieces in announced},
            source=source,
            labels=LabelCheck(labels),
            with_report=with_report,
            due_back=due_back.date() if due_back else None,
            parts=named,
            is_another_accession=another_accession,
        )
        tell(desk.log_in(services, case_id, seen, actor=actor), as_json=as_json)


@click.command("judge")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@click.argument("said", metavar="WORD", type=click.Choice(_SAYS))
@click.option("--count", type=click.IntRange(1, 999), help="How many more pieces are needed.")
@note_option
@desk_options
def judge_command(
    var: Path,
    case_id: "CaseId",
    material_id: "MaterialId",
    said: str,
    *,
    count: int | None,
    with_note: bool,
    actor: "Actor",
    as_json: bool,
) -> None:
    """Write down what a pathologist says of the pieces. Their line is settled, whatever their number.

    \b
    WORD  sufficient, need-block, need-unstained, need-ihc, need-report

    \b
    Example:
      transfer material judge c0123456789a t0123456789abcde need-unstained --count 10
    """
    words = ask_note() if with_note else None
    with at(var) as services:
        from transfer.flow import desk
        from transfer.materials import Sufficiency

        did = desk.judge_material(
            services, case_id, material_id, Sufficiency(said), actor=actor, count=count, words=words
        )
        tell(did, as_json=as_json)


@click.command("ask")
@click.argument("case_id", metavar="CASE", type=CASE)
@click.argument("material_id", metavar="MATERIAL", type=MATERIAL)
@desk_options
def ask_command(var: Path, case_id: "CaseId", material_id: "MaterialId", *, actor: "Actor", as_json: bool) -> None:
    """Say that the laboratory was asked for pieces.

    \b
    Example:
      transfer material ask c0123456789a t0123456789abcde
    """
    with at(var) as services:
        from transfer.flow import desk

        tell(desk.ask_for_material(services, case_id, material_id, actor=actor), as_json=as_json)
