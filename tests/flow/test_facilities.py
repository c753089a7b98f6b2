"""A facility that staff added is known to every process at once, and asked like any other."""

from dataclasses import replace

import pytest

from tests.kit import builders as b
from tests.kit.paper_forms import SCAN, fields_for
from tests.kit.staff import ANN
from transfer.actions import ActionCode
from transfer.contacts import Contact
from transfer.errors import NotAllowed, Unknown
from transfer.facilities import AddedFacility
from transfer.facts import SYSTEM, FacilityAdded, FacilityCalledBack, FacilityContactChanged
from transfer.flow import desk
from transfer.identifiers import InstitutionId
from transfer.ledger import Ledger, requests
from transfer.records import RecordKind
from transfer.refusals import RefusalCode
from transfer.requests import RequestState

pytestmark = pytest.mark.servers

CEDAR = AddedFacility(
    id=InstitutionId("cedar-clinic-minot"),
    name="Cedar Clinic",
    city="Minot",
    time_zone="America/Chicago",
    holds=frozenset({RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT}),
    contact=Contact(telephone="701 555 0142", fax="701 555 0143"),
)
ELSEWHERE = Contact(telephone="701 555 0142", fax="701 555 0199")


def test_a_process_that_runs_already_knows_it_from_its_next_transaction_on(ledger: Ledger):
    desks, worker = b.new_services(ledger), b.new_services(ledger)

    assert desk.add_facility(desks, CEDAR, actor=ANN).code is ActionCode.FACILITY_ADDED
    assert desk.add_facility(desks, CEDAR, actor=ANN).code is ActionCode.FACILITY_ADDED_BEFORE

    with ledger.transaction():
        assert worker.institutions["cedar-clinic-minot"].name == "Cedar Clinic"


def test_it_is_asked_for_what_it_holds_like_any_other_source(ledger: Ledger):
    services = b.new_services(ledger)
    case = b.a_case(services)
    desk.add_facility(services, CEDAR, actor=ANN)

    desk.change(services, case, sources=[CEDAR.id], actor=ANN)

    with ledger.transaction() as tx:
        (made,) = [one for one in requests.of_case(tx, case) if one.institution == CEDAR.id]
    assert made.department == "records-office"
    assert made.lines
    assert made.state in (RequestState.EXPECTED, RequestState.NOT_PERMITTED)


def test_a_contact_that_changed_is_confirmed_by_a_new_call_alone(ledger: Ledger):
    services = b.new_services(ledger)
    desk.add_facility(services, CEDAR, actor=ANN)
    seen = []
    for does in (
        lambda: desk.call_back(services, CEDAR.id, actor=ANN),
        lambda: desk.call_back(services, CEDAR.id, actor=ANN),
        lambda: desk.change_contact(services, CEDAR.id, CEDAR.contact, actor=ANN),
        lambda: desk.change_contact(services, CEDAR.id, ELSEWHERE, actor=ANN),
    ):
        done = does()
        (known,) = desk.list_facilities(services, actor=ANN)
        seen.append((done.code, known.contact.is_confirmed))

    assert seen == [
        (ActionCode.CALLED_BACK, True),
        (ActionCode.CALLED_BACK_BEFORE, True),
        (ActionCode.CONTACT_AS_BEFORE, True),
        (ActionCode.CONTACT_CHANGED, False),
    ]
    with ledger.transaction() as tx:
        said = [type(line.fact) for line in tx.lines(SYSTEM)]
    assert said == [FacilityAdded, FacilityCalledBack, FacilityContactChanged]


def test_what_it_is_said_to_be_otherwise_is_refused_and_so_is_what_has_a_file(ledger: Ledger):
    services = b.new_services(ledger)
    desk.add_facility(services, CEDAR, actor=ANN)

    for other, why in (
        (replace(CEDAR, holds=frozenset({RecordKind.IMAGES})), RefusalCode.FACILITY_IS_OTHERWISE),
        (replace(CEDAR, contact=ELSEWHERE), RefusalCode.FACILITY_IS_OTHERWISE),
        (replace(CEDAR, id=b.MERCY), RefusalCode.HAS_FILE),
    ):
        with pytest.raises(NotAllowed) as raised:
            desk.add_facility(services, other, actor=ANN)
        assert raised.value.refusal is not None
        assert raised.value.refusal.code is why


def test_what_was_never_added_is_not_called_back(ledger: Ledger):
    services = b.new_services(ledger)

    with pytest.raises(Unknown):
        desk.call_back(services, b.MERCY, actor=ANN)


def test_a_form_on_paper_names_a_facility_that_was_added_a_moment_ago(ledger: Ledger):
    services, chart = b.new_services(ledger), b.a_chart()
    case = b.a_case(services, chart, form=False)
    desk.add_facility(services, CEDAR, actor=ANN)

    fields = fields_for(chart, released_by=[str(CEDAR.id)])
    desk.file_paper_form(services, case, b.LAKESIDE, fields, SCAN, actor=ANN)

    (filed,) = desk.dossier(services, case, actor=ANN).permissions
    assert filed.disclosers == (CEDAR.id,)
