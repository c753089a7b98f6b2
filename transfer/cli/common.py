"""What the commands of the desk share: options, prompts, the connection, and how things are printed."""

import dataclasses
import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from transfer.cli.exit_codes import UNDECIDED

if TYPE_CHECKING:
    from transfer.flow.desk import ActionResult
    from transfer.flow.services import Services
    from transfer.ledger import Ledger
    from transfer.rights import Actor
    from transfer.settings import Settings

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
note_option = click.option("--note", "with_note", is_flag=True, help="Ask for a note to keep with it, sealed.")
var_option = click.option(
    "--var",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: Path(os.environ.get("TRANSFER_VAR") or "var"),
    show_default="TRANSFER_VAR, else ./var",
    help="The folder of this installation.",
)


class Id(click.ParamType[Any]):
    """One of our identifiers. Other text is not repeated: somebody may have typed a name."""

    def __init__(self, kind: str, name: str, where: str, *others: str) -> None:
        self.name = name
        self._kinds = (kind, *others)
        self._where = where

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from transfer import identifiers

        for name in self._kinds:
            kind: type[identifiers.Identifier] = getattr(identifiers, name)
            try:
                return kind(value)
            except ValueError:
                continue
        return self.fail(f"that is no {self.name} of ours; {self._where} lists them", param, ctx)


class NewId(click.ParamType[Any]):
    """An identifier that somebody draws up: what is wrong with it is said, and it is not repeated."""

    def __init__(self, kind: str, name: str) -> None:
        self.name = name
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from transfer import identifiers

        try:
            return getattr(identifiers, self._kind)(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


CASE = Id("CaseId", "case id", "transfer case list")
HOLD = Id("HoldId", "decision id", "transfer hold list")
PERMISSION = Id("PermissionId", "permission id", "transfer case show")
PERMISSION_OR_CASE = Id("PermissionId", "permission id or case id", "transfer case show", "CaseId")
REQUEST = Id("RequestId", "request id", "transfer case show")
RECORD = Id("RecordId", "record id", "transfer case show")
MATERIAL = Id("MaterialId", "material id", "transfer case show")
PARCEL = Id("ParcelId", "parcel id", "transfer material parcel")
ACCOUNTING = Id("AccountingId", "accounting id", "transfer audit accountings")
INCOMING = Id("IncomingId", "paper id", "transfer incoming list")
INSTITUTION = Id("InstitutionId", "institution", "institutions/")
NEW_INSTITUTION = NewId("InstitutionId", "institution")


def _actor(_ctx: click.Context, _param: click.Parameter, value: str | None) -> "Actor":
    return _claimed(value)


def _claimed(value: str | None) -> "Actor":
    """Whoever can run this holds every key of the installation, so they hold every right. Nobody made sure of the name:
    it is claimed. Where two people must say the same, the account of the operating system counts.
    """
    from transfer.rights import Actor, Right

    account = _account()
    try:
        return Actor(person=value or account, rights=frozenset(Right), is_claimed=True, account=account)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


def _account() -> str:
    """Of the operating system, as the kernel knows it: what the environment says of it does not count."""
    import pwd

    from transfer.rights import is_account

    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # an account without a name
        name = ""
    return name if is_account(name) else f"uid-{uid}"


actor_option = click.option(
    "--person",
    "actor",
    envvar="TRANSFER_PERSON",
    show_envvar=True,
    callback=_actor,
    metavar="ACCOUNT",
    help="Who does it, as the trail keeps it: claimed, for nobody signs in here. The account you are logged in with if "
    "not given.",
)


def desk_options(command: Decorated) -> Decorated:
    """The options of every verb: who does it, in which installation, told how."""
    for option in (var_option, json_option, actor_option):
        command = option(command)
    return command


def view_options(command: Decorated) -> Decorated:
    """The options of everything that only shows. Who looks is the account, or what TRANSFER_PERSON says."""

    @functools.wraps(command)
    def shown(*arguments: Any, **options: Any) -> Any:
        return command(*arguments, actor=_claimed(os.environ.get("TRANSFER_PERSON") or None), **options)

    for option in (var_option, json_option):
        shown = option(shown)
    return cast(Decorated, shown)


# --- connecting -------------------------------------------------------------------------------------------------------


@contextmanager
def at(var: Path) -> Iterator["Services"]:
    """Connected to everything a verb may touch."""
    from transfer import wiring

    with wiring.connect(_running(var), wiring.origin("cli"), connections=2) as services:
        yield services


@contextmanager
def ledger_at(var: Path) -> Iterator["Ledger"]:
    """Connected to the ledger alone."""
    from transfer import wiring

    ledger = wiring.ledger(_running(var), wiring.origin("cli"), connections=1)
    try:
        yield ledger
    finally:
        ledger.close()


def settings_at(var: Path) -> "Settings":
    """The settings of an installation whose database answers."""
    return _running(var)


def _running(var: Path) -> "Settings":
    """The settings, once the database has answered: a pool would wait long before it said so."""
    import psycopg

    from transfer.ledger.connections import bounded
    from transfer.settings import Settings

    settings = Settings.load(os.environ, var)
    if "TRANSFER_DATABASE_URL" not in settings.names:
        raise _not_running()
    try:
        psycopg.connect(bounded(settings.database_url, 5)).close()
    except psycopg.OperationalError:
        raise _not_running() from None
    return settings


def _not_running() -> Exception:
    from transfer.errors import Unavailable
    from transfer.remedies import Remedy, RemedyCode

    error = Unavailable("nothing is running here")
    error.remedy = Remedy(RemedyCode.START)
    return error


# --- asking -----------------------------------------------------------------------------------------------------------


def ask(label: str) -> str:
    """One line that must not be an argument: at a prompt, or the next line of a pipe."""
    if sys.stdin.isatty():
        return str(click.prompt(label, err=True)).strip()
    line = sys.stdin.readline()
    if not line.strip():
        raise click.UsageError(f"{label}: nothing was typed; give it at the prompt or as the next line of a pipe")
    return line.strip()


def ask_secret(label: str) -> str:
    """A line that the terminal does not show, or the next line of a pipe."""
    return str(click.prompt(label, err=True, hide_input=True)) if sys.stdin.isatty() else ask(label)


def ask_note() -> str:
    """Free text: a line at the prompt, or all that a pipe brings."""
    return ask("Note") if sys.stdin.isatty() else sys.stdin.read().strip()


# --- telling ----------------------------------------------------------------------------------------------------------


def tell(did: "ActionResult", *, as_json: bool) -> None:
    """What a verb did. Ends with 4 where somebody else must say the same."""
    from transfer.sentences import sentence

    told = sentence(did)
    if as_json:
        flags = {"changed": did.changed, "needs_another": did.needs_another}
        print_json({"code": did.code, "sentence": told, **flags, **did.fields})
    else:
        click.echo(plain(f"{told[:1].upper()}{told[1:]}."))
    if did.needs_another:
        raise click.exceptions.Exit(UNDECIDED)


def print_json(value: object, *, indent: int = 2) -> None:
    """JSON for programs and for eyes: letters as they are, and as escapes what steers a terminal or turns text round
    (C0, DEL, C1, the bidirectional controls of UAX #9) and what UTF-8 cannot carry.
    """
    text = json.dumps(value, indent=indent, default=_plain_value, ensure_ascii=False)
    # All of these stand within strings, for between them JSON has line feeds and spaces alone.
    click.echo("".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text))


