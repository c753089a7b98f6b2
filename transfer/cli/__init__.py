"""The command `transfer`. It loads the rest only when it is needed, so that help answers at once."""

import click

from transfer.cli.group import LazyGroup, ListedCommand

__all__ = ["main"]

_EPILOGUE = """
\b
Exit codes:
  0    done, found, whole
  1    no such thing, nothing found, or something is broken
  2    the command was not understood
  3    verify: intact, but the signer is not one you pinned
  4    not allowed, or a person must decide first; the message says what
  5    something is not running or does not answer; try again
  70   a mistake of ours; TRANSFER_DEBUG=1 shows where
\b
Type names, birth dates, accession numbers and notes at a prompt, or give
them line by line from a pipe. They are never arguments: a shell's history
and every user of the machine could read those.
"""


def _say_versions(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Of our code, with the commit where it is known; of the Airflow it goes with; and its newest migration."""
    if not value or ctx.resilient_parsing:
        return
    from importlib import metadata

    from transfer import versions
    from transfer.ledger import migrate

    click.echo(f"records-transfer {versions.with_commit()}")
    click.echo(f"Apache Airflow {metadata.version('apache-airflow')}")
    click.echo(f"ledger: migration {max(migrate.known())}")
    ctx.exit()


_VERSION = click.Option(
    ["--version"],
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_say_versions,
    help="Print our version, Airflow's, and the newest migration of the ledger.",
)

main = LazyGroup(
    name="transfer",
    params=[_VERSION],
    help="Gets a patient's records from the institutions that hold them to the center asked for a second opinion.",
    epilog=_EPILOGUE,
    context_settings={"help_option_names": ["-h", "--help"]},
    listed={
        "up": ListedCommand("transfer.cli.installation:up", "Start everything and leave it running."),
        "down": ListedCommand("transfer.cli.installation:down", "Stop everything that was started."),
        "status": ListedCommand("transfer.cli.installation:status", "How each service stands."),
        "alerts": ListedCommand("transfer.cli.alerts:alerts_command", "What is wrong now, and since when."),
        "doctor": ListedCommand("transfer.cli.doctor:doctor_command", "What is wrong here, and what to do."),
        "demo": ListedCommand("transfer.cli.demo:demo_command", "One case from referral to verified packet."),
        "open": ListedCommand("transfer.cli.referral:open_command", "Open a case from a referral in a file."),
        "referral": ListedCommand("transfer.cli.entered_referral:referral", "Referrals by fax or telephone."),
        "case": ListedCommand("transfer.cli.case:case", "Find, show, approve and close cases."),
        "incoming": ListedCommand("transfer.cli.incoming:incoming", "What came on paper."),
        "hold": ListedCommand("transfer.cli.hold:hold", "Decisions that wait for a person."),
        "desk": ListedCommand("transfer.cli.desk:desk", "How people sign in at the desk's pages."),
        "patient": ListedCommand("transfer.cli.patient:patient", "Two patients who are one person."),
        "request": ListedCommand("transfer.cli.request:request", "What a source said by telephone."),
        "letter": ListedCommand("transfer.cli.letter:letter", "Letters to facilities without an interface."),
        "code": ListedCommand("transfer.cli.code:code", "Codes by which people outside answer and look in."),
        "institution": ListedCommand("transfer.cli.institution:institution", "Who is asked, how much, and who waits."),
        "center": ListedCommand("transfer.cli.center:center", "Who of a receiving center signs in at our pages."),
        "material": ListedCommand("transfer.cli.material:material", "Slides and blocks: parcels, counts and loans."),
        "permission": ListedCommand("transfer.cli.permission:permission", "Release forms: try, enter, dispute, end."),
        "trail": ListedCommand("transfer.cli.trail:trail", "Prove that nothing written was altered."),
        "audit": ListedCommand("transfer.cli.audit:audit", "What left, who decided and who looked, by period."),
        "backup": ListedCommand("transfer.cli.backup:backup_command", "Take a backup while everything runs."),
        "restore": ListedCommand("transfer.cli.backup:restore_command", "Bring a backup back."),
        "keys": ListedCommand("transfer.cli.keys:keys", "Where the keys are, and how they move."),
        "verify": ListedCommand("transfer.cli.verify:verify_command", "Check a packet, offline."),
    },
)
