"""May this leave? The forms, what ends them, and the bases besides."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.judged_forms import CENTER, LABORATORY, OFFICE, a_form
from transfer.identifiers import PermissionId
from transfer.institutions import Basis
from transfer.own_forms import OwnForm
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import (
    Action,
    Authorization,
    Dispute,
    Emergency,
    End,
    Finding,
    FormStatus,
    Permission,
    Provision,
    ProvisionType,
    Release,
    Ruling,
    SignerRole,
    Statement,
    changes,
    doubts_on,
    evaluate,
    expires_at,
    findings_on,
    renewal_due,
)
from transfer.permissions.data_periods import boundaries, one_of_each, standing_for
from transfer.permissions.descriptions import says_all
from transfer.permissions.labels import (
    combines_psychotherapy,
    is_beyond,
    is_hit,
    is_let_through,
    is_mixed_with_psychotherapy,
    unreleased,
)
from transfer.permissions.provisions import outcomes
from transfer.permissions.purposes import serves
from transfer.permissions.signatures import is_event, strongest
from transfer.records import RecordKind
from transfer.security_labels import FEDERALLY_PROTECTED, SENSITIVITY

PERMIT, DENY = ProvisionType.PERMIT, ProvisionType.DENY
CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
BORN_LATER = Demographics(birth_date=date(2026, 11, 3))
GROWN = Demographics(birth_date=date(1961, 2, 3))
CHILD = Demographics(birth_date=date(2019, 5, 5))
UNCLEAR = Finding.REPRESENTATIVE_UNCLEAR
NOT_AUTHORIZED = Finding.REPRESENTATIVE_NOT_AUTHORIZED
NOTE = Release(discloser=OFFICE, recipient=CENTER, kinds=frozenset({RecordKind.NOTE}))


def a_permission(ended: End | None = None, **differing) -> Permission:
    return Permission(id=PermissionId.draw(), form=a_form(**differing), ended=ended)


def ruling(*permissions, release=NOTE, policy=Basis.AUTHORIZATION, now=NOW, **more) -> Ruling:
    grounds = {"disputes": {}, "beyond_treatment": FEDERALLY_PROTECTED | SENSITIVITY, "own_forms": ()} | more
    return evaluate(release, policy=policy, zone=CHICAGO, permissions=permissions, now=now, **grounds)


def findings(*permissions, **more) -> set[Finding]:
    return set(ruling(*permissions, **more).findings)


def test_a_complete_form_in_force_permits_and_is_named():
    form = a_permission()

    assert ruling(form) == Ruling(basis=Basis.AUTHORIZATION, permission=form.id, findings=())


def test_without_a_form_nothing_leaves():
    assert findings() == {Finding.NO_FORM}


@pytest.mark.parametrize(
    ("differing", "finding"),
    [
        ({"described": False}, Finding.INCOMPLETE_DESCRIPTION),
        ({"disclosers": frozenset()}, Finding.INCOMPLETE_DISCLOSER),
        ({"recipients": frozenset()}, Finding.INCOMPLETE_RECIPIENT),
        ({"purposes": frozenset()}, Finding.INCOMPLETE_PURPOSE),
        ({"expires_on": None}, Finding.INCOMPLETE_EXPIRATION),
        ({"signed_by": None, "signed_on": None}, Finding.SIGNATURE_MISSING),
        ({"signed_on": None}, Finding.SIGNATURE_UNDATED),
        ({"signed_on": date(2026, 11, 22), "verified_on": frozenset()}, Finding.SIGNATURE_POSTDATED),
        ({"signed_by": SignerRole.REPRESENTATIVE}, Finding.REPRESENTATIVE_AUTHORITY_MISSING),
        ({"statements": frozenset(Statement) - {Statement.REVOKE}}, Finding.STATEMENT_MISSING_REVOKE),
        ({"statements": frozenset(Statement) - {Statement.CONDITION}}, Finding.STATEMENT_MISSING_CONDITION),
        ({"statements": frozenset(Statement) - {Statement.REDISCLOSE}}, Finding.STATEMENT_MISSING_REDISCLOSE),
        ({"expires_on": date(2026, 11, 19)}, Finding.EXPIRED_DATE),
        ({"expires_event": "end of treatment", "event_occurred": True}, Finding.EXPIRED_EVENT),
        ({"effective_from": date(2026, 11, 21)}, Finding.NOT_YET_IN_FORCE),
        ({"status": FormStatus.REVOKED}, Finding.REVOKED),
        ({"status": FormStatus.ENTERED_IN_ERROR}, Finding.ENTERED_IN_ERROR),
        ({"status": FormStatus.DRAFT}, Finding.NOT_FILED),
        ({"disclosers": frozenset({LABORATORY})}, Finding.NOT_THIS_DISCLOSER),
        ({"recipients": frozenset({OFFICE})}, Finding.NOT_THIS_RECIPIENT),
        ({"information": frozenset({RecordKind.IMAGES})}, Finding.NOT_THIS_INFORMATION),
        ({"purposes": frozenset({"HRESCH"})}, Finding.PURPOSE_MISMATCH),
        ({"actions": frozenset({Action.COLLECT, Action.USE})}, Finding.ACTION_MISMATCH),
        ({"expires_on": date(9999, 12, 31)}, Finding.INCOMPLETE_EXPIRATION),
        ({"expires_on": None, "expires_event": "none"}, Finding.INCOMPLETE_EXPIRATION),
        ({"expires_on": None, "expires_event": "End of the research study."}, Finding.INCOMPLETE_EXPIRATION),
        ({"signed_on": date(1999, 1, 4), "verified_on": frozenset()}, Finding.SIGNATURE_IMPLAUSIBLE),
        ({"patient": BORN_LATER}, Finding.SIGNATURE_IMPLAUSIBLE),
        ({"signed_by": SignerRole.REPRESENTATIVE, "representative_authority": "NBOR"}, NOT_AUTHORIZED),
        ({"signed_by": SignerRole.REPRESENTATIVE, "representative_authority": "Wife"}, NOT_AUTHORIZED),
        ({"signed_by": SignerRole.REPRESENTATIVE, "representative_authority": "MTH", "patient": GROWN}, NOT_AUTHORIZED),
    ],
)
def test_one_thing_wrong_is_enough_and_is_the_one_thing_said(differing, finding):
    assert findings(a_permission(**differing)) == {finding}


@pytest.mark.parametrize(
    ("end", "finding"),
    [
        (End.EXPIRED, Finding.EXPIRED_DATE),
        (End.REPLACED, Finding.REPLACED),
        (End.ENTERED_IN_ERROR, Finding.ENTERED_IN_ERROR),
        (End.PAUSED, Finding.PAUSED),
        (End.REVOKED, Finding.REVOKED),
    ],
)
def test_each_of_the_five_ends_stops_the_release_and_says_which_it_is(end, finding):
    assert findings(a_permission(end)) == {finding}


def test_a_representative_with_authority_may_sign():
    form = a_permission(signed_by=SignerRole.REPRESENTATIVE, representative_authority="health care power of attorney")

    assert ruling(form).is_permitted


def test_a_form_for_these_records_from_yesterday_on_permits_them_today():
    assert ruling(a_permission(information=frozenset({RecordKind.NOTE, RecordKind.IMAGES}))).is_permitted
    assert ruling(a_permission(effective_from=date(2026, 11, 20))).is_permitted


@pytest.mark.parametrize("event", ["one year from signing", "end of this year", "illegible"])
def test_an_event_that_is_a_day_or_cannot_be_read_is_a_persons(event):
    form = a_permission(expires_on=None, expires_event=event)

    assert findings(form) == {Finding.DATE_UNREADABLE}
    assert not findings(a_permission(expires_on=None, expires_event="end of treatment"))


def test_who_signs_on_the_first_day_that_forms_have_or_on_the_day_of_birth_may_have_signed_then():
    first = date(2000, 12, 28)
    born = a_permission(
        patient=Demographics(birth_date=date(2026, 11, 2)),
        signed_by=SignerRole.REPRESENTATIVE,
        representative_authority="MTH",
    )

    assert ruling(a_permission(signed_on=first, verified_on=frozenset({first}))).is_permitted
    assert ruling(born).is_permitted


def test_an_event_serves_as_an_expiration_until_it_has_occurred():
    assert ruling(a_permission(expires_on=None, expires_event="end of treatment")).is_permitted


def test_the_day_a_form_expires_is_the_disclosers_and_lasts_to_its_end():
    form = a_permission(expires_on=date(2026, 11, 20))
    midnight = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)

    assert expires_at(form.form, CHICAGO) == midnight
    assert ruling(form, now=midnight - timedelta(microseconds=1)).is_permitted
    assert findings(form, now=midnight) == {Finding.EXPIRED_DATE}


@pytest.mark.parametrize(("year", "is_an_end"), [(2126, True), (2127, False)])
def test_an_end_is_one_within_a_hundred_years(year, is_an_end):
    form = a_permission(expires_on=date(year, 1, 1), signed_on=date(2026, 11, 2))

    assert (Finding.INCOMPLETE_EXPIRATION not in findings(form)) is is_an_end


def test_a_form_for_ever_does_not_break_the_calendar():
    form = a_permission(expires_on=date.max)

    assert findings(form) == {Finding.INCOMPLETE_EXPIRATION}
    assert not renewal_due(form, ZoneInfo("Asia/Tokyo"), NOW)


@pytest.mark.parametrize(
    ("differing", "finding"),
    [
        ({"patient": CHILD}, Finding.SIGNER_MINOR),
        ({"verified_on": frozenset({date(2026, 11, 1)})}, Finding.SIGNATURE_VERIFIED_EARLY),
        ({"verified_on": frozenset({date(2026, 11, 3), date(2026, 10, 3)})}, Finding.SIGNATURE_VERIFIED_EARLY),
        ({"verified_on": frozenset({date(2026, 12, 3)})}, Finding.SIGNATURE_DOUBTED),
        ({"signed_by": SignerRole.REPRESENTATIVE, "representative_authority": "as agreed"}, UNCLEAR),
        ({"signed_by": SignerRole.REPRESENTATIVE, "representative_authority": "mother"}, UNCLEAR),
        ({"purposes": frozenset({"TREAT", "HRESCH"})}, Finding.PERHAPS_COMPOUND),
        ({"purposes": frozenset({"TREAT", "HMARKT"})}, Finding.PERHAPS_COMPOUND),
    ],
)
def test_what_only_a_person_can_tell_is_no_permission_and_says_so(differing, finding):
    said = ruling(a_permission(**differing))

    assert said.findings == (finding,)
    assert said.needs_person
    assert finding.needs_person


@pytest.mark.parametrize(
    ("provision", "doubts"),
    [
        ({"data_from": date(2024, 1, 1)}, {Finding.PERHAPS_NOT_COVERED}),
        ({"data_until": date(2024, 1, 1)}, {Finding.PERHAPS_NOT_COVERED}),
        ({"type": ProvisionType.DENY, "data_from": date(2024, 1, 1)}, {Finding.PERHAPS_DENIED}),
        ({"type": ProvisionType.DENY, "other_recipients": True}, {Finding.PERHAPS_DENIED}),
        ({"type": ProvisionType.DENY, "other_disclosers": True}, {Finding.PERHAPS_DENIED}),
        ({"type": ProvisionType.DENY, "is_by_code": True}, {Finding.PERHAPS_DENIED}),
        ({"type": ProvisionType.DENY}, set()),
        ({"other_recipients": True, "is_by_code": True}, set()),
    ],
)
def test_what_cannot_be_told_of_releases_is_known_before_there_is_one(provision, doubts):
    inner = Provision(**{"type": ProvisionType.PERMIT, **provision})

    assert set(doubts_on(a_form(provisions=(inner,)), zone=CHICAGO, now=NOW)) == doubts
    assert doubts_on(a_form(provisions=(inner,), described=False), zone=CHICAGO, now=NOW) == ()
    assert doubts_on(a_form(provisions=(), denies=True), zone=CHICAGO, now=NOW) == ()


def test_one_day_is_given_to_whom_signs_or_checks_east_of_the_discloser():
    tomorrow = date(2026, 11, 21)

    assert ruling(a_permission(signed_on=tomorrow, verified_on=frozenset({tomorrow}))).is_permitted
    assert ruling(a_permission(verified_on=frozenset({date(2026, 11, 2), tomorrow}))).is_permitted


def test_a_certain_fault_beside_a_doubt_needs_no_person():
    said = ruling(a_permission(patient=CHILD, expires_on=date(2026, 11, 1)))

    assert set(said.findings) == {Finding.SIGNER_MINOR, Finding.EXPIRED_DATE}
    assert not said.needs_person


@pytest.mark.parametrize("authority", ["HPOWATT", "Legal guardian", "power of attorney", "MTH", "father"])
def test_a_parent_or_a_guardian_signs_for_a_child(authority):
    signed = {"signed_by": SignerRole.REPRESENTATIVE, "representative_authority": authority}

    assert ruling(a_permission(patient=CHILD, **signed)).is_permitted


@pytest.mark.parametrize(
    ("born", "is_minor"),
    [(date(2008, 11, 2), False), (date(2008, 11, 3), True), (date(2026, 11, 2), True), (date(2026, 11, 3), False)],
)
def test_who_signs_on_the_day_of_age_is_of_age(born, is_minor):
    form = a_permission(patient=Demographics(birth_date=born), signed_on=date(2026, 11, 2))

    assert (Finding.SIGNER_MINOR in findings(form)) is is_minor


def test_of_several_names_of_an_authority_the_one_that_counts_most_is_taken():
    assert strongest(["aunt", "guardian", "mother"]) == "guardian"
    assert strongest(["aunt", "mother"]) == "mother"
    assert strongest(["somebody", "aunt"]) == "aunt"
    assert strongest([]) is None


def test_where_nothing_is_said_there_is_no_event():
    assert not is_event(None)
    assert not is_event("")


def test_the_first_day_there_is_begins_in_utc():
    root = Provision(type=ProvisionType.PERMIT, starts_on=date.min, ends_on=date.max)
    form = replace(a_form(), provision=root)

    assert changes(form, ZoneInfo("Asia/Tokyo")) == {datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)}


@pytest.mark.parametrize(
    ("paused", "stops"),
    [
        ({}, True),
        ({"disclosers": frozenset()}, True),
        ({"recipients": frozenset()}, True),
        ({"disclosers": frozenset({LABORATORY})}, False),
        ({"disclosers": frozenset({LABORATORY}), "other_disclosers": True}, True),
        ({"recipients": frozenset({LABORATORY})}, False),
        ({"recipients": frozenset({LABORATORY}), "other_recipients": True}, True),
        ({"kinds": frozenset({RecordKind.IMAGES})}, False),
        ({"kinds": frozenset({RecordKind.IMAGES, RecordKind.NOTE})}, True),
    ],
)
def test_a_pause_stops_what_its_form_is_about_and_nothing_else(paused, stops):
    form = a_form()
    stopped = replace(form, provision=replace(form.provision, **paused))
    other = Permission(id=PermissionId.draw(), form=stopped, ended=End.PAUSED)

    assert (Finding.PAUSED in findings(a_permission(), other)) is stops
    assert ruling(a_permission(), other).is_permitted is not stops


def test_the_day_of_a_signature_is_one_in_the_zone_of_the_discloser():
    form = a_form(signed_on=date(2026, 11, 22), verified_on=frozenset({date(2026, 11, 22)}))
    # in Chicago it is the 20th still
    at = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)

    assert Finding.SIGNATURE_POSTDATED in findings_on(form, zone=CHICAGO, now=at)
    assert Finding.SIGNATURE_POSTDATED not in findings_on(form, zone=ZoneInfo("UTC"), now=at)


def test_a_form_begins_and_a_refusal_ends_with_the_day_of_the_discloser():
    # in Chicago it is the 20th still
    at = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
    begins = a_form(effective_from=date(2026, 11, 21))

    assert Finding.NOT_YET_IN_FORCE in findings_on(begins, zone=CHICAGO, now=at)
    assert Finding.NOT_YET_IN_FORCE not in findings_on(begins, zone=ZoneInfo("UTC"), now=at)
    refusal = a_permission(denies=True, expires_on=date(2026, 11, 20))
    assert findings(a_permission(), refusal, now=at) == {Finding.DENIED}
    assert ruling(a_permission(), refusal, now=at + timedelta(hours=4)).is_permitted


def test_a_doubt_is_one_by_the_day_of_the_discloser():
    form = a_form(signed_on=date(2026, 11, 21), verified_on=frozenset({date(2026, 11, 22)}))
    at = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)

    assert doubts_on(form, zone=CHICAGO, now=at) == (Finding.SIGNATURE_DOUBTED,)
    assert doubts_on(form, zone=ZoneInfo("UTC"), now=at) == ()


def test_a_directive_of_the_patients_needs_no_purpose_also_where_something_else_misfits():
    elsewhere = a_permission(purposes=frozenset({"HRESCH"}), recipients=frozenset({LABORATORY}))

    assert Finding.PURPOSE_MISMATCH not in findings(elsewhere, policy=Basis.ACCESS_DIRECTIVE)
    assert Finding.PURPOSE_MISMATCH in findings(elsewhere)


def test_what_is_over_is_found_on_the_form_itself():
    over = datetime(2027, 7, 1, 5, 0, tzinfo=UTC)

    assert Finding.EXPIRED_DATE in findings_on(a_form(), zone=CHICAGO, now=over)
    assert findings_on(a_form(), zone=CHICAGO, now=over - timedelta(seconds=1)) == ()


def test_a_form_of_their_own_is_wanted_for_the_records_that_it_is_for_alone():
    own = OwnForm(title="HIV release", names=frozenset({"DOH-2557"}), labels=frozenset({"HIV"}), source="New York")
    hiv = replace(NOTE, labels=frozenset({"HIV"}))
    form = a_permission(special=frozenset({"HIV", "N"}))
    theirs = replace(form, form=replace(form.form, names=frozenset({"DOH-2557"})))

    assert ruling(form, own_forms=[own]).is_permitted
    assert not ruling(form, release=hiv, own_forms=[own]).is_permitted
    assert ruling(form, release=hiv).is_permitted
    assert ruling(theirs, release=hiv, own_forms=[own]).is_permitted


def test_research_alone_is_not_compound_and_serves_no_treatment():
    assert findings(a_permission(purposes=frozenset({"HRESCH", "CLINTRCH"}))) == {Finding.PURPOSE_MISMATCH}


def test_what_a_form_says_changes_where_a_provision_begins_or_ends():
    exception = Provision(type=ProvisionType.DENY, starts_on=date(2026, 11, 21), ends_on=date(2026, 12, 1))
    form = a_form(effective_from=date(1, 1, 1), expires_on=date.max, provisions=(exception,))
    begins, ends = datetime(2026, 11, 21, 6, 0, tzinfo=UTC), datetime(2026, 12, 2, 6, 0, tzinfo=UTC)

    assert {moment for moment in changes(form, CHICAGO) if 1900 < moment.year < 2100} == {begins, ends}
    permission = Permission(id=PermissionId.draw(), form=replace(form, expires_event=None), ended=None)
    assert Finding.DENIED not in findings(permission, now=begins - timedelta(microseconds=1))
    assert findings(permission, now=begins) == {Finding.DENIED}
    assert Finding.DENIED not in findings(permission, now=ends)


@given(st.dates(), st.sampled_from(["America/Chicago", "Asia/Beirut", "America/Santiago", "Pacific/Apia", "UTC"]))
def test_no_day_is_cut_short_in_any_zone(day, zone):
    end = expires_at(a_form(expires_on=day), ZoneInfo(zone))

    assert end.tzinfo is UTC
    if day > date(1, 1, 2) and day < date(9999, 12, 30):
        assert (end - timedelta(microseconds=1)).astimezone(ZoneInfo(zone)).date() <= day
        assert end.astimezone(ZoneInfo(zone)).date() > day


def test_a_renewal_is_asked_for_from_fourteen_days_before():
    form = a_permission(expires_on=date(2026, 12, 4))
    end = expires_at(form.form, CHICAGO)

    assert not renewal_due(form, CHICAGO, end - timedelta(days=14, microseconds=1))
    assert renewal_due(form, CHICAGO, end - timedelta(days=14))
    assert renewal_due(form, CHICAGO, end + timedelta(days=1))


@pytest.mark.parametrize("end", [End.REPLACED, End.ENTERED_IN_ERROR, End.PAUSED, End.REVOKED])
def test_nobody_is_asked_to_renew_what_they_took_back(end):
    form = a_permission(end, expires_on=date(2026, 11, 21))

    assert not renewal_due(form, CHICAGO, NOW)


def test_nothing_to_renew_where_there_is_no_date_or_no_release():
    assert not renewal_due(a_permission(expires_on=None), CHICAGO, NOW)
    assert not renewal_due(a_permission(denies=True, expires_on=date(2026, 11, 21)), CHICAGO, NOW)
    assert not renewal_due(a_permission(status=FormStatus.DRAFT, expires_on=date(2026, 11, 21)), CHICAGO, NOW)


def test_a_renewed_form_replaces_the_old_one_even_before_anyone_wrote_that_down():
    old = a_permission(special=frozenset({"HIV"}))
    new = a_permission(reference=IssuedIdentifier("urn:forms", "2"), replaces=old.form.reference)
    release = replace(NOTE, labels=frozenset({"HIV"}))

    assert ruling(old, new).permission == new.id
    assert not ruling(old, new, release=release).is_permitted


def test_a_form_replaces_the_one_it_names_and_neither_itself_nor_any_other():
    reference, another = IssuedIdentifier("urn:forms", "2"), IssuedIdentifier("urn:forms", "9")
    other = a_permission(End.REVOKED, reference=reference, replaces=another)
    itself = a_permission(reference=reference, replaces=reference)

    assert ruling(a_permission(), other).is_permitted
    assert ruling(itself).is_permitted


def test_an_old_form_says_that_it_was_replaced_even_where_the_new_one_is_worse():
    old = a_permission()
    worse = a_permission(
        reference=None, replaces=old.form.reference, described=False, statements=frozenset(), purposes=frozenset()
    )

    assert findings(old, worse) == {Finding.REPLACED}


def test_a_replacement_entered_in_error_or_never_filed_replaces_nothing():
    old = a_permission()
    reference = IssuedIdentifier("urn:forms", "2")
    in_error = a_permission(End.ENTERED_IN_ERROR, reference=reference, replaces=old.form.reference)
    draft = a_permission(status=FormStatus.DRAFT, reference=reference, replaces=old.form.reference)

    assert ruling(old, in_error).permission == old.id
    assert ruling(old, draft).permission == old.id


def test_forms_without_numbers_do_not_replace_one_another():
    assert ruling(a_permission(reference=None), a_permission(reference=None)).is_permitted


def test_of_several_forms_one_that_covers_everything_is_enough():
    covering = a_permission()

    assert ruling(a_permission(End.REVOKED), covering, a_permission(described=False)).permission == covering.id


def test_two_forms_that_each_cover_half_cover_nothing():
    notes = a_permission(information=frozenset({RecordKind.NOTE}))
    images = a_permission(information=frozenset({RecordKind.IMAGES}))
    both = replace(NOTE, kinds=frozenset({RecordKind.NOTE, RecordKind.IMAGES}))

    assert findings(notes, images, release=both) == {Finding.NOT_THIS_INFORMATION}


def test_of_two_that_cover_the_later_signed_is_named():
    for first, second in pairwise(f"m{digit * 15}" for digit in "121"):  # whatever their names are
        old = replace(a_permission(signed_on=date(2026, 1, 1)), id=PermissionId(first))
        new = replace(a_permission(signed_on=date(2026, 11, 1)), id=PermissionId(second))

        assert ruling(old, new).permission == ruling(new, old).permission == new.id


def test_where_none_covers_the_findings_are_those_of_the_nearest():
    far = a_permission(described=False, signed_by=None, statements=frozenset())
    elsewhere = a_permission(disclosers=frozenset({LABORATORY}))
    near = a_permission(expires_on=date(2026, 1, 1), statements=frozenset({Statement.REVOKE}))

    expected = {Finding.EXPIRED_DATE, Finding.STATEMENT_MISSING_CONDITION, Finding.STATEMENT_MISSING_REDISCLOSE}
    assert findings(far, elsewhere, near) == expected


def test_of_a_forms_provisions_the_nearest_is_the_one_with_fewest_misfits():
    """Not the first by the alphabet of its findings."""
    far = Provision(type=PERMIT, actions=frozenset({Action.USE}), purposes=frozenset({"HOPERAT"}))
    form = a_permission(information=frozenset({RecordKind.LABORATORY}), provisions=(far,))

    assert findings(form) == {Finding.NOT_THIS_INFORMATION}


def test_an_exception_of_an_exception_is_held_against_the_release_itself():
    """A form that permits, but no notes, but notes to this center after all."""
    center = Provision(type=PERMIT, recipients=frozenset({CENTER}), ends_on=date(2027, 6, 30))
    no_notes = Provision(type=DENY, kinds=NOTE.kinds, provisions=(center,))
    form = Provision(type=PERMIT, provisions=(no_notes,))
    research = replace(center, purposes=frozenset({"HRESCH"}))
    asks_none = replace(form, provisions=(replace(no_notes, provisions=(research,)),))

    assert outcomes(form, NOTE, NOW.date()) == {PERMIT}
    assert outcomes(form, replace(NOTE, recipient=LABORATORY), NOW.date()) == {DENY}
    assert outcomes(form, NOTE, date(2027, 7, 1)) == {DENY}
    assert outcomes(asks_none, NOTE, NOW.date()) == {DENY}
    assert outcomes(asks_none, NOTE, NOW.date(), any_purpose=True) == {PERMIT}


@pytest.mark.parametrize(
    "narrowed",
    [
        {"starts_on": date(2026, 12, 1)},
        {"ends_on": date(2026, 11, 1)},
        {"disclosers": frozenset({LABORATORY})},
        {"other_disclosers": True},
        {"recipients": frozenset({LABORATORY})},
        {"other_recipients": True},
        {"actions": frozenset({Action.USE})},
        {"purposes": frozenset({"HRESCH"})},
        {"kinds": frozenset({RecordKind.LABORATORY})},
        {"labels": frozenset({"HIV"})},
        {"data_from": date(2026, 6, 1)},
        {"data_until": date(2026, 4, 1)},
    ],
)
def test_a_permit_within_another_widens_nothing_that_it_does_not_name(narrowed):
    release = replace(NOTE, dated=PartialDate(2026, 5, 5))
    inner = Provision(type=PERMIT)
    within = Provision(type=PERMIT, provisions=(inner,), **narrowed)
    names_it = replace(within, provisions=(replace(inner, **_NAMED),))

    assert outcomes(inner, release, NOW.date()) == {PERMIT}
    assert outcomes(within, release, NOW.date()) != {PERMIT}
    assert outcomes(names_it, release, NOW.date()) == {PERMIT}


@pytest.mark.parametrize("named", [{"other_disclosers": True}, {"other_recipients": True}])
def test_an_exception_for_somebody_else_may_be_for_ours_whatever_its_parent_names(named):
    inner = Provision(type=PERMIT, **named)
    form = Provision(type=DENY, disclosers=frozenset({OFFICE}), recipients=frozenset({CENTER}), provisions=(inner,))

    assert outcomes(form, NOTE, NOW.date()) == {PERMIT, DENY}


def test_a_permit_with_days_of_its_own_has_none_of_its_parents():
    """Its parent's other end would make a period of the two that nobody named."""
    release = replace(NOTE, dated=PartialDate(2026, 5, 5))
    until, since = {"data_until": date(2026, 5, 31)}, {"data_from": date(2026, 5, 1)}
    earlier, later = {"data_until": date(2026, 4, 1)}, {"data_from": date(2026, 6, 1)}

    def permits(own: dict[str, date], parents: dict[str, date]) -> bool:
        inner = Provision(type=PERMIT, **own)
        return outcomes(Provision(type=PERMIT, provisions=(inner,), **parents), release, NOW.date()) == {PERMIT}

    assert permits(until, later)
    assert permits(since, earlier)
    assert not permits(later, earlier)
    assert not permits(earlier, later)


