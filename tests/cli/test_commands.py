"""The command line as such: it teaches, answers at once, and ends with the code its help names."""

import subprocess
import sys
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.kit.documentation import cli_page, commands
from transfer.cli import main
from transfer.cli.case import _ENDINGS as CASE_ENDINGS
from transfer.cli.case import _WORDS as LINE_WORDS
from transfer.cli.case_filing import _DONE as MITIGATIONS
from transfer.cli.case_filing import _WHAT as MISDIRECTED
from transfer.cli.case_needs import _PROCEDURES as PROCEDURES
from transfer.cli.exit_codes import UNAVAILABLE
from transfer.cli.hold import _ANSWERS as HOLD_WORDS
from transfer.completeness import WaiverKind
from transfer.flow.desk import ENDINGS
from transfer.holds import HoldAnswer
from transfer.misdirections import Misdirected, Mitigation
from transfer.procedures import ProcedureKind

ROOT = Path(__file__).parents[2]


EVERY = [pytest.param(ctx, id=ctx.command_path) for ctx in commands()]
SINGLE = [pytest.param(ctx, id=ctx.command_path) for ctx in commands() if not isinstance(ctx.command, click.Group)]
#: their help is written beside what they start
TOLD_ELSEWHERE = ("transfer up", "transfer down", "transfer status", "transfer verify")
#: they start, stop or play something, and print no data
ACTING = ("transfer up", "transfer down", "transfer demo")


@pytest.mark.parametrize("ctx", EVERY)
def test_every_command_has_help(ctx):
    result = CliRunner().invoke(main, [*ctx.command_path.split()[1:], "--help"])

    assert result.exit_code == 0
    assert ctx.command.help
    assert f"Usage: {ctx.command_path}" in result.output.replace("Usage: main", "Usage: transfer")


@pytest.mark.parametrize("ctx", [one for one in SINGLE if one.id not in TOLD_ELSEWHERE])
def test_every_commands_help_teaches_by_an_example(ctx):
    _, _, example = ctx.get_help().partition("Example:")

    assert ctx.command_path in example


@pytest.mark.parametrize("ctx", [one for one in SINGLE if one.id not in ACTING])
def test_whatever_prints_data_prints_json_too(ctx):
    assert "--json" in {option for one in ctx.command.params for option in one.opts}


@pytest.mark.parametrize("ctx", SINGLE)
def test_no_name_birth_date_accession_or_note_is_an_argument(ctx):
    for one in ctx.command.params:
        words = {word for option in one.opts for word in option.strip("-").split("-")}
        assert not words & {"name", "family", "given", "birth", "born", "accession", "text", "mrn"}
        assert one.name != "with_note" or one.is_flag


def test_help_of_the_whole_answers_before_anything_is_loaded():
    script = (
        "import sys; from transfer.cli import main; main(['--help'], standalone_mode=False); "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in {'rich', 'psycopg', 'pydantic', 'boto3'}))"
    )
    began = time.monotonic()

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)

    assert done.stdout.splitlines()[-1] == "[]"
    assert time.monotonic() - began < 3, "a machine under load; at rest it takes a tenth of a second"


def test_help_names_every_exit_code():
    said = CliRunner().invoke(main, ["--help"]).output

    for code in ("0", "1", "2", "3", "4", "5", "70"):
        assert any(line.split()[:1] == [code] for line in said.splitlines())


def test_where_nothing_runs_it_says_how_to_start(tmp_path):
    result = CliRunner().invoke(main, ["case", "list", "--var", str(tmp_path)])

    assert result.exit_code == 5
    assert result.stderr == (
        "transfer: nothing is running here. Start it, or say where it runs: transfer up, or --var.\n"
    )


def test_a_database_that_is_down_is_told_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFER_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/transfer")

    result = CliRunner().invoke(main, ["trail", "verify", "--var", str(tmp_path)])

    assert result.exit_code == 5
    assert "Traceback" not in result.stderr


def test_a_database_of_which_libpq_does_not_know_a_part_is_a_setting_and_no_mistake_of_ours(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFER_DATABASE_URL", "postgresql://app:zzmarker@127.0.0.1:9/transfer?sslmod=require")

    result = CliRunner().invoke(main, ["case", "list", "--var", str(tmp_path)])

    assert result.exit_code == 2
    assert "TRANSFER_DATABASE_URL has a part that libpq does not know" in result.output
    assert "zzmarker" not in result.output


def test_a_setting_that_cannot_be_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFER_S3_CHECKSUMS", "fun")

    result = CliRunner().invoke(main, ["case", "list", "--var", str(tmp_path)])

    assert result.exit_code == 2
    assert "TRANSFER_S3_CHECKSUMS" in result.stderr


def test_text_that_is_no_id_is_not_repeated():
    result = CliRunner().invoke(main, ["case", "show", "Zebra"])

    assert result.exit_code == 2
    assert "Zebra" not in result.output


def test_a_mistake_of_ours_is_one_line_without_what_it_carries(tmp_path, monkeypatch):
    def broken(_: object) -> None:
        raise KeyError("Zebra, Jane")

    monkeypatch.setattr("transfer.cli.common._running", broken)

    result = CliRunner().invoke(main, ["case", "list", "--var", str(tmp_path)])

    assert result.exit_code == 70
    assert "Zebra" not in result.output
    assert "TRANSFER_DEBUG=1" in result.stderr


def test_with_debug_it_shows_where(tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFER_DEBUG", "1")
    monkeypatch.setattr("transfer.cli.common._running", lambda _: 1 / 0)

    result = CliRunner().invoke(main, ["case", "list", "--var", str(tmp_path)])

    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize("typed", ["", "\n", "Nguyen\n", "Nguyen\nlast spring\n"])
def test_what_is_not_typed_is_asked_for(typed, tmp_path):
    result = CliRunner().invoke(main, ["case", "find", "--var", str(tmp_path)], input=typed)

    assert result.exit_code == 2


def test_an_account_that_is_none_is_refused(tmp_path):
    arguments = ["case", "note", "c00000000000", "--var", str(tmp_path), "--person", "Jane Zebra\x1b[2J"]

    assert CliRunner().invoke(main, arguments, input="x").exit_code == 2


def test_the_words_on_the_command_line_are_those_of_the_rules():
    assert set(LINE_WORDS) == set(WaiverKind)
    assert set(HOLD_WORDS) == set(HoldAnswer)
    assert CASE_ENDINGS == ENDINGS
    assert set(MISDIRECTED) == set(Misdirected)
    assert set(MITIGATIONS) == set(Mitigation)
    assert set(PROCEDURES) == set(ProcedureKind)


def test_every_command_is_documented_as_it_is():
    """`python -m tests.kit.documentation` writes the page anew."""
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == cli_page()


def test_that_nothing_runs_is_told_by_the_code_for_not_running(tmp_path):
    result = CliRunner().invoke(main, ["status", "--var", str(tmp_path)])

    assert result.exit_code == UNAVAILABLE
    assert "Nothing runs here" in result.output
