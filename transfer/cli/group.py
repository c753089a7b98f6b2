"""Groups of commands that are loaded when used, and errors in one line."""

import importlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import click

from transfer.cli.exit_codes import INTERRUPTED, MISTAKE, NEGATIVE, NOT_UNDERSTOOD, UNAVAILABLE, UNDECIDED


@dataclass(frozen=True, slots=True)
class ListedCommand:
    """Where a command is defined (`module:name`) and what the list of commands says of it."""

    where: str
    help: str


class LazyGroup(click.Group):
    """A group that knows its commands by name and loads one when it is run."""

    def __init__(self, *, listed: Mapping[str, ListedCommand], **settings: Any) -> None:
        super().__init__(**settings)
        self._listed = listed

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(self._listed)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's
        if cmd_name not in self._listed:
            return None
        module, _, name = self._listed[cmd_name].where.partition(":")
        return cast(click.Command, getattr(importlib.import_module(module), name))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        with formatter.section("Commands"):
            formatter.write_dl([(name, one.help) for name, one in self._listed.items()])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what goes wrong is said in one line that names the remedy."""
        from transfer import logs

        logs.tame(threads=False)
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, SystemExit, BrokenPipeError):
            raise
        except click.Abort:
            _say("stopped: nothing was typed", "")
            ctx.exit(NOT_UNDERSTOOD)
        except KeyboardInterrupt:
            _say("interrupted", "What was written before stands; the same command again goes on from there.")
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if os.environ.get("TRANSFER_DEBUG") == "1":
                raise
            ctx.exit(_explained(error))


def _explained(error: Exception) -> int:
    """Say it, and the exit code for it. What a mistake of ours carries may be a patient's: its kind alone is said."""
    from transfer.cli import remedies
    from transfer.errors import TransferError, Unavailable, Unknown
    from transfer.settings import BadSetting

    if not isinstance(error, TransferError):
        _say(f"a mistake of ours ({type(error).__name__})", "TRANSFER_DEBUG=1 before the command shows where.")
        return MISTAKE
    _say(str(error), remedies.line(error.remedy) if error.remedy else "")
    codes = {BadSetting: NOT_UNDERSTOOD, Unavailable: UNAVAILABLE, Unknown: NEGATIVE}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), UNDECIDED)


def _say(what: str, remedy: str) -> None:
    from transfer.cli.common import plain

    said = f"transfer: {what.rstrip('.')}. {remedy}".rstrip()
    print("\n".join(map(plain, said.split("\n"))), file=sys.stderr)