#: each element of a provision, as it fits the release of a note
_NAMED: dict[str, object] = {
    "starts_on": date(2026, 11, 1),
    "ends_on": date(2026, 12, 1),
    "disclosers": frozenset({OFFICE}),
    "recipients": frozenset({CENTER}),
    "actions": frozenset({Action.DISCLOSE}),
    "purposes": frozenset({"TREAT"}),
    "kinds": frozenset({RecordKind.NOTE}),
    "labels": frozenset({"N"}),
    "data_from": date(2026, 5, 1),
    "data_until": date(2026, 5, 31),
}


def test_where_the_basis_asks_for_no_purpose_that_of_an_exception_does_not_count_either():
    research = Provision(type=PERMIT, purposes=frozenset({"HRESCH"}))
    form = Provision(type=DENY, provisions=(research,))

    assert outcomes(form, NOTE, NOW.date()) == {DENY}
    assert outcomes(form, NOTE, NOW.date(), any_purpose=True) == {PERMIT}


@pytest.mark.parametrize(
    ("words", "are_all"),
    [
        ("Authorization for release of all medical records", True),
        ("Authorization for release of medical records", False),
        ("All records but those of 2024", False),
        ("All records ❌", False),
        (None, False),
    ],
)
def test_words_describe_all_records_only_where_they_say_all_and_nothing_else(words, are_all):
    assert says_all(words) is are_all


