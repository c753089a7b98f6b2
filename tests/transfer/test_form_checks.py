"""A form judged by itself: what its discloser requires, and which provision is about the release."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from tests.kit.judged_forms import CENTER, OFFICE, a_form
from transfer.identifiers import InstitutionId
from transfer.institutions import Basis, Institution
from transfer.own_forms import OwnForm
from transfer.patients import IssuedIdentifier
from transfer.permissions import Authorization, Dispute, Finding, Provision, ProvisionType
from transfer.permissions.checking import Applies, AskedRelease, Decision, FormCheck, check_forms
from transfer.records import RecordKind

NOON = datetime(2026, 11, 20, 18, 0, tzinfo=UTC)
HIV = frozenset({"HIV"})
OWN = OwnForm(title="HIV release", names=frozenset({"DOH-2557"}), labels=HIV, source="New York")


def check(
    *forms: Authorization, labels: frozenset[str] = frozenset(), now: datetime = NOON, disputed=frozenset(), **said
) -> FormCheck:
    """Whether an office in Chicago, whose file says this, would release a note under these forms."""
    there = Institution(id=OFFICE, name="Lakeside", time_zone="America/Chicago", **said)
    asked = AskedRelease(discloser=there, recipient=CENTER, kind=RecordKind.NOTE, purpose="TREAT", labels=labels)
    return check_forms(forms, asked, now, disputed=disputed)


def test_a_form_lasts_to_the_end_of_the_day_where_its_discloser_is():
    form = a_form(expires_on=date(2026, 11, 20))
    last, over = datetime(2026, 11, 21, 5, 59, tzinfo=UTC), datetime(2026, 11, 21, 6, 0, tzinfo=UTC)

    assert check(form, now=last).decision is Decision.PERMIT
    assert [one.applies for one in check(form, now=last).provisions] == [Applies.YES]
    assert check(form, now=over).findings == (Finding.EXPIRED_DATE,)
    assert [(one.applies, one.because) for one in check(form, now=over).provisions] == [
        (Applies.NO, (Finding.EXPIRED_DATE,))
    ]


@pytest.mark.parametrize("disputed", [one.finding for one in Dispute])
def test_what_a_person_found_wrong_with_the_paper_refuses(disputed: Finding):
    found = check(a_form(), disputed=frozenset({disputed}))

    assert (found.decision, found.findings) == (Decision.REFUSE, (disputed,))


def test_each_provision_of_each_of_several_forms_has_its_place():
    nested = Provision(type=ProvisionType.DENY, kinds=frozenset({RecordKind.PATHOLOGY_REPORT}))
    elsewhere = a_form(recipients=frozenset({InstitutionId("harbor-clinic")}))

    found = check(a_form(provisions=(nested,)), elsewhere)

    assert found.decision is Decision.PERMIT
    assert [(one.path, one.applies) for one in found.provisions] == [
        ("form[0].provision", Applies.YES),
        ("form[0].provision.provision[0]", Applies.NO),
        ("form[1].provision", Applies.NO),
    ]


def test_a_form_that_another_of_them_replaces_permits_nothing():
    old = a_form()
    new = a_form(reference=IssuedIdentifier("urn:forms", "2"), replaces=old.reference, recipients=frozenset({OFFICE}))

    assert check(old).decision is Decision.PERMIT
    assert check(old, new).decision is Decision.REFUSE


def test_what_a_discloser_releases_without_a_form_is_what_its_file_says():
    lapsed = a_form(expires_on=date(2026, 11, 1))
    treats = {"requires": Basis.TREATMENT}

    assert check(lapsed, **treats).decision is Decision.PERMIT
    assert check(lapsed, labels=HIV, **treats).decision is Decision.REFUSE
    assert check(lapsed, labels=HIV, special_categories=frozenset(), **treats).decision is Decision.PERMIT
    # where what nobody labelled needs a form, what is labelled as ordinary needs none
    assert check(lapsed, form_for_unlabelled=True, **treats).decision is Decision.REFUSE
    assert check(lapsed, labels=frozenset({"N"}), form_for_unlabelled=True, **treats).decision is Decision.PERMIT


def test_a_discloser_with_a_form_of_its_own_releases_what_that_is_for_under_no_other():
    form = a_form(special=HIV | {"N"})

    assert check(form, labels=HIV).decision is Decision.PERMIT
    assert check(form, labels=HIV, own_forms=(OWN,)).decision is not Decision.PERMIT
    assert check(replace(form, names=OWN.names), labels=HIV, own_forms=(OWN,)).decision is Decision.PERMIT


def test_whether_a_provision_is_about_a_record_without_a_day_is_unclear_where_it_names_days():
    found = check(a_form(data_from=date(2024, 1, 1)))

    assert found.decision is Decision.PERSON
    assert [(one.applies, one.because) for one in found.provisions] == [
        (Applies.UNCLEAR, (Finding.NOT_THIS_INFORMATION,))
    ]


def test_where_the_basis_asks_for_no_purpose_none_is_said_to_misfit_however_deep_it_stands():
    research = Provision(type=ProvisionType.PERMIT, purposes=frozenset({"HRESCH"}))
    form = a_form(provisions=(replace(research, provisions=(research,)),))

    assert {one.applies for one in check(form, requires=Basis.ACCESS_DIRECTIVE).provisions} == {Applies.YES}
    assert [one.applies for one in check(form).provisions] == [Applies.YES, Applies.NO, Applies.NO]
