"""Verification (PS3.4 annex A): an association and a C-ECHO, which ask nothing about anybody."""

from typing import Final

from transfer.adapters.dicom.fetching import Looks
from transfer.adapters.dimse import command, negotiation
from transfer.adapters.dimse.association import Association, DimsePeer
from transfer.adapters.dimse.connection import DimseTimeouts, Ended
from transfer.adapters.dimse.negotiation import Context
from transfer.errors import Unexpected, Unreachable
from transfer.sources import go_on

_TIMEOUTS: Final = DimseTimeouts(connect=5.0, associate=8.0, stall=8.0)
#: seconds for the answer
_SECONDS: Final = 8.0


def echo(peer: DimsePeer) -> None:
    """Associate as we do to search, and send a C-ECHO where the archive takes one.

    Raises:
        Unreachable: no answer, or not now.
        TurnedAway: it does not know itself or us by the AE title, or wants another certificate.
        Unexpected: it cannot be spoken with, or offers no search.
    """
    contexts = [Context(negotiation.FIND), Context(negotiation.VERIFICATION)]
    try:
        with Association(peer, contexts, _TIMEOUTS, Looks(go_on)) as association:
            association.bound(_SECONDS)
            association.agreed.speaks(negotiation.FIND)
            number = association.agreed.context_of(negotiation.VERIFICATION)
            if number is None:
                return  # few archives leave it out, and the association has shown what there is to show
            association.send(number, command.verification(1))
            context, said = association.command()
            if context != number or not said.is_answer(command.ECHO, 1) or said.has_data:
                raise Unexpected("the archive answered a C-ECHO with something else")
            if said.status != command.SUCCESS:
                raise command.refusal(said.status)
    except Ended:
        raise Unreachable("the archive did not answer a C-ECHO") from None