@pytest.mark.parametrize(
    ("purposes", "purpose", "permitted"),
    [
        ({"TREAT"}, "TREAT", True),
        ({"TREAT"}, "COC", True),
        ({"TREAT"}, "ETREAT", True),
        ({"TREAT"}, "BTG", True),
        ({"COC"}, "TREAT", False),
        ({"ETREAT"}, "COC", False),
        ({"HOPERAT"}, "TREAT", False),
        ({"HOPERAT"}, "CAREMGT", True),
        ({"PATRQT"}, "TREAT", True),
        ({"PATRQT"}, "HRESCH", False),
        ({"PATRQT"}, "FAMRQT", True),
    ],
)
def test_a_purpose_covers_itself_and_what_lies_below_it(purposes, purpose, permitted):
    assert serves(frozenset(purposes), purpose) is permitted


@pytest.mark.parametrize(
    ("special", "labels", "left"),
    [
        ((), {"N", "M", "PERSISTLABEL"}, set()),
        ((), {"HIV"}, {"HIV"}),
        ({"HIV"}, {"HIV", "R"}, set()),
        ({"HIV"}, {"HIV", "GDIS", "R"}, {"GDIS"}),
        ((), {"R"}, {"R"}),
        ({"R"}, {"R"}, set()),
        ({"V"}, {"R"}, set()),
        ({"HIV"}, {"HIV", "V"}, {"V"}),
        ({"SUD"}, {"42CFRPart2", "ETHUD"}, set()),
        ({"BH"}, {"PSY", "MH"}, set()),
        ({"BH"}, {"SUD"}, {"SUD"}),
        ({"MH", "BH"}, {"PSYTHPN"}, {"PSYTHPN"}),
        ((), {"NOAUTH", "NORDSCLCD"}, set()),
        ((), {"A-CODE-NOBODY-KNOWS"}, {"A-CODE-NOBODY-KNOWS"}),
    ],
)
def test_a_category_needs_its_own_line_and_an_unknown_one_too(special, labels, left):
    assert unreleased(frozenset(special), frozenset(labels)) == left


