"""Looks at who a patient is, and at what is written, are facts; some need a reason."""

from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.staff import ANN, BEN, somebody
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.looks import LookReason, PatientFlag
from transfer.refusals import RefusalCode
from transfer.rights import RIGHTS, Actor, Right, Role

pytestmark = pytest.mark.servers

AUDITOR = Actor(person="audrey", rights=RIGHTS[Role.AUDITOR], is_claimed=False)
CLERK = Actor(person="carl", rights=RIGHTS[Role.CLERK], is_claimed=False)


@pytest.fixture
def services(ledger):
    return b.new_services(ledger)


@pytest.fixture
def case(services):
    return b.a_case(services)


def looked(services, **sought) -> list[tuple[str | None, str, str | None]]:
    found = desk.list_looks(services, actor=ANN, days=2, **sought)
    return [(one.person, one.kind, one.place or one.reason) for one in found]


def test_a_look_at_a_name_or_a_note_is_a_fact_and_one_without_is_none(services, case):
    desk.dossier(services, case, actor=ANN)
    assert looked(services) == []

    desk.dossier(services, case, actor=BEN, identity=True, notes=True)
    desk.dossier(services, case, actor=CLERK, identity=True)

    assert looked(services, case=case) == [
        ("carl", "identity-viewed", "case"),
        ("ben", "content-viewed", "case"),
        ("ben", "identity-viewed", "case"),
    ]
    assert looked(services, person="carl") == [("carl", "identity-viewed", "case")]
    of_the_desk = [chain for chain in desk.chains(services.ledger, actor=ANN) if chain.startswith("desk:")]
    assert [desk.walk_chain(services.ledger, chain, actor=ANN).broken for chain in of_the_desk] == [None]


def test_who_looked_at_one_case_looked_at_the_patient(services):
    chart = b.a_chart()
    first, second = b.a_case(services, chart), b.a_case(services, chart)
    assert b.patient_of(services, first) == b.patient_of(services, second)
    other = b.a_case(services)

    desk.dossier(services, second, actor=BEN, identity=True)
    desk.dossier(services, other, actor=CLERK, identity=True)

    assert looked(services, case=first) == [("ben", "identity-viewed", "case")]


def test_comparing_people_is_one_look_at_all_of_them(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    hold = b.the_hold(services, "whose-record").id

    desk.hold(services, hold, actor=BEN)
    assert looked(services) == []
    desk.hold(services, hold, actor=BEN, identity=True)

    assert looked(services, case=case) == [("ben", "identity-viewed", "decision")]


def test_whom_everybody_would_look_at_is_shown_for_a_reason(services, case, hours_pass):
    desk.flag_patient(services, case, PatientFlag.EMPLOYEE, actor=ANN)

    with pytest.raises(NotAllowed) as refused:
        desk.dossier(services, case, actor=CLERK, identity=True)
    assert refused.value.refusal.code is RefusalCode.NO_REASON
    desk.state_reason(services, case, LookReason.TREATMENT, actor=CLERK)
    assert desk.dossier(services, case, actor=CLERK, identity=True).identity is not None
    with pytest.raises(NotAllowed):  # a reason is the one's who gave it
        desk.dossier(services, case, actor=BEN, identity=True)
    hours_pass(timedelta(hours=10, seconds=1))
    with pytest.raises(NotAllowed):
        desk.dossier(services, case, actor=CLERK, identity=True)
    assert ("carl", "reason-stated", "TREAT") in looked(services, case=case)

    assert desk.unflag_patient(services, case, PatientFlag.EMPLOYEE, actor=ANN).changed
    assert desk.dossier(services, case, actor=CLERK, identity=True).identity is not None


def test_a_reason_that_was_sent_twice_is_kept_once(services, case, hours_pass):
    said = [desk.state_reason(services, case, LookReason.TREATMENT, actor=CLERK).changed for _ in range(2)]
    said.append(desk.state_reason(services, case, LookReason.PAYMENT, actor=CLERK).changed)
    hours_pass(timedelta(minutes=1, seconds=1))
    said.append(desk.state_reason(services, case, LookReason.TREATMENT, actor=CLERK).changed)

    assert said == [True, False, True, True]
    assert sorted(looked(services, case=case)) == [
        ("carl", "reason-stated", "HPAYMT"),
        ("carl", "reason-stated", "TREAT"),
        ("carl", "reason-stated", "TREAT"),
    ]


def test_a_flagged_patient_is_not_compared_without_a_reason(services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    hold = b.the_hold(services, "whose-record").id
    desk.flag_patient(services, case, PatientFlag.VIP, actor=ANN)

    with pytest.raises(NotAllowed):
        desk.hold(services, hold, actor=BEN, identity=True)
    desk.state_reason(services, case, LookReason.OPERATIONS, actor=BEN)
    assert desk.hold(services, hold, actor=BEN, identity=True).comparison is not None


def test_a_flag_goes_along_with_who_is_merged(services):
    kept, absorbed = b.a_case(services), b.a_case(services)
    desk.flag_patient(services, absorbed, PatientFlag.VIP, actor=ANN)
    desk.merge(services, kept, absorbed, actor=ANN)
    desk.merge(services, kept, absorbed, actor=BEN)
    assert b.patient_of(services, kept) == b.patient_of(services, absorbed)

    with pytest.raises(NotAllowed):
        desk.dossier(services, kept, actor=CLERK, identity=True)
    assert desk.unflag_patient(services, kept, PatientFlag.VIP, actor=ANN).changed
    assert desk.dossier(services, kept, actor=CLERK, identity=True).identity is not None


def test_flagging_twice_is_once(services, case):
    assert not desk.unflag_patient(services, case, PatientFlag.VIP, actor=ANN).changed
    assert desk.flag_patient(services, case, PatientFlag.VIP, actor=ANN).changed
    assert not desk.flag_patient(services, case, PatientFlag.VIP, actor=ANN).changed


def test_an_auditor_sees_who_it_is_for_a_reason_alone(services, case):
    with pytest.raises(NotAllowed):
        desk.dossier(services, case, actor=AUDITOR, identity=True)

    desk.state_reason(services, case, LookReason.COMPLIANCE, actor=AUDITOR)

    assert desk.dossier(services, case, actor=AUDITOR, identity=True).identity is not None
    with pytest.raises(NotAllowed):  # never what is written
        desk.dossier(services, case, actor=AUDITOR, notes=True)


def test_looks_are_shown_to_who_audits(services, case):
    with pytest.raises(NotAllowed):
        desk.list_looks(services, actor=CLERK, days=1)
    with pytest.raises(NotAllowed):
        desk.flag_patient(services, case, PatientFlag.VIP, actor=CLERK)
    nobody = somebody("nobody", without=frozenset({Right.SEE_IDENTITY, Right.SEE_IDENTITY_FOR_REASON}))
    with pytest.raises(NotAllowed):
        desk.state_reason(services, case, LookReason.LEGAL, actor=nobody)
