"""A mail that goes out. It names no patient, and nothing of one."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail to one address. Subject and text are ours: they hold no patient's data and no identifier of a case.

    Raises:
        ValueError: a line break in address or subject would begin a header of its own (RFC 5322, section 2.2).
    """

    to: str
    subject: str
    text: str

    def __post_init__(self) -> None:
        if any(not character.isprintable() for character in self.to + self.subject):
            raise ValueError("address and subject are one line each")


class Mailer(Protocol):
    """Hands mail to what carries it."""

    def send(self, mail: Mail) -> None:
        """Hand it over. Sending twice is two mails.

        Raises:
            Unavailable: what carries mail does not take it now.
            Refused: it takes no mail to this address.
        """