def test_a_form_without_the_line_does_not_release_what_is_labelled():
    labelled = replace(NOTE, labels=frozenset({"HIV", "R"}))

    assert findings(a_permission(), release=labelled) == {Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED}
    assert ruling(a_permission(special=frozenset({"HIV"})), release=labelled).is_permitted
    assert findings(a_permission(special=frozenset({"HIV"}))) == {Finding.NOT_THIS_INFORMATION}
    assert ruling(a_permission(special=frozenset({"HIV", "N"}))).is_permitted


def test_psychotherapy_notes_need_a_form_of_their_own():
    labelled = replace(NOTE, labels=frozenset({"PSYTHPN"}))
    notes = frozenset({RecordKind.NOTE})

    assert ruling(a_permission(information=notes, special=frozenset({"PSYTHPN"})), release=labelled).is_permitted
    mixed = a_permission(information=notes, special=frozenset({"PSYTHPN", "HIV"}))
    assert findings(mixed, release=labelled) == {Finding.COMPOUND}
    assert findings(a_permission(special=frozenset({"PSYTHPN"})), release=labelled) == {Finding.COMPOUND}


@pytest.mark.parametrize(
    ("named", "labels", "is_through"),
    [
        (set(), {"HIV"}, True),
        ({"HIV"}, set(), False),
        ({"HIV"}, {"N"}, False),
        ({"HIV"}, {"HIV", "R"}, True),
        ({"HIV", "N"}, set(), True),
        ({"N"}, set(), True),
        ({"N"}, {"R"}, False),
        ({"V"}, {"R"}, True),
        ({"U"}, {"N"}, False),
        ({"U"}, set(), False),
        ({"U"}, {"U"}, True),
        ({"BH"}, {"PSY"}, True),
        ({"PSY"}, {"BH"}, False),
    ],
)
def test_labels_of_a_permit_are_a_filter_and_degrees_are_ordered(named, labels, is_through):
    assert is_let_through(frozenset(named), frozenset(labels)) is is_through