def _escaped(character: str) -> str:
    """RFC 8259, section 7."""
    return "\\u007f" if character == "\x7f" else json.dumps(character)[1:-1]


def _plain_value(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):  # one that nobody changes, such as the fields of a remedy
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def by(person: str | None, *, is_claimed: bool) -> str:
    """Who it was, and whether nobody made sure of it."""
    return plain(f"{person} (claimed)" if person and is_claimed else person or "")


def plain(text: object) -> str:
    """Text for a terminal: what came from outside could hold what steers one."""
    return "".join(c if c.isprintable() else "�" for c in str(text))


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], *, indent: int = 0) -> None:
    """Columns for people; long texts are folded at the window's width, and not at all into a pipe."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=bool(headings), header_style="dim")
    kept = [["" if cell is None else plain(cell) for cell in row] for row in rows]
    for number, heading in enumerate(headings or [""] * max(map(len, kept), default=0)):
        is_id = all(re.fullmatch(r"\S*", row[number]) for row in kept)
        table.add_column(heading, overflow="fold", no_wrap=is_id)
    for row in kept:
        table.add_row(*map(Text, row))
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 100_000)
    with console.capture() as told:
        console.print(table, width=console.width - indent)
    click.echo("\n".join((" " * indent + line).rstrip() for line in told.get().splitlines()))


@contextmanager
def progress(label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """A bar on the error channel where a person looks; gives a function that is told how far it is (with a total) or
    how many are left (without).
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}")]
    more = [BarColumn(), MofNCompleteColumn()] if total else []
    with Progress(*columns, *more, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=total)
        if total:
            yield lambda done: bar.update(task, completed=done)
        else:
            yield lambda left: bar.update(task, description=f"{label} ({left} still open)" if left else label)
