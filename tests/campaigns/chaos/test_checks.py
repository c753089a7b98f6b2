"""The campaign's own checks find what they are there for."""

from collections import Counter
from datetime import UTC, datetime

from tests.campaigns.chaos.campaign import MANY, never_met
from tests.campaigns.chaos.checks import Fault, documents_differ
from tests.campaigns.chaos.kills import Kill, Moment, Planned, Target
from transfer.identifiers import CaseId

CASE = CaseId("c00000000001")
USUAL = Counter({("lakeside-oncology", "note"): 10, ("prairie-pathology", "report"): 1})


def test_a_case_that_lost_nine_of_ten_notes_is_found() -> None:
    (fault,) = documents_differ(CASE, USUAL - Counter({("lakeside-oncology", "note"): 9}), USUAL)

    assert (fault.kind, "9 of note" in fault.what) == ("lost", True)


def test_a_case_that_has_each_document_twice_is_found() -> None:
    assert {fault.kind for fault in documents_differ(CASE, USUAL + USUAL, USUAL)} == {"twice"}


def test_a_case_that_has_what_the_undisturbed_one_has_is_well() -> None:
    assert not [*documents_differ(CASE, USUAL.copy(), USUAL)]


def test_a_large_campaign_that_never_met_a_named_moment_proves_nothing_about_it() -> None:
    planned = [Planned(target=Target.GATEWAY, moment=moment) for moment in Moment] * MANY
    met = [Kill(target=Target.GATEWAY, moment=one, at=datetime.now(UTC)) for one in Moment if one is not Moment.RECEIPT]

    assert [*never_met(planned, met)] == [Fault("untried", "never met: a receipt was stored")]
    assert not [*never_met(planned[:10], met)]
