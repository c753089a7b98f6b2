"""How long the links of a packet work. A permission is needed as well: `transfer.permissions` rules on that."""

from datetime import datetime, timedelta
from enum import StrEnum

from transfer.case import Case
from transfer.identifiers import PacketId
from transfer.referrals import ReferralStatus


class LinkEnd(StrEnum):
    """Why the links of a packet work no more."""

    PURGED = "link-purged"
    RECALLED = "link-recalled"
    DECLINED = "link-declined"
    HOLDS_VOID = "link-holds-void"
    CASE_CLOSED = "link-case-closed"
    WITHDRAWN = "link-withdrawn"
    LAPSED = "link-lapsed"
    #: for staff alone: nothing of the case may go, and each look at a permission says so
    STOPPED = "link-stopped"


def lapse_at(case: Case, packet: PacketId, days: int) -> datetime | None:
    """When the links lapse by themselves (UTC): so many days after the hand-over was begun. None: it was not."""
    sent = case.packets.get(packet)
    return sent.begun_at + timedelta(days=days) if sent and sent.begun_at else None


def ended(case: Case, packet: PacketId, days: int, now: datetime) -> LinkEnd | None:
    """Why they work no more; None: they work, or there are none yet."""
    sent = case.packets.get(packet)
    if sent is None or sent.purged:
        return LinkEnd.PURGED
    if sent.recalled:
        return LinkEnd.RECALLED
    if sent.receipt and sent.receipt.status == "declined":
        return LinkEnd.DECLINED
    if case.void_in(packet):
        return LinkEnd.HOLDS_VOID
    if case.closed:
        return LinkEnd.CASE_CLOSED
    if case.referral_status is ReferralStatus.REVOKED:
        return LinkEnd.WITHDRAWN
    lapse = lapse_at(case, packet, days)
    return LinkEnd.LAPSED if lapse and lapse <= now else None