@pytest.mark.parametrize(
    ("named", "labels", "hit"),
    [
        (set(), set(), True),
        ({"R"}, set(), False),
        ({"R"}, {"R"}, True),
        ({"R"}, {"V"}, True),
        ({"N"}, set(), True),
        ({"HIV"}, set(), False),
        ({"HIV"}, {"hiv"}, True),
        ({"PSY"}, {"BH"}, True),
        ({"BH"}, {"PSY"}, True),
        ({"SUD"}, {"42CFRPart2"}, True),
        ({"HIV"}, {"GDIS"}, False),
    ],
)
def test_labels_of_a_refusal_reach_what_they_include_and_what_includes_them(named, labels, hit):
    assert is_hit(frozenset(named), frozenset(labels)) is hit


def test_what_nobody_named_needs_a_form_for_all_records():
    anything = replace(NOTE, kinds=frozenset())

    assert ruling(a_permission(), release=anything).is_permitted
    assert not ruling(a_permission(information=frozenset(RecordKind)), release=anything).is_permitted


@pytest.mark.parametrize("finding", [one.finding for one in Dispute])
def test_what_a_person_saw_on_the_paper_counts(finding):
    form, other = a_permission(), a_permission()
    disputes = {form.id: frozenset({finding})}

    assert findings(form, disputes=disputes) == {finding}
    assert ruling(form, other, disputes=disputes).permission == other.id


