"""What facts say of a patient's permissions, also where two patients were taken for one."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from transfer import facts
from transfer.facts import GENESIS, Chain, Fact, LedgerLine, Origin, write
from transfer.identifiers import InstitutionId, PatientId, PermissionId
from transfer.permissions import Dispute, End
from transfer.permissions.trail import PermissionTrail, fold, partners

ANA, BEA, CEM = PatientId("p" + "a" * 15), PatientId("p" + "b" * 15), PatientId("p" + "c" * 15)
NINE = datetime(2026, 3, 1, 9, tzinfo=UTC)


class Chains:
    """Chains that grow by the minute; a fact may stand in several."""

    def __init__(self) -> None:
        self.now = NINE
        self.lines: dict[PatientId, list[LedgerLine]] = {ANA: [], BEA: [], CEM: []}

    def tell(self, fact: Fact, *patients: PatientId) -> "Chains":
        self.now += timedelta(minutes=1)
        for patient in patients:
            lines = self.lines[patient]
            by = Origin(process="test")
            lines.append(write(Chain.patient(patient), len(lines) + 1, self.now, by, fact, GENESIS))
        return self

    def merge(self, absorbed: PatientId, kept: PatientId) -> "Chains":
        return self.tell(facts.PatientsMerged(absorbed=absorbed, kept=kept, hold="h"), absorbed, kept)

    def split(self, absorbed: PatientId, kept: PatientId) -> "Chains":
        return self.tell(facts.PatientsSplit(absorbed=absorbed, kept=kept), absorbed, kept)

    def of(self, patient: PatientId) -> PermissionTrail:
        return fold(patient, self.lines)

    def forms(self, patient: PatientId) -> set[str]:
        return {str(name) for name in self.of(patient).forms}


def form(letter: str) -> str:
    return "m" + letter * 15


def filed(letter: str) -> Fact:
    return facts.PermissionFiled(permission=form(letter), arrival="r", form=letter * 64)


def ended(letter: str, how: End) -> Fact:
    return facts.PermissionEnded(permission=form(letter), end=how)


@pytest.fixture
def chains() -> Chains:
    return Chains().tell(filed("a"), ANA).tell(filed("b"), BEA).tell(filed("c"), CEM)


def test_the_last_word_on_a_form_counts(chains: Chains):
    chains.tell(ended("a", End.PAUSED), ANA)
    assert chains.of(ANA).ends == {form("a"): End.PAUSED}

    chains.tell(facts.PermissionResumed(permission=form("a")), ANA)
    assert chains.of(ANA).ends == {}

    chains.tell(ended("a", End.REVOKED), ANA)
    assert chains.of(ANA).ends == {form("a"): End.REVOKED}


def test_a_form_that_is_stored_anew_has_the_hmac_of_its_last_fact(chains: Chains):
    chains.tell(facts.PermissionFiled(permission=form("a"), arrival="r", form="9" * 64), ANA)

    (found,) = chains.of(ANA).forms.values()
    assert (found.hmac, found.patient) == ("9" * 64, ANA)


def test_the_kept_patient_has_the_forms_of_both_and_each_its_own_key(chains: Chains):
    chains.merge(BEA, ANA)

    assert chains.forms(ANA) == {form("a"), form("b")}
    assert chains.forms(BEA) == set()
    assert {found.patient for found in chains.of(ANA).forms.values()} == {ANA, BEA}


def test_taken_apart_each_has_its_own_and_how_it_ended_meanwhile(chains: Chains):
    chains.merge(BEA, ANA).tell(ended("b", End.REVOKED), ANA).tell(filed("d"), ANA).split(BEA, ANA)

    assert chains.forms(ANA) == {form("a"), form("d")}
    assert chains.of(ANA).ends == {}
    assert chains.forms(BEA) == {form("b")}
    assert chains.of(BEA).ends == {form("b"): End.REVOKED}


def test_who_was_merged_into_one_who_is_merged_again_goes_along(chains: Chains):
    chains.merge(CEM, BEA).merge(BEA, ANA)

    assert chains.forms(ANA) == {form("a"), form("b"), form("c")}
    chains.split(BEA, ANA)
    assert chains.forms(BEA) == {form("b"), form("c")}


def test_a_clock_that_goes_back_changes_no_order_within_a_chain(chains: Chains):
    chains.tell(ended("a", End.PAUSED), ANA)
    chains.now = NINE - timedelta(days=1)
    chains.tell(facts.PermissionResumed(permission=form("a")), ANA)

    assert chains.of(ANA).ends == {}


def test_the_chains_that_are_needed_are_those_of_all_who_were_ever_merged(chains: Chains):
    def of(patient: PatientId) -> Sequence[LedgerLine]:
        return chains.lines[patient]

    assert partners(of(ANA)) == set()
    chains.merge(BEA, ANA).split(BEA, ANA)
    assert partners(of(ANA)) == {ANA, BEA} == partners(of(BEA))


def test_an_emergency_is_the_ones_for_whom_it_was_declared(chains: Chains):
    chains.tell(facts.EmergencyDeclared(discloser="mercy", recipient="summit", clinician="n"), BEA).merge(BEA, ANA)

    assert not chains.of(ANA).emergencies
    (found,) = chains.of(BEA).emergencies
    assert found.declared_by == "n"


def test_nobody_is_merged_in_a_circle(chains: Chains):
    """Whatever stands in the chains, the answer comes."""
    chains.merge(BEA, ANA).merge(ANA, BEA)

    assert {PermissionId(form("a"))} >= chains.of(ANA).forms.keys() & {PermissionId(form("a"))}


def test_disputes_and_emergencies_are_the_patients_own_and_the_last_between_two_counts(chains: Chains):
    arrival = "a" * 16
    chains.tell(facts.DisputeEntered(permission=form("a"), arrival=arrival, dispute=Dispute.FALSE), ANA)
    chains.tell(facts.DisputeEntered(permission=form("a"), arrival=arrival, dispute=Dispute.COMPOUND), ANA)
    chains.tell(facts.DisputeWithdrawn(permission=form("a"), arrival=arrival, dispute=Dispute.COMPOUND), ANA)
    declared = facts.EmergencyDeclared(discloser="lakeside", recipient="summit", clinician="c1")
    chains.tell(declared, ANA).tell(declared, ANA).tell(declared, ANA)

    found = chains.of(ANA)
    assert found.disputes == {arrival: {Dispute.FALSE}}
    last = found.emergency(InstitutionId("lakeside"), InstitutionId("summit"))
    assert last
    assert (last.discloser, last.recipient, last.declared_by, last.declared_at) == (
        "lakeside",
        "summit",
        "c1",
        chains.now,
    )
    assert found.emergency(InstitutionId("prairie"), InstitutionId("summit")) is None
    assert found.emergency(InstitutionId("lakeside"), InstitutionId("prairie")) is None
    assert chains.of(BEA).emergencies == ()


def test_a_form_that_goes_on_without_having_ended_breaks_nothing(chains: Chains):
    chains.tell(facts.PermissionResumed(permission=form("a")), ANA)

    assert chains.of(ANA).ends == {}
    assert chains.forms(ANA) == {form("a")}


def test_lines_of_several_chains_stand_in_the_order_of_their_times(chains: Chains):
    chains.merge(ANA, BEA).tell(ended("a", End.PAUSED), BEA).split(ANA, BEA)
    chains.tell(facts.PermissionResumed(permission=form("a")), ANA)

    assert chains.of(ANA).ends == {}
    # whichever of the chains is given first
    assert fold(ANA, dict(reversed([*chains.lines.items()]))).ends == {}


def test_a_circle_of_three_has_an_end(chains: Chains):
    """Facts that say so are wrong; a ruling that never ends would be worse."""
    chains.merge(ANA, BEA).merge(BEA, CEM).merge(CEM, BEA)

    assert chains.forms(BEA) | chains.forms(CEM) == {form("a"), form("b"), form("c")}
