"""Who sends letters in tests, as it is told; and a case that asks a facility by letter."""

from dataclasses import replace

from tests.kit import builders as b
from tests.kit.letters import OFFICE
from tests.kit.paper_forms import fields_for
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer import codec
from transfer.adapters.letters.post import OfficePost
from transfer.contacts import Contact
from transfer.facilities import AddedFacility
from transfer.flow import desk
from transfer.identifiers import InstitutionId, LetterId
from transfer.ledger import Ledger, letters, notes, requests
from transfer.letters import Letter, LetterSender, LetterText, NotSent, SendingFailure, SendingWay
from transfer.records import RecordKind
from transfer.requests import Request
from transfer.sandbox import paper


class ScriptedSender:
    """A `LetterSender` that fails as often as it is told, each time so, and then sends."""

    def __init__(self, *failures: SendingFailure) -> None:
        self.sent: list[tuple[LetterId, str, bytes]] = []
        self._failures = [*failures]

    def send(self, letter: LetterId, to: str, pdf: bytes) -> str:
        if self._failures:
            raise NotSent(self._failures.pop(0))
        self.sent.append((letter, to, pdf))
        return f"job-{len(self.sent)}"


def a_post(fax: LetterSender | None = None, printing: LetterSender | None = None) -> OfficePost:
    senders: dict[SendingWay, LetterSender] = {SendingWay.PRINT: printing or ScriptedSender()}
    return OfficePost(OFFICE, senders | ({SendingWay.FAX: fax} if fax else {}))


CEDAR = AddedFacility(
    id=InstitutionId("cedar-clinic-minot"),
    name="Cedar Clinic",
    city="Minot",
    time_zone="UTC",
    holds=frozenset({RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT}),
    contact=Contact(telephone="701 555 0142", address="12 Elm St\nMinot ND 58701"),
)
FAXED = Contact(telephone="701 555 0142", fax="701 555 0143")


class Writing:
    """A desk that writes letters, and a case that asks Cedar Clinic."""

    def __init__(
        self, ledger: Ledger, *failures: SendingFailure, contact: Contact = CEDAR.contact, family: str = ""
    ) -> None:
        """`family`: what the patient is called, where it matters; their form has another name on its scan."""
        self.sender = ScriptedSender(*failures)
        self.services = b.new_services(ledger, letter_post=a_post(fax=self.sender, printing=self.sender))
        self.chart = b.a_chart()
        scan = paper.release_form(self.chart)
        if family:
            self.chart["patient"]["family"] = family
        desk.add_facility(self.services, replace(CEDAR, contact=contact), actor=ANN)
        self.case = b.a_case(self.services, self.chart, form=False)
        fields = fields_for(self.chart, released_by=[str(one) for one in (b.LAKESIDE, CEDAR.id)])
        desk.file_paper_form(self.services, self.case, b.LAKESIDE, fields, scan, actor=ANN)
        process_all(self.services)
        desk.change(self.services, self.case, sources=[CEDAR.id], actor=ANN)
        process_all(self.services)

    facility = CEDAR.id

    def process(self) -> None:
        process_all(self.services)

    def call_back(self) -> None:
        desk.call_back(self.services, CEDAR.id, actor=ANN)
        process_all(self.services)

    @property
    def request(self) -> Request:
        with self.services.ledger.transaction() as tx:
            return next(one for one in requests.of_case(tx, self.case) if one.institution == CEDAR.id)

    @property
    def letters(self) -> list[Letter]:
        with self.services.ledger.transaction() as tx:
            return letters.of_request(tx, self.request.id)

    @property
    def letter(self) -> Letter:
        """The one that was asked for; the second, which goes by itself, is another."""
        (one,) = [one for one in self.letters if not one.is_automatic]
        return one

    def says(self, letter: Letter) -> LetterText:
        with self.services.ledger.transaction() as tx:
            text = notes.read(tx, letter.note or "")
        assert text is not None
        return codec.load(LetterText, text.encode())
