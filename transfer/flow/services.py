"""What the verbs work with: the ledger and the outside, connected once by `transfer.wiring`."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol
from zoneinfo import ZoneInfo

from transfer.center_needs import CenterNeeds
from transfer.checklist import Checklist, Checklists
from transfer.flow.measuring import Site
from transfer.identifiers import LetterId, PacketId
from transfer.institutions import AskedForDocuments, AskedForImages, Institutions, Receiving
from transfer.ledger import Ledger
from transfer.letters import LetterOffice, LetterText, SendingWay
from transfer.mail import Mailer
from transfer.opened import Opener
from transfer.packet import PacketSigner
from transfer.sources import DocumentSource, ImageArchive
from transfer.staging import Vault


class PacketReceiver(Protocol):
    """A receiver's endpoint."""

    def submit(self, bundle: bytes) -> object:
        """Hand a submission (IHE MHD ITI-65) over. Sending the same twice is safe, asking first is better.

        Raises:
            Unheard: no answer, one that says "not now", or a success that cannot be read.
            TurnedAway, Unexpected: nothing was taken.
        """

    def tell(self, bundle: bytes) -> object:
        """Hand over what is no packet: a Task that says how far a case is. Raises as `submit`."""

    def has(self, packet: PacketId) -> bool:
        """Whether the receiver holds the packet's submission.

        Raises:
            Unexpected, TurnedAway, Unavailable: it said neither yes nor no.
        """

    def cut(self) -> None:
        """End a `submit` or `tell` that another thread is making: it is then unheard."""


class LetterPost(Protocol):
    """Makes letters of ours, and sends them."""

    @property
    def office(self) -> LetterOffice:
        """Who signs them, and how to reach it."""

    @property
    def can_fax(self) -> bool:
        """Whether faxes go from here by themselves."""

    def can_draw(self, text: str) -> bool:
        """Whether a letter shows every character of it."""

    def make(self, text: LetterText, to: str, scan: bytes | None) -> tuple[bytes, int]:
        """The letter as a PDF with the authorization that was scanned, and how many pages it has."""

    def send(self, letter: LetterId, way: SendingWay, to: str, pdf: bytes) -> str:
        """Hand it over, as `LetterSender` says. Raises as that."""


class WithLedger(Protocol):
    """What a verb may touch that needs the ledger alone, so that it works while all else is away."""

    @property
    def ledger(self) -> Ledger: ...


@dataclass(frozen=True, slots=True)
class LedgerAlone:
    """`WithLedger`, and nothing else."""

    ledger: Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a verb may touch. What comes from a key is asked for when it is needed: keys may be away."""

    ledger: Ledger
    vault: Vault
    #: opens what came from outside
    opener: Opener
    institutions: Institutions
    checklists: Checklists
    signer: Callable[[], PacketSigner]
    #: what the links we hand out begin with
    public_url: str
    #: who we are as a source of documents, a URI (MHD sourceId)
    source_id: Callable[[], str]
    ask_documents: Callable[[AskedForDocuments], DocumentSource]
    ask_archive: Callable[[AskedForImages], ImageArchive]
    hand_to: Callable[[Receiving], PacketReceiver]
    mailer: Mailer
    #: None: nobody writes letters from here, and who has no interface is called
    letter_post: LetterPost | None = None
    #: the JWK set by which sources know us, where they give us tokens for a key
    published_keys: Callable[[], Mapping[str, list[dict[str, str]]]] = lambda: {"keys": []}
    #: a person need not look at an answer to our own request in which two further things agree
    takes_corroborated: bool = False
    #: what of the installation can be looked at from here
    site: Callable[[], AbstractContextManager[Site]]
    #: in which pages of the desk say times
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def checklist_of(self, checklist: str, receiver: str) -> Checklist:
        """A list as its receiving center has it.

        Raises:
            Unknown: no such checklist or institution.
        """
        needs = self.center_needs(receiver)
        return needs.of(self.checklists[checklist], receiver)

    def center_needs(self, receiver: str) -> CenterNeeds:
        """What a receiving center wants otherwise than the lists say; what every center does where it says nothing.

        Raises:
            Unknown: no such institution.
        """
        receives = self.institutions[receiver].receives
        return receives.needs if receives else CenterNeeds()