def test_treatment_needs_no_form():
    assert ruling(policy=Basis.TREATMENT) == Ruling(basis=Basis.TREATMENT, permission=None, findings=())
    assert ruling(a_permission(End.EXPIRED), policy=Basis.TREATMENT).basis is Basis.TREATMENT


def test_treatment_is_no_basis_for_another_purpose():
    assert findings(release=replace(NOTE, purpose="HOPERAT"), policy=Basis.TREATMENT) == {Finding.NO_FORM}
    assert ruling(release=replace(NOTE, purpose="COC"), policy=Basis.TREATMENT).basis is Basis.TREATMENT


@pytest.mark.parametrize(
    "label",
    [
        "42CFRPart2",
        "SUD",
        "ETH",
        "ETHUD",
        "OPIOIDUD",
        "PSYTHPN",
        "HIPAAPsyNotes",
        "NOAUTH",
        "NODSCLCDS",
        "NORDSCLCD",
        "V",
    ],
)
def test_treatment_alone_never_releases_what_needs_the_patients_word(label):
    labelled = replace(NOTE, labels=frozenset({label}))
    named = frozenset({label}) - {"NOAUTH", "NODSCLCDS", "NORDSCLCD"}  # a form is the directive itself
    form = a_permission(special=named, information=frozenset({RecordKind.NOTE}))

    assert not ruling(release=labelled, policy=Basis.TREATMENT).is_permitted
    assert ruling(form, release=labelled, policy=Basis.TREATMENT).basis is Basis.AUTHORIZATION


@pytest.mark.parametrize("label", ["HIV", "MH", "GDIS", "SEX", "SDV"])
def test_what_states_protect_needs_a_form_unless_an_institution_says_otherwise(label):
    labelled = replace(NOTE, labels=frozenset({label}))

    assert not ruling(release=labelled, policy=Basis.TREATMENT).is_permitted
    assert not ruling(release=replace(NOTE, labels=frozenset({label, "R"})), policy=Basis.TREATMENT).is_permitted
    said = ruling(release=labelled, policy=Basis.TREATMENT, beyond_treatment=frozenset())
    assert said.basis is Basis.TREATMENT


@pytest.mark.parametrize(
    ("labels", "beyond", "permitted"),
    [
        ({"R"}, None, False),
        ({"hiv"}, None, False),
        ({"hiv"}, set(), False),
        ({"A-CODE-NOBODY-KNOWS"}, set(), False),
        ({"HIV", "R"}, set(), True),
        ({"R"}, set(), False),
        ({"N", "PERSISTLABEL"}, None, True),
    ],
)
def test_a_label_whose_reason_nobody_knows_needs_a_form(labels, beyond, permitted):
    labelled = replace(NOTE, labels=frozenset(labels))
    more = {} if beyond is None else {"beyond_treatment": frozenset(beyond)}

    assert ruling(release=labelled, policy=Basis.TREATMENT, **more).is_permitted is permitted


def test_who_takes_a_form_back_stops_treatment_releases_too():
    revoked = a_permission(End.REVOKED)
    sent_again_as_revoked = a_permission(status=FormStatus.REVOKED)
    renewed = a_permission()

    assert findings(revoked, policy=Basis.TREATMENT) == {Finding.REVOKED}
    assert findings(sent_again_as_revoked, policy=Basis.TREATMENT) == {Finding.REVOKED}
    assert ruling(revoked, renewed, policy=Basis.TREATMENT).permission == renewed.id


def test_a_form_taken_back_between_other_parties_changes_nothing_here():
    revoked = a_permission(End.REVOKED, disclosers=frozenset({LABORATORY}))

    assert ruling(revoked, policy=Basis.TREATMENT).is_permitted


@pytest.mark.parametrize("policy", [Basis.AUTHORIZATION, Basis.TREATMENT, Basis.ACCESS_DIRECTIVE])
def test_a_pause_or_a_refusal_stops_whatever_other_form_there_is(policy):
    refusal = a_permission(denies=True, signed_by=None, statements=frozenset(), expires_on=None)

    assert findings(a_permission(End.PAUSED), a_permission(), policy=policy) == {Finding.PAUSED}
    assert findings(refusal, a_permission(), policy=policy) == {Finding.DENIED}


@pytest.mark.parametrize("ended", [End.EXPIRED, End.REPLACED, End.ENTERED_IN_ERROR, End.REVOKED])
def test_a_refusal_that_is_over_refuses_nothing(ended):
    assert ruling(a_permission(ended, denies=True), a_permission()).is_permitted
    assert ruling(a_permission(ended, denies=True), policy=Basis.TREATMENT).is_permitted


def test_a_refusal_counts_from_its_day_to_its_day():
    for over in ({"expires_on": date(2026, 11, 1)}, {"effective_from": date(2027, 1, 1)}, {"status": FormStatus.DRAFT}):
        assert ruling(a_permission(denies=True, **over), a_permission()).is_permitted


def test_a_refusal_reaches_what_it_names_and_what_it_leaves_open():
    of_images = a_permission(denies=True, information=frozenset({RecordKind.IMAGES}))
    of_everything = a_permission(denies=True, disclosers=frozenset(), recipients=frozenset())
    to_another = a_permission(denies=True, recipients=frozenset({LABORATORY}))

    assert ruling(of_images, a_permission()).is_permitted
    assert ruling(to_another, a_permission()).is_permitted
    assert not ruling(of_everything, a_permission()).is_permitted


