"""`transfer verify`: what a receiver runs on a packet."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from transfer.cli.common import print_json
from transfer.verify import FileFinding, Verification, VerificationOutcome, verify

#: bytes from which on a progress bar is worth looking at
_LARGE: Final = 64 << 20
_LARGEST_JWKS: Final = 1 << 20

_SAID: Final = {
    VerificationOutcome.VERIFIED: "Verified: whole, unaltered, and signed by a key you pinned.",
    VerificationOutcome.ALTERED: "ALTERED. Do not use this packet; ask its sender for a new one.",
    VerificationOutcome.UNKNOWN_SIGNER: "Whole and unaltered, but signed by a key you have not pinned. "
    "Ask the sender, by a way you trust, whether the thumbprint below is theirs.",
}


@click.command("verify")
@click.option(
    "--jwks",
    "jwks_file",
    metavar="FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The sender's public keys (a JWK set), which you were given apart from the packet.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
@click.argument("packet", metavar="PACKET", type=click.Path(exists=True, path_type=Path))
def verify_command(jwks_file: Path, packet: Path, *, as_json: bool) -> None:
    """Check that a records packet is whole, unaltered, and from somebody you know.

    PACKET is the folder it was unpacked to, or the tar file itself. Works without network; changes nothing.

    \b
    Exit codes:
      0  verified
      1  altered: every file that was flipped, removed, added or swapped is named
      2  the command was not understood, or a file could not be read
      3  intact, but the signer is not among the keys in FILE
    """
    jwks = _jwks(jwks_file)
    try:
        with _progress(packet) as progress:
            verification = verify(packet, jwks, progress)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--jwks") from None
    except OSError as error:
        raise click.UsageError(f"PACKET cannot be read: {error.strerror or error}") from None
    if as_json:
        print_json(verification.to_json())
    else:
        click.echo("\n".join(_lines(verification)))
    sys.exit(verification.outcome.exit_code)


def _jwks(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            return json.loads(file.read(_LARGEST_JWKS))
    except (ValueError, RecursionError):
        raise click.BadParameter("this file is not JSON; it should be a JWK set", param_hint="--jwks") from None


def _lines(verification: Verification) -> Iterator[str]:
    yield _SAID[verification.outcome]
    yield from (_line(finding) for finding in verification.findings)
    yield f"Packet {_safe(verification.packet or 'unnamed')}: {verification.files} files, {verification.size:,} bytes."
    if verification.signer:
        yield f"Signed with key {_safe(verification.signer)}"


def _line(finding: FileFinding) -> str:
    return f"  {finding.kind:<8} {_safe(finding.path)}: {_safe(finding.sentence)}"


def _safe(text: str) -> str:
    """A name from outside could hold what steers a terminal."""
    return "".join(c if c.isprintable() and c.isascii() else ascii(c)[1:-1] for c in text)


@contextmanager
def _progress(packet: Path) -> Iterator[Callable[[int], None] | None]:
    """A bar on the error channel, where a person looks at a large packet."""
    size = _size(packet) if sys.stderr.isatty() else 0
    if size < _LARGE:
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("Reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Reading", total=size)
        yield lambda count: bar.advance(task, count)


def _size(packet: Path) -> int:
    if packet.is_dir():
        return sum(path.lstat().st_size for path in packet.rglob("*") if path.is_file() and not path.is_symlink())
    return packet.stat().st_size
