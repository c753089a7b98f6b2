"""An institution that wants a form of its own, for some records or for all: without it they stay there."""

from dataclasses import replace
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.paper_forms import SCAN, fields_for
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.case import OpenedCase
from transfer.flow import desk
from transfer.flow.basis import may_collect
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.institutions import Basis, Institutions
from transfer.ledger import Ledger
from transfer.own_forms import OwnForm
from transfer.permissions import Finding, Ruling
from transfer.records import RecordKind
from transfer.requests import RequestState
from transfer.sentences import SENTENCES

pytestmark = pytest.mark.servers

HIV_FORM = OwnForm(
    title="HIV release", names=frozenset({"DOH-2557"}), labels=frozenset({"HIV"}), source="10 NYCRR 63.5(a)"
)
FOR_ALL = OwnForm(title="Lakeside's own release", names=frozenset({"LO-1"}), source="its policy")
ON_HIV_FORM = {"policy": [{"uri": "DOH-2557"}]}


def wanting(ledger: Ledger, *own: OwnForm, requires: Basis = Basis.AUTHORIZATION) -> Services:
    services = b.new_services(ledger)
    lakeside = services.institutions[b.LAKESIDE].model_copy(update={"own_forms": own, "requires": requires})
    return replace(services, institutions=Institutions({**services.institutions, b.LAKESIDE: lakeside}.values()))


def ruled(services: Services, case: CaseId, *labels: str) -> Ruling:
    with services.ledger.transaction() as tx:
        opened, carried = OpenedCase.of(tx.case(case)), frozenset(labels)
        return may_collect(tx, services.institutions, opened, b.LAKESIDE, RecordKind.NOTE, carried, dated=None)


def shown(services: Services, case: CaseId) -> list[tuple[tuple[str, ...], str]]:
    found = desk.dossier(services, case, actor=ANN)
    return [(own.names, own.state) for asked in found.requests for own in asked.own_forms]


def test_a_category_goes_only_under_the_form_that_is_wanted_for_it(ledger: Ledger):
    services = wanting(ledger, HIV_FORM)
    chart = b.a_chart()
    b.sign_form(services, chart, special=["HIV", "MH"])
    case = b.a_case(services, chart, form=False)

    assert ruled(services, case).is_permitted
    assert ruled(services, case, "MH").is_permitted
    assert ruled(services, case, "HIV").findings == (Finding.NOT_ON_THEIR_FORM,)
    assert shown(services, case) == [(("DOH-2557",), "not-filed")]

    b.sign_form(services, chart, special=["HIV"], number="second", resource=ON_HIV_FORM)
    process_all(services)
    assert ruled(services, case, "HIV").is_permitted
    assert shown(services, case) == [(("DOH-2557",), "in-force")]


def test_the_form_that_is_wanted_must_be_a_valid_one(ledger: Ledger):
    services = wanting(ledger, HIV_FORM)
    chart = b.a_chart()
    b.sign_form(services, chart, special=["HIV"], resource=ON_HIV_FORM, expires_on="2020-01-01")
    case = b.a_case(services, chart, form=False)

    assert Finding.EXPIRED_DATE in ruled(services, case, "HIV").findings
    assert shown(services, case) == [(("DOH-2557",), "not-valid")]


def test_treatment_is_not_enough_where_a_form_is_wanted(ledger: Ledger):
    services = wanting(ledger, HIV_FORM, requires=Basis.TREATMENT)
    treating = services.institutions[b.LAKESIDE].model_copy(update={"special_categories": frozenset()})
    services = replace(services, institutions=Institutions({**services.institutions, b.LAKESIDE: treating}.values()))
    case = b.a_case(services, form=False)

    assert ruled(services, case).is_permitted
    assert ruled(services, case, "MH").is_permitted
    assert ruled(services, case, "HIV").findings == (Finding.NO_FORM,)


@pytest.mark.parametrize("requires", [Basis.AUTHORIZATION, Basis.TREATMENT])
def test_where_all_of_it_is_wanted_on_their_form_nobody_is_asked_without(ledger: Ledger, requires: Basis):
    services = wanting(ledger, FOR_ALL, requires=requires)
    chart = b.a_chart()
    case = b.a_case(services, chart)

    (asked,) = [one for one in desk.dossier(services, case, actor=ANN).requests if one.institution == b.LAKESIDE]
    assert (asked.state, asked.findings) == (RequestState.NOT_PERMITTED, (Finding.NOT_ON_THEIR_FORM,))

    b.sign_form(services, chart, number="second", resource={"policy": [{"uri": "LO-1"}]})
    process_all(services)
    assert b.request_to(services, case, b.LAKESIDE).state is not RequestState.NOT_PERMITTED


def test_nobody_outside_reads_that_a_form_is_wanted():
    said = SENTENCES[Finding.NOT_ON_THEIR_FORM]
    assert (said.patient, said.institution) == (SENTENCES[Finding.NOT_THIS_INFORMATION].patient, "")


def test_the_file_of_a_paper_form_says_which_form_it_is(ledger: Ledger):
    services = wanting(ledger, HIV_FORM)
    chart: Any = b.a_chart()
    case = b.a_case(services, chart, form=False)
    entered = fields_for(chart, information__special=["HIV"], printed_number="DOH-2557")
    desk.file_paper_form(services, case, b.LAKESIDE, entered, SCAN, actor=ANN)

    assert shown(services, case) == [(("DOH-2557",), "in-force")]
    assert ruled(services, case, "HIV").is_permitted
