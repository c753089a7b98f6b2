"""Faxes by a service that takes them as mail: to the number, at its domain, with the pages as a PDF.

The mail goes by TLS to the hospital's own server (`transfer.adapters.mail`). Its subject is the letter's number, and it
has no text: a service prints neither on a fax that brings its own cover sheet.
"""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate

from transfer.adapters.mail import hand_over
from transfer.errors import OutOfOrder, TurnedAway
from transfer.identifiers import LetterId
from transfer.letters import NotSent, SendingFailure


@dataclass(frozen=True, slots=True)
class MailToFax:
    """A `LetterSender`. That it took a letter does not mean that a machine has answered: somebody asks whether it came.

    The same letter again has the same Message-ID, by which a server may tell.
    """

    url: str
    sender: str
    #: of the service's addresses: `+17015550143@fax.example`
    domain: str

    def send(self, letter: LetterId, to: str, pdf: bytes) -> str:
        made = EmailMessage(policy=SMTP)
        made["From"], made["To"], made["Subject"] = self.sender, f"{to}@{self.domain}", letter
        named = f"{letter}@{self.sender.rpartition('@')[2]}"
        made["Date"], made["Message-ID"] = formatdate(), f"<{named}>"
        made.set_content("")
        made.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"{letter}.pdf")
        try:
            hand_over(self.url, made)
        except TurnedAway:
            raise NotSent(SendingFailure.TURNED_AWAY) from None
        except OutOfOrder:
            raise NotSent(SendingFailure.AWAY) from None
        return named
