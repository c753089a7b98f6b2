"""What can go wrong, sorted by what it asks of us.

* TransferError
  · Unavailable        it may work later: try again
    - Unreachable          no answer, or "not now" (408, 429, 502-504, a lost connection)
      Unheard              no usable answer to what we handed over
    - CutShort             the far side stopped in the middle of what it was sending
    - OutOfOrder           a service of ours does not answer: ledger, object store
      OtherVersion         the ledger is of another version than this process: bring the two together
      OtherKeys            the keys here are not those of the ledger: mount them, or put them back
    - ChangedMeanwhile               the permission moved while we worked: read it again
  · NeedsReview        only a person can decide: hold it and ask
    - Unexpected           an answer its interface does not promise
    - Unreadable           bytes that are not what they say they are
  · Refused            it must not happen: stop, and write down that we stopped
    - TurnedAway           the far side does not accept who we are (401, 403)
    - NotPermitted         no legal basis is in force
    - TooLarge             beyond the bound set for this door or source
    - Unknown              no such case, packet, hold or institution
    - NotAllowed           this peer may not say this, or this state does not allow it
      OutOfScope               its institution may, and the token it showed may not
    - KeyGone              (transfer.sealing) the key was destroyed: what it sealed is purged

Anything else is a bug and should crash.

Messages carry our own identifiers, codes and numbers. They never carry a patient's name, birth date, record content or
a value the other side sent. They end in logs and on Airflow's pages, where people read them who may not see a patient's
data.
"""

from transfer.refusals import Reason
from transfer.remedies import Remedy, RemedyCode


class TransferError(Exception):
    """Base of every failure we expect. `remedy` is what a person can do, if there is something; `refusal` is why, where
    the desk says it.
    """

    remedy: Remedy | None = None
    refusal: Reason | None = None


class Unavailable(TransferError):
    """The far side may recover. Trying again is the whole remedy."""

    remedy = Remedy(RemedyCode.TRIED_AGAIN)

    def __init__(self, what: str, *, retry_after: float | None = None) -> None:
        super().__init__(what)
        #: seconds the far side asked us to wait, if it did
        self.retry_after = retry_after


class Unreachable(Unavailable):
    """No answer, or an answer that says "not now"."""


class Unheard(Unreachable):
    """No usable answer to what we handed over.

    `maybe_received`: it left us, so only the receiver knows what became of it. Ask before sending again.
    """

    def __init__(self, what: str, *, maybe_received: bool, retry_after: float | None = None) -> None:
        super().__init__(what, retry_after=retry_after)
        self.maybe_received = maybe_received


class CutShort(Unavailable):
    """The far side stopped in the middle. What came whole is kept; the rest is asked for again."""


class OutOfOrder(Unavailable):
    """A service of ours (ledger, object store) does not answer, or not as it should. It says nothing about a source."""

    remedy = Remedy(RemedyCode.SHOW_STATUS)


class OtherVersion(OutOfOrder):
    """The ledger has another version than this process. Nothing is read or written until they are the same."""

    remedy = Remedy(RemedyCode.UPGRADE)


class OtherKeys(OutOfOrder):
    """The keys that are here are not those of this ledger, or there are none. Nothing is read or written with them."""

    remedy = Remedy(RemedyCode.MOUNT_KEYS)


class ChangedMeanwhile(Unavailable):
    """The patient's epoch moved while we worked."""


class NeedsReview(TransferError):
    """The data is here and we do not know what it means. Guessing could harm a patient."""

    remedy = Remedy(RemedyCode.LIST_HOLDS)


class Unexpected(NeedsReview):
    """The far side answered something its interface does not promise."""


class Unreadable(NeedsReview):
    """The bytes are not what they say they are."""


class Refused(TransferError):
    """Going on would be wrong, however often we try."""


class TurnedAway(Refused):
    """The far side does not accept who we are. That does not mean that it has nothing."""

    remedy = Remedy(RemedyCode.ACCEPT_CREDENTIAL)


class NotPermitted(Refused):
    """No legal basis is in force for this."""

    remedy = Remedy(RemedyCode.FORM_FIRST)


class TooLarge(Refused):
    """Beyond the bound set for this door or source."""


class Unknown(Refused):
    """There is no such thing here."""


class NotAllowed(Refused):
    """This peer may not say this, or the state it meets does not allow it."""


class OutOfScope(NotAllowed):
    """The institution may do this, but the token it showed lacks the scope."""

    def __init__(self, scope: str) -> None:
        super().__init__(f"the token has no scope {scope}")
        self.scope = scope
