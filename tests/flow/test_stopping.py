"""Ending a permission at the door."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest

from tests.kit import builders as b
from tests.kit.doors import posted
from tests.kit.fakes import TakingReceiver
from tests.kit.filed_forms import ends
from tests.kit.objections import is_permitted
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.actions import ActionCode
from transfer.adapters.fhir.consents import REPLACES
from transfer.errors import OutOfOrder
from transfer.flow import desk
from transfer.flow.owed_notes import note_owed_ends
from transfer.flow.services import LedgerAlone, Services
from transfer.institutions import Basis, Institutions
from transfer.ledger import Ledger, permissions
from transfer.permissions import Dispute, End
from transfer.records import RecordKind
from transfer.sandbox.oncology import letters
from transfer.sentences import sentence

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.mark.parametrize("versions", [1, 2, 3])
def test_a_form_put_right_under_its_own_number_is_revoked_in_every_version(services: Services, versions: int):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    for version in range(1, versions):
        b.sign_form(services, chart, expires_on=f"203{version}-01-01")
        process_all(services)
    assert ends(services, case).count(None) == 1

    posted(services, b.LAKESIDE, letters.release_form(chart, {"status": "inactive"}))

    assert set(ends(services, case)) == {End.REVOKED}


def of_another_number(chart: Any) -> dict[str, Any]:
    """What a form says that takes the place of the patient's first by naming it."""
    statements = letters.release_form(chart, {})["extension"]
    older = {"url": REPLACES, "valueIdentifier": chart["form"]["number"]}
    return {"number": "F-18", "resource": {"extension": [*statements, older]}}


@pytest.mark.parametrize("number", ["its own", "another"])
def test_a_paused_form_that_was_put_right_meanwhile_does_not_come_back(services: Services, number: str):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    with services.ledger.transaction() as tx:
        (wide,) = [one.permission.id for one in permissions.filed(tx, b.patient_of(services, case))]
    desk.pause(services, wide, actor=ANN)
    said = of_another_number(chart) if number == "another" else {}
    b.sign_form(services, chart, codes=["11488-4"], **said)
    process_all(services)
    # What was said by telephone holds until a person lets it go on.
    assert ends(services, case) == [End.PAUSED, None]
    assert not is_permitted(services, case, RecordKind.NOTE)

    did = desk.resume(services, wide, actor=ANN)
    process_all(services)

    assert ends(services, case) == [End.REPLACED, None]
    assert did.changed
    assert "replaced" in sentence(did)
    assert is_permitted(services, case, RecordKind.NOTE)
    assert not is_permitted(services, case, RecordKind.LABORATORY)


# --- without keys, without Airflow ------------------------------------------------------------------------------------


class KeysAway:
    """A key service that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def ask(*_values: object, **_named: object) -> Any:
            raise OutOfOrder("the key service did not answer")

        return ask


@pytest.fixture
def without_keys(services: Services) -> Iterator[LedgerAlone]:
    ledger = Ledger(services.ledger.url, cast(Any, KeysAway()), services.ledger.origin, connections=2)
    yield LedgerAlone(ledger)
    ledger.close()


@pytest.mark.parametrize("how", [End.PAUSED, End.REVOKED])
@pytest.mark.parametrize("named", ["a form", "the case"])
def test_a_stop_at_the_desk_needs_no_key(services: Services, without_keys: LedgerAlone, how: End, named: str):
    case = b.a_case(services)
    with services.ledger.transaction() as tx:
        (permission,) = [one.id for one in permissions.states(tx, b.patient_of(services, case))]
    if named == "a form":
        (desk.pause if how is End.PAUSED else desk.revoke)(without_keys, permission, actor=ANN)
    else:
        desk.stop_everything(without_keys, case, how, actor=ANN)

    assert ends(services, case) == [how]
    assert not is_permitted(services, case, RecordKind.NOTE)
    assert permission not in services.ledger.keys.noted_ends()
    note_owed_ends(services.ledger)  # the keys are back
    assert services.ledger.keys.noted_ends()[permission] == how


def treating_by(services: Services, *names: str) -> Services:
    """As `services`, where these release for treatment; all of them, where none is named."""
    known = [
        one.model_copy(update={"requires": Basis.TREATMENT}) if one.id in names or not names else one
        for one in services.institutions.values()
    ]
    return replace(services, institutions=Institutions(known))


@pytest.mark.parametrize("how", [End.PAUSED, End.REVOKED])
def test_a_no_to_everything_stops_what_needs_no_form_also_beside_a_form(services: Services, how: End):
    treating = treating_by(services, b.PRAIRIE)
    chart = b.a_chart()
    b.sign_form(treating, chart, disclosers=[b.LAKESIDE])
    case = b.a_case(treating, chart, form=False)
    assert is_permitted(treating, case, RecordKind.NOTE)
    assert is_permitted(treating, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)

    first = desk.stop_everything(treating, case, how, actor=ANN)
    again = desk.stop_everything(treating, case, how, actor=ANN)

    assert (first.code, again.code) == (ActionCode.EVERYTHING_STOPPED, ActionCode.EVERYTHING_STOPPED_BEFORE)
    assert again.fields["permissions"] == first.fields["permissions"]
    assert not is_permitted(treating, case, RecordKind.NOTE)
    assert not is_permitted(treating, case, RecordKind.PATHOLOGY_REPORT, b.PRAIRIE)
    assert sorted(filter(None, ends(treating, case))) == sorted([how, End.PAUSED])


def test_while_the_keys_are_away_it_is_said_that_what_needs_no_form_goes_on(
    services: Services, without_keys: LedgerAlone
):
    case = b.a_case(services)

    away = desk.stop_everything(without_keys, case, End.PAUSED, actor=ANN)
    back = desk.stop_everything(services, case, End.PAUSED, actor=ANN)

    assert (away.code, back.code) == (ActionCode.FORMS_STOPPED, ActionCode.EVERYTHING_STOPPED)
    assert "the keys are away" in sentence(away)
    assert len(back.fields["permissions"]) == 2


def test_a_patient_who_says_no_to_everything_stops_what_needs_no_form(services: Services):
    treating = treating_by(services)
    case = b.a_case(treating, form=False)
    assert is_permitted(treating, case, RecordKind.NOTE)

    did = desk.stop_everything(treating, case, End.PAUSED, actor=ANN)

    assert not is_permitted(treating, case, RecordKind.NOTE)
    assert "paused" in sentence(did)
    (permission,) = did.fields["permissions"]
    desk.resume(treating, permission, actor=ANN)
    assert is_permitted(treating, case, RecordKind.NOTE)


def test_links_are_said_not_to_work_where_what_is_stopped_is_what_the_packet_rests_on(ledger: Ledger):
    plain = b.new_services(ledger, hand_to=lambda _: TakingReceiver())
    for services, works in ((plain, False), (treating_by(plain), True)):
        case = b.a_case_without_slides(services)
        b.handed_over(services, case)

        desk.dispute(services, b.form_of(services, case), Dispute.FALSE, actor=ANN)

        (sent,) = desk.dossier(services, case, actor=ANN).packets
        assert (sent.links_ended is None) is works