def test_a_refusal_is_no_form_to_release_under():
    assert findings(a_permission(denies=True, information=frozenset({RecordKind.IMAGES}))) == {Finding.NO_FORM}


def test_an_access_directive_needs_a_signature_and_a_designee_and_no_more():
    directive = a_permission(
        expires_on=None, statements=frozenset(), purposes=frozenset(), disclosers=frozenset(), described=False
    )
    unsigned = a_permission(signed_by=None)
    to_nobody = a_permission(recipients=frozenset())

    of_the_patients_own = a_permission(purposes=frozenset({"HRESCH"}))

    assert ruling(directive, policy=Basis.ACCESS_DIRECTIVE).basis is Basis.ACCESS_DIRECTIVE
    assert ruling(of_the_patients_own, policy=Basis.ACCESS_DIRECTIVE).is_permitted
    assert findings(unsigned, policy=Basis.ACCESS_DIRECTIVE) == {Finding.SIGNATURE_MISSING}
    assert findings(to_nobody, policy=Basis.ACCESS_DIRECTIVE) == {Finding.INCOMPLETE_RECIPIENT}


def an_emergency(**differing) -> Emergency:
    plain = {"discloser": OFFICE, "recipient": CENTER, "declared_by": "clinician-1", "declared_at": NOW}
    return Emergency(**{**plain, **differing})


def test_a_declared_emergency_permits_to_the_end_of_the_next_day():
    the_next_day_ends = datetime(2026, 11, 22, 6, 0, tzinfo=UTC)

    assert ruling(emergency=an_emergency()) == Ruling(basis=Basis.EMERGENCY, permission=None, findings=())
    assert ruling(emergency=an_emergency(), now=the_next_day_ends - timedelta(seconds=1)).is_permitted
    assert not ruling(emergency=an_emergency(), now=the_next_day_ends).is_permitted
    assert not ruling(emergency=an_emergency(declared_at=NOW + timedelta(hours=1))).is_permitted


def test_an_emergency_counts_the_days_of_its_discloser():
    # in Chicago it was the 20th still
    declared = an_emergency(declared_at=datetime(2026, 11, 21, 3, 0, tzinfo=UTC))

    assert ruling(emergency=declared, now=datetime(2026, 11, 22, 5, 59, tzinfo=UTC)).is_permitted
    assert not ruling(emergency=declared, now=datetime(2026, 11, 22, 7, 0, tzinfo=UTC)).is_permitted


def test_an_emergency_is_between_its_parties_for_treatment_and_passes_a_refusal_but_no_psychotherapy_notes():
    refusal = a_permission(denies=True)

    assert ruling(refusal, emergency=an_emergency()).basis is Basis.EMERGENCY
    assert not ruling(emergency=an_emergency(discloser=LABORATORY)).is_permitted
    assert not ruling(emergency=an_emergency(), release=replace(NOTE, purpose="HRESCH")).is_permitted
    assert not ruling(emergency=an_emergency(), release=replace(NOTE, labels=frozenset({"PSYTHPN"}))).is_permitted


def test_a_form_is_relied_on_before_an_emergency():
    form = a_permission()

    assert ruling(form, emergency=an_emergency()).permission == form.id


def test_where_only_an_emergency_counts_none_is_said():
    assert findings(a_permission(), policy=Basis.EMERGENCY) == {Finding.EMERGENCY_NOT_DECLARED}


def test_a_form_can_be_judged_before_anything_is_released_under_it():
    assert findings_on(a_form(), zone=CHICAGO, now=NOW) == ()
    assert findings_on(a_form(described=False), zone=CHICAGO, now=NOW) == (Finding.INCOMPLETE_DESCRIPTION,)


def test_a_ruling_cannot_both_permit_and_find_fault_nor_neither():
    with pytest.raises(ValueError, match="ruling"):
        Ruling(basis=Basis.TREATMENT, permission=None, findings=(Finding.NO_FORM,))
    with pytest.raises(ValueError, match="ruling"):
        Ruling(basis=None, permission=None, findings=())


# --- what must hold of every form ---------------------------------------------------------------------------------

LABELS = st.frozensets(st.sampled_from(["N", "R", "V", "HIV", "SUD", "42CFRPart2", "PSYTHPN", "GDIS", "NOAUTH"]))
KINDS = st.frozensets(st.sampled_from(RecordKind))
PARTIES = st.frozensets(st.sampled_from([OFFICE, LABORATORY, CENTER]))
DAYS = st.none() | st.dates(date(2026, 10, 1), date(2027, 1, 31))
PURPOSES = st.frozensets(st.sampled_from(["TREAT", "COC", "PATRQT", "HRESCH"]))
ROOTS = st.builds(
    Provision,
    type=st.sampled_from(ProvisionType),
    disclosers=PARTIES,
    recipients=PARTIES,
    purposes=PURPOSES,
    kinds=st.none() | KINDS,
    labels=LABELS,
    starts_on=DAYS,
    ends_on=DAYS,
)
FORMS = st.builds(
    Authorization,
    patient=st.just(Demographics()),
    reference=st.none() | st.builds(IssuedIdentifier, st.just("urn:forms"), st.sampled_from("123")),
    status=st.sampled_from(FormStatus),
    provision=ROOTS,
    described=st.booleans(),
    expires_event=st.none() | st.just("end of treatment"),
    event_occurred=st.booleans(),
    signed_by=st.none() | st.sampled_from(SignerRole),
    signed_on=DAYS,
    verified_on=st.just(frozenset()),
    representative_authority=st.none() | st.just("guardian"),
    statements=st.frozensets(st.sampled_from(Statement)),
    replaces=st.none() | st.builds(IssuedIdentifier, st.just("urn:forms"), st.sampled_from("123")),
)


def with_some_of(one, other, keep):
    """The first, with some fields of the second."""
    return replace(one, **{name: getattr(other, name) for name in keep})


#: at most two things are not as they should be
NEARLY_RIGHT = st.builds(
    lambda form, keep, in_root: replace(
        with_some_of(a_form(), form, keep), provision=with_some_of(a_form().provision, form.provision, in_root)
    ),
    FORMS,
    st.sets(st.sampled_from(sorted({*a_form().__slots__} - {"provision"})), max_size=1),
    st.sets(st.sampled_from(sorted(a_form().provision.__slots__)), max_size=1),
)
PERMISSIONS = st.lists(
    st.builds(
        Permission,
        id=st.builds(PermissionId.draw),
        form=FORMS | NEARLY_RIGHT,
        ended=st.none() | st.sampled_from(End),
    ),
    max_size=4,
)
RELEASES = st.builds(
    Release,
    discloser=st.sampled_from([OFFICE, LABORATORY]),
    recipient=st.just(CENTER),
    kinds=KINDS,
    purpose=st.sampled_from(["TREAT", "COC", "HRESCH"]),
    labels=LABELS,
)


