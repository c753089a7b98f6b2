"""The lines on which papers come in by themselves: the reviewed file that TRANSFER_INCOMING names.

lines:
  main-fax:
    folder: /srv/fax/main
  branch-fax:
    mailbox: {host: mail.example.org, user: fax, password_setting: TRANSFER_BRANCH_FAX_PASSWORD}
fax_reports:
  mailbox: {host: mail.example.org, user: reports, password_setting: TRANSFER_FAX_REPORTS_PASSWORD}
  meanings:
    - {says: line was busy, means: busy}
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Annotated, Protocol, Self

from pydantic import Field, model_validator

from transfer import reviewed
from transfer.discs import WhyNoDisc
from transfer.fax_reports import FaxRule
from transfer.incoming import UPLOAD, WhyRefused
from transfer.reviewed import ReviewedPart

_Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
_Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^\S+$")]


class Mailbox(ReviewedPart):
    """A mailbox that a fax service writes to, by IMAP over TLS (RFC 9051, RFC 8314)."""

    host: _Word
    port: Annotated[int, Field(ge=1, le=65535)] = 993
    user: _Word
    #: the setting that has the password
    password_setting: Annotated[str, Field(pattern=r"^TRANSFER_[A-Z0-9_]{1,60}$")]
    #: PEM file of whom we trust there; without it as this machine trusts everybody
    authority: Path | None = None


class LineFile(ReviewedPart):
    """Where the papers of one line lie: in a folder or in a mailbox."""

    folder: Path | None = None
    mailbox: Mailbox | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.folder is None) is (self.mailbox is None):
            raise ValueError("a line has a folder, or a mailbox")
        return self


class ReportsFile(ReviewedPart):
    """Where the service that faxes our letters writes what became of each, and what its words mean, the first that fits
    before the others.
    """

    mailbox: Mailbox
    meanings: Annotated[tuple[FaxRule, ...], Field(min_length=1, max_length=50)]


class PaperLines(ReviewedPart):
    """All lines, by name."""

    lines: Mapping[_Name, LineFile] = Field(default_factory=dict)
    fax_reports: ReportsFile | None = None

    @model_validator(mode="after")
    def _none_is_upload(self) -> Self:
        if UPLOAD in self.lines:
            raise ValueError("upload is the desk's own line")
        return self


def load(path: Path) -> PaperLines:
    """Read the file.

    Raises:
        ValueError: it is not there, or names the place in it and what is wrong; values are not repeated.
    """
    return reviewed.load(PaperLines, path)


class Delivered(Protocol):
    """What lies on a line: a file, or a message with files. It stays there until it is kept or refused."""

    @property
    def files(self) -> tuple[bytes, ...]:
        """The files in it, each cut one byte beyond what is taken in; none where it has none."""

    def zip_file(self) -> IO[bytes] | None:
        """The file, open to be read, where it is a ZIP file: it may be a disc, and larger than memory."""

    def keep(self) -> None:
        """It is in Incoming: put it aside, where it was. Twice is once."""

    def refuse(self, why: WhyRefused | WhyNoDisc) -> None:
        """It cannot be taken in: put it aside for a person, where it was. Twice is once."""


class PaperLine(Protocol):
    """A line that is looked at now and then."""

    @property
    def name(self) -> str: ...

    def waiting(self) -> Iterator[Delivered]:
        """What lies there whole, the oldest first.

        Raises:
            Unavailable: the line cannot be looked at now.
        """


class FaxReport(Protocol):
    """A message of the service that faxes our letters. It stays there until it is kept or refused."""

    @property
    def words(self) -> str:
        """Its subject, what it answers, and the beginning of its text; nothing of what is no message."""

    def keep(self) -> None:
        """It took effect: put it aside, where it was. Twice is once."""

    def refuse(self, why: WhyRefused) -> None:
        """It is about nothing of ours: put it aside for a person, where it was. Twice is once."""


class ReportLine(Protocol):
    """The mailbox of such messages."""

    def waiting(self) -> Iterator[FaxReport]:
        """What lies there, the oldest first. Raises as `PaperLine.waiting`."""
