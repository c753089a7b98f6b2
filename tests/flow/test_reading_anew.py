"""Forms that an earlier version read, read again after an upgrade."""

import json
from datetime import date
from typing import Any
from unittest import mock

import pytest

from tests.kit import builders as b
from tests.kit.filed_forms import ends, filed
from tests.kit.objections import is_permitted
from tests.kit.staff import ANN
from transfer import codec
from transfer.adapters.fhir import consents
from transfer.arrivals import ArrivalKind
from transfer.flow import desk
from transfer.flow.reading_anew import read_forms_anew
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import ArrivalId, CaseId
from transfer.ledger import Ledger, patients, permissions
from transfer.permissions import Authorization, End, FormStatus, SignerRole, Statement
from transfer.permissions.former import FormerAuthorization
from transfer.records import RecordKind
from transfer.sandbox.oncology import letters

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def as_it_was(form: Authorization, **differing: Any) -> FormerAuthorization:
    """A form as the version before sealed it."""
    plain = {
        "patient": form.patient,
        "reference": form.reference,
        "status": FormStatus.ACTIVE,
        "disclosers": form.disclosers,
        "recipients": form.recipients,
        "described": True,
        "information": None,
        "special": frozenset(),
        "purposes": frozenset({"TREAT"}),
        "effective_from": form.effective_from,
        "expires_on": form.expires_on,
        "expires_event": None,
        "event_occurred": False,
        "signed_by": SignerRole.PATIENT,
        "signed_on": form.signed_on,
        "representative_authority": None,
        "statements": frozenset(Statement),
        "denies": False,
        "replaces": None,
    }
    return FormerAuthorization(**{**plain, **differing})


def came(services: Services, chart: Any, patch: dict[str, Any]) -> str:
    """A form that came in and was not processed: its arrival."""
    body = json.dumps(letters.release_form(chart, {"resource": patch})).encode()
    return b.comes(services, b.LAKESIDE, ArrivalKind.AUTHORIZATION, body, "application/fhir+json").arrival


def a_case_of_then(
    services: Services, patch: dict[str, Any] | None = None, *, arrival: str | None = None, **differing: Any
) -> CaseId:
    """A case whose one form an earlier version read and filed, with its fact. `patch` is what the reader of then did
    not see in the message.
    """
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)
    partners = services.institutions
    form = consents.read(letters.release_form(chart, {}), [], partners[b.LAKESIDE], partners)
    former = as_it_was(form, **differing)
    dumped = codec.dump(FormerAuthorization, former)
    arrival = arrival or came(services, chart, patch or {})
    patient = b.patient_of(services, case)
    with services.ledger.transaction() as tx, mock.patch.object(codec, "dump", lambda _kind, _thing: dumped):
        patients.begin_epoch(tx, patient)
        permission = permissions.file(tx, patient, former.as_tree(), ArrivalId(arrival), None)
        tx.run("UPDATE permissions SET reader = 1 WHERE permission = %s", permission)
    return case


IN_WORDS = {"provision": {"code": [{"text": "only the last consultation"}]}}


def test_a_form_sealed_by_an_earlier_version_is_read_as_a_tree_of_one_node(services: Services):
    case = a_case_of_then(services, special=frozenset({"HIV"}), information=frozenset({RecordKind.NOTE}))

    (one,) = filed(services, case)

    root = one.permission.form.provision
    assert (root.labels, root.kinds, root.provisions) == ({"HIV"}, {RecordKind.NOTE}, ())
    assert one.permission.form.expires_on > date(2026, 1, 1)
    assert not is_permitted(services, case), "its categories are a filter until it is read again"


def test_what_today_carries_takes_the_place_of_the_form_and_the_case_goes_on(services: Services):
    case = a_case_of_then(services, special=frozenset({"HIV"}))

    assert read_forms_anew(services) == 1

    assert ends(services, case) == [End.REPLACED, None]
    assert is_permitted(services, case)
    assert b.open_holds(services, case) == []
    assert read_forms_anew(services) == 0
    assert ends(services, case) == [End.REPLACED, None]


def test_what_stays_in_doubt_when_it_is_read_again_is_asked_about_as_when_it_comes(services: Services):
    case = a_case_of_then(services, {"provision": {"dataPeriod": {"start": "2020-01-01"}}})
    assert is_permitted(services, case)

    assert read_forms_anew(services) == 1

    assert not is_permitted(services, case)
    (asked,) = [one for one in b.open_holds(services) if one.code is HoldCode.FORM_DOUBTED]
    assert (asked.subject, asked.about) == (filed(services, case)[1].arrival, "perhaps-not-covered")


def test_so_is_a_form_of_the_reader_before_this_one(services: Services):
    case = a_case_of_then(services, {"meta": {"security": [{"display": "Consent revoked"}]}})
    with services.ledger.transaction() as tx:
        tx.run("UPDATE permissions SET reader = 3")

    assert read_forms_anew(services) == 1
    assert ends(services, case) == [End.PAUSED]


def test_what_today_does_not_carry_is_paused_and_a_person_is_asked(services: Services):
    case = a_case_of_then(services, IN_WORDS)
    assert is_permitted(services, case)

    assert read_forms_anew(services) == 1

    assert ends(services, case) == [End.PAUSED]
    assert not is_permitted(services, case)
    (asked,) = [one for one in b.open_holds(services, case) if one.code is HoldCode.FORM_READ_ANEW]
    assert asked.about == filed(services, case)[0].permission.id
    assert read_forms_anew(services) == 0
    assert [one.hold for one in desk.holds(services, actor=ANN, case=case)].count(asked.id) == 1


@pytest.mark.parametrize(
    ("answer", "ended", "permitted"), [(HoldAnswer.RESUME, None, True), (HoldAnswer.KEEP, End.PAUSED, False)]
)
def test_who_looked_at_the_form_says_whether_it_goes_on(
    services: Services, answer: HoldAnswer, ended: End | None, permitted: bool
):
    case = a_case_of_then(services, IN_WORDS)
    read_forms_anew(services)
    (asked,) = [one for one in b.open_holds(services, case) if one.code is HoldCode.FORM_READ_ANEW]

    desk.resolve(services, asked.id, answer, actor=ANN)

    assert ends(services, case) == [ended]
    assert is_permitted(services, case) is permitted
    assert read_forms_anew(services) == 0
    assert ends(services, case) == [ended]


def test_a_form_whose_message_is_gone_is_paused(services: Services):
    case = a_case_of_then(services, arrival=ArrivalId.draw())

    # Nothing is known of the arrival: it cannot be read.
    assert read_forms_anew(services) == 1
    assert ends(services, case) == [End.PAUSED]


def test_a_form_that_ended_is_left_as_it_is(services: Services):
    case = a_case_of_then(services)
    desk.pause(services, filed(services, case)[0].permission.id, actor=ANN)

    assert read_forms_anew(services) == 0
    assert ends(services, case) == [End.PAUSED]