@given(PERMISSIONS, RELEASES, st.sampled_from(Basis))
def test_whatever_is_on_file_a_form_relied_on_has_all_its_elements_and_fits(permissions, release, policy):
    given_ruling = ruling(*permissions, release=release, policy=policy)

    if given_ruling.permission is not None:
        (relied,) = (p for p in permissions if p.id == given_ruling.permission)
        form = relied.form
        assert relied.ended is None
        assert form.status is FormStatus.ACTIVE
        assert not form.denies
        assert form.signed_by
        assert form.signed_on
        assert not form.event_occurred
        assert release.recipient in form.recipients
        assert form.information is None or release.kinds <= form.information
        assert form.expires_on is None or form.expires_on >= date(2026, 11, 20)
        if given_ruling.basis is Basis.AUTHORIZATION:
            assert release.discloser in form.disclosers
            assert form.described
            assert form.expires_on or form.expires_event
            assert form.statements == frozenset(Statement)
            assert form.purposes


@given(PERMISSIONS, RELEASES, st.sampled_from(Basis))
def test_the_order_of_the_forms_changes_nothing(permissions, release, policy):
    forwards = ruling(*permissions, release=release, policy=policy)

    assert ruling(*reversed(permissions), release=release, policy=policy) == forwards


@given(PERMISSIONS, RELEASES, st.sampled_from(Basis))
def test_nothing_leaves_once_every_form_is_paused(permissions, release, policy):
    """Those that reach the release stop it, and the others never permitted it; treatment aside, which needs none."""
    paused = [replace(p, ended=End.PAUSED) for p in permissions]

    assert ruling(*paused, release=release, policy=policy).basis in (None, Basis.TREATMENT)


@given(PERMISSIONS, RELEASES, st.sampled_from(Basis))
def test_a_label_more_never_opens_what_was_closed(permissions, release, policy):
    """But by a form that names what is labelled so."""
    unnamed = [one for one in permissions if not one.form.provision.labels]
    bare = replace(release, labels=frozenset())

    if not ruling(*unnamed, release=bare, policy=policy).is_permitted:
        assert not ruling(*unnamed, release=release, policy=policy).is_permitted


# --- records of some years alone --------------------------------------------------------------------------------------

YEARS = Provision(type=ProvisionType.PERMIT, data_from=date(2020, 1, 1), data_until=date(2021, 12, 31))


@pytest.mark.parametrize(
    ("dated", "findings"),
    [
        (PartialDate(2020, 1, 1), ()),
        (PartialDate(2021, 12, 31), ()),
        (PartialDate(2020), ()),
        (PartialDate(2021, 12), ()),
        (PartialDate(2019, 12, 31), (Finding.NOT_THIS_INFORMATION,)),
        (PartialDate(2022, 1, 1), (Finding.NOT_THIS_INFORMATION,)),
        (PartialDate(2023), (Finding.NOT_THIS_INFORMATION,)),
        (None, (Finding.PERHAPS_NOT_COVERED,)),
    ],
)
def test_a_form_for_some_years_permits_what_is_of_them(dated, findings):
    form = a_permission(data_from=YEARS.data_from, data_until=YEARS.data_until)

    assert ruling(form, release=replace(NOTE, dated=dated)).findings == findings


def test_a_year_that_begins_before_the_period_may_be_of_it():
    form = a_permission(data_from=date(2020, 6, 15))

    assert ruling(form, release=replace(NOTE, dated=PartialDate(2020))).findings == (Finding.PERHAPS_NOT_COVERED,)
    assert ruling(form, release=replace(NOTE, dated=PartialDate(2020, 6))).findings == (Finding.PERHAPS_NOT_COVERED,)
    assert ruling(form, release=replace(NOTE, dated=PartialDate(2020, 7))).is_permitted


@pytest.mark.parametrize("period", [{"data_from": date(2020, 12, 31)}, {"data_until": date(2020, 1, 1)}])
def test_a_year_of_which_one_day_is_of_the_period_may_be_of_it(period):
    form = a_permission(**period)

    assert ruling(form, release=replace(NOTE, dated=PartialDate(2020))).findings == (Finding.PERHAPS_NOT_COVERED,)


def test_a_form_for_very_restricted_psychotherapy_notes_releases_nothing_beside_them():
    assert not is_mixed_with_psychotherapy(frozenset({"PSYTHPN", "V"}), frozenset({"PSYTHPN"}))
    assert is_mixed_with_psychotherapy(frozenset({"PSYTHPN", "N"}), frozenset({"PSYTHPN"}))


@pytest.mark.parametrize(
    ("permits", "expected"),
    [
        ([{"PSYTHPN"}, {"HIPAAPsyNotes", "R", "V"}], False),
        ([{"PSYTHPN"}, set()], True),
        ([{"PSYTHPN"}, {"HIV"}], True),
        ([{"PSYTHPN", "N"}], True),
        ([{"HIV"}, set()], False),
        ([], False),
    ],
)
def test_permits_combine_psychotherapy_notes_where_one_of_them_releases_more(permits: list[set[str]], expected: bool):
    assert combines_psychotherapy(map(frozenset, permits)) is expected


def test_all_sensitivities_together_are_known_ones():
    assert not is_beyond(SENSITIVITY, frozenset())
    assert is_beyond(SENSITIVITY | {"LOCAL"}, frozenset())


def test_days_that_no_form_tells_apart_are_ruled_on_once():
    form = a_form(provisions=(YEARS, Provision(type=ProvisionType.DENY, data_from=date(2021, 5, 1))))
    between = boundaries([form, a_form()])

    assert between == (date(2020, 1, 1), date(2021, 5, 1), date(2022, 1, 1))
    assert standing_for(PartialDate(2020, 3, 4), between) == standing_for(PartialDate(2020), between)
    assert standing_for(PartialDate(2021, 4, 30), between) != standing_for(PartialDate(2021, 5, 1), between)
    assert standing_for(PartialDate(2021), between) == PartialDate(2021), "some of it is refused, some is not"
    assert standing_for(PartialDate(2021), boundaries([a_form()])) is None
    assert standing_for(None, between) is None
    days = (date(2019, 12, 31), date(2020, 1, 1), date(2021, 5, 1), date(2022, 1, 1))
    assert one_of_each(between) == tuple(map(PartialDate.of, days))


def test_the_first_and_the_last_day_of_all_are_boundaries_too():
    form = a_form(provisions=(Provision(type=ProvisionType.PERMIT, data_from=date.min, data_until=date.max),))

    assert one_of_each(boundaries([form])) == (PartialDate.of(date.min), PartialDate.of(date.min))
