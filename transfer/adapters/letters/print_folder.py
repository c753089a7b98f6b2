"""Letters into a folder from which people, or a machine that they share, print them."""

import os
from dataclasses import dataclass
from pathlib import Path

from transfer.identifiers import LetterId
from transfer.letters import NotSent, SendingFailure


@dataclass(frozen=True, slots=True)
class PrintFolder:
    """A `LetterSender`. A file is named by its letter alone, is whole as soon as it has that name, and only we read it
    (0600). The same letter again replaces it.
    """

    folder: Path

    def send(self, letter: LetterId, to: str, pdf: bytes) -> str:  # noqa: ARG002  where it goes stands on it
        name = f"{letter}.pdf"
        part = self.folder / f".{name}.part"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            part.unlink(missing_ok=True)
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(pdf)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self.folder / name)
        except OSError:
            raise NotSent(SendingFailure.AWAY) from None
        return name
