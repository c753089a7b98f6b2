"""A center without an endpoint of its own: its packets stand ready at our pages, and mail says so to whom staff
invited. The mail names no patient.
"""

import logging
from collections.abc import Sequence
from typing import Final

from transfer.disclosures import DisclosureOutcome
from transfer.errors import Refused, Unavailable
from transfer.flow.services import Services
from transfer.ledger import center_accounts
from transfer.mail import Mail

log = logging.getLogger(__name__)

_SUBJECT: Final = "A records packet is ready"


def mails_of(services: Services, center: str) -> Sequence[str]:
    """The addresses of those who sign in for a center: whom staff invited, and whom its file names."""
    receives = services.institutions[center].receives
    named = receives.sign_in.tells if receives and receives.sign_in else ()
    with services.ledger.transaction() as tx:
        invited = [one.mail for one in center_accounts.every(tx) if one.institution == center and one.ended_at is None]
    return list(dict.fromkeys((*invited, *named)))


def tell_ready(services: Services, mails: Sequence[str]) -> DisclosureOutcome | None:
    """Tell them that a packet stands ready. Made: at least one was told. Not made: mail is away, to be tried again.
    None: mail goes to none of these addresses.
    """
    text = f"A records packet is ready for your center. Sign in to read it: {services.public_url}/c/\n"
    told = 0
    for to in mails:
        try:
            services.mailer.send(Mail(to=to, subject=_SUBJECT, text=text))
            told += 1
        except Unavailable:
            if not told:
                return DisclosureOutcome.NOT_MADE
            log.warning("mail went away after %d of %d were told that a packet is ready", told, len(mails))
            break
        except Refused:
            log.warning("the server of mail takes none to an address of a center")
    return DisclosureOutcome.MADE if told else None
