"""What a source says by Task: each code its own answer, and nothing but *no records* is absence."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit import builders as b
from transfer import institutions
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.codes import NPI, REASON, REQUEST
from transfer.errors import Unexpected
from transfer.requests import RequestAnswer as A
from transfer.source_answers import AnswerToRequest, Fee

ALL = institutions.load(Path(__file__).parents[2] / "institutions", b.NAMES)
PRAIRIE = ALL[b.PRAIRIE]
STATUSES = (
    *("draft", "requested", "received", "accepted", "rejected", "ready", "cancelled", "in-progress"),
    *("on-hold", "failed", "completed", "entered-in-error"),
)


def a_task(status, reason=None, *, business=None, **more):
    """A Task about a request of ours; `reason` and `business` are codes of ours."""
    task = {
        "resourceType": "Task",
        "status": status,
        "intent": "order",
        "focus": {"identifier": {"system": REQUEST, "value": "q1"}},
        **more,
    }
    for name, code in (("statusReason", reason), ("businessStatus", business)):
        if code:
            task[name] = {"coding": [{"system": REASON, "code": code}]}
    return task


def read(task) -> AnswerToRequest:
    return inbound.request_answer(json.dumps(task).encode(), PRAIRIE, ALL)


@pytest.mark.parametrize(
    ("status", "code", "answer", "reason"),
    [
        ("rejected", "no-records", A.NO_RECORDS, "no-records"),
        ("rejected", "destroyed", A.NO_RECORDS, "destroyed"),
        ("failed", "not-found", A.NOT_FOUND, None),
        ("rejected", "form-required", A.FORM_REQUIRED, None),
        ("on-hold", "form-required", A.FORM_REQUIRED, None),
        ("rejected", "fee-required", A.FEE_REQUIRED, None),
        ("on-hold", "identifier-required", A.IDENTIFIER_REQUIRED, None),
        ("rejected", "signature-missing", A.AUTHORIZATION_NOT_ACCEPTED, "signature-missing"),
        ("rejected", "authorization-not-accepted", A.AUTHORIZATION_NOT_ACCEPTED, None),
        ("rejected", "held-elsewhere", A.HELD_ELSEWHERE, None),
        ("completed", "already-sent", A.ALREADY_SENT, None),
        ("rejected", "policy", A.REFUSED, "policy"),
        ("rejected", "refused", A.REFUSED, None),
        ("in-progress", "not-signed", A.NOT_SIGNED, None),
        ("in-progress", "ready-on", A.READY_ON, None),
        ("in-progress", "rest-follows", A.REST_FOLLOWS, None),
        ("completed", "partial", A.REST_FOLLOWS, None),
        ("Rejected".lower(), "FEE-REQUIRED", A.FEE_REQUIRED, None),
    ],
)
@pytest.mark.parametrize("element", ["statusReason", "businessStatus"])
def test_each_code_is_its_own_answer(status, code, answer, reason, element):
    task = a_task(status, **({"reason": code} if element == "statusReason" else {"business": code}))

    assert (read(task).said.answer, read(task).said.reason) == (answer, reason)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        ("received", A.IN_PROGRESS),
        ("accepted", A.IN_PROGRESS),
        ("in-progress", A.IN_PROGRESS),
        ("ready", A.IN_PROGRESS),
        ("completed", A.COMPLETED),
        ("rejected", A.REFUSED),
        ("failed", A.UNCLEAR),
        ("on-hold", A.UNCLEAR),
        ("cancelled", A.UNCLEAR),
        ("entered-in-error", A.UNCLEAR),
    ],
)
def test_a_state_without_a_code_is_never_absence(status, answer):
    assert read(a_task(status)).said.answer is answer


@pytest.mark.parametrize("status", ["draft", "requested"])
def test_a_task_that_reached_nobody_says_nothing(status):
    with pytest.raises(Unexpected):
        read(a_task(status))


@pytest.mark.parametrize("status", ["rejected", "in-progress", "on-hold", "completed", "failed"])
def test_a_code_that_is_not_ours_is_a_persons_and_its_words_are_kept(status):
    concept = {"coding": [{"system": "urn:theirs", "code": "no-records", "display": "See desk 4"}], "text": "ask Jo"}
    said = read(a_task(status, statusReason=concept, note=[{"authorString": "Jo Field", "text": "call before 3"}])).said

    assert said.answer is A.UNCLEAR
    assert said.by.person == "Jo Field"
    assert said.by.words == "no-records See desk 4\nask Jo\ncall before 3"


def test_one_known_coding_of_a_concept_is_enough():
    concept = {"coding": [{"system": "urn:theirs", "code": "X7"}, {"system": REASON, "code": "fee-required"}]}

    assert read(a_task("on-hold", statusReason=concept)).said.answer is A.FEE_REQUIRED


@pytest.mark.parametrize(
    ("status", "reason", "business"),
    [
        ("in-progress", "no-records", None),
        ("accepted", "refused", None),
        ("on-hold", "not-found", None),
        ("rejected", "in-progress", None),
        ("rejected", "fee-required", "form-required"),
        ("rejected", "no-records", "held-elsewhere"),
        ("cancelled", "no-records", None),
    ],
)
def test_what_contradicts_itself_is_a_persons(status, reason, business):
    assert read(a_task(status, reason, business=business)).said.answer is A.UNCLEAR


def test_beside_a_fee_its_progress_says_nothing():
    assert read(a_task("in-progress", "fee-required", business="in-progress")).said.answer is A.FEE_REQUIRED


def test_a_fee_has_its_amount_and_their_number():
    money = {"type": {"text": "fee"}, "valueMoney": {"value": 12.5, "currency": "USD"}}
    heard = read(
        a_task("on-hold", "fee-required", output=[money], identifier=[{"system": "urn:theirs", "value": "R-7"}])
    )

    assert heard.said.fee == Fee(amount=Decimal("12.5"), currency="USD")
    assert heard.said.by.reference == "R-7"


@pytest.mark.parametrize("money", [{"value": -1, "currency": "USD"}, {"value": 1e300, "currency": "USD"}, {"value": 5}])
def test_what_is_no_money_is_left_to_the_words(money):
    assert (
        read(a_task("on-hold", "fee-required", output=[{"type": {"text": "f"}, "valueMoney": money}])).said.fee is None
    )


@pytest.mark.parametrize(
    "when",
    [
        {"executionPeriod": {"end": "2026-12-04"}},
        {"executionPeriod": {"end": "2026-12-05T03:00:00Z"}},  # the evening before, in Prairie
        {"output": [{"type": {"text": "ready"}, "valueDate": "2026-12-04"}]},
    ],
)
def test_the_day_they_name_is_a_day_where_they_are(when):
    assert read(a_task("in-progress", business="ready-on", **when)).said.day == date(2026, 12, 4)


def test_ready_friday_in_words_is_kept():
    said = read(a_task("in-progress", businessStatus={"text": "ready Friday"})).said

    assert (said.answer, said.by.words) == (A.IN_PROGRESS, "ready Friday")


def test_who_holds_it_is_known_by_number_or_kept_in_words():
    number = {"identifier": {"system": NPI, "value": "2990000038"}, "display": "Mercy"}
    known, stranger = (
        read(a_task("rejected", "held-elsewhere", output=[{"type": {"text": "at"}, "valueReference": where}])).said
        for where in ({**number, "identifier": number_of(b.MERCY)}, {"display": "General of Elsewhere"})
    )

    assert (known.elsewhere, known.by.words) == (b.MERCY, "Mercy")
    assert (stranger.elsewhere, stranger.by.words) == (None, "General of Elsewhere")


def number_of(institution):
    known = ALL[institution].identifiers[0]
    return {"system": known.system, "value": known.value}


def test_when_it_was_written_is_told():
    assert read(a_task("rejected", lastModified="2026-11-20T10:00:00-06:00")).said_at == datetime(
        2026, 11, 20, 16, tzinfo=UTC
    )


def test_progress_within_one_state_is_news_and_the_same_bytes_are_not():
    first, second, again = (
        inbound.sort(json.dumps(a_task("in-progress", businessStatus={"text": words})).encode())
        for words in ("pulled", "copied", "copied")
    )

    assert first.key != second.key == again.key


@given(
    st.sampled_from(STATUSES),
    st.none() | st.text(max_size=12) | st.sampled_from([str(one) for one in A]),
    st.none() | st.text(max_size=12) | st.sampled_from([str(one) for one in A]),
    st.lists(
        st.fixed_dictionaries({"type": st.just({"text": "x"}), "valueString": st.text(max_size=3000)}), max_size=3
    ),
)
def test_only_the_coded_word_of_an_ended_task_is_absence(status, reason, business, output):
    try:
        said = read(a_task(status, reason, business=business, output=output)).said
    except Exception as error:  # noqa: BLE001
        assert type(error).__module__ == "transfer.errors", error
        return
    if said.answer is A.NO_RECORDS:
        assert status in ("rejected", "failed", "completed")
        assert {"no-records", "destroyed"} & {(reason or "").lower().strip(), (business or "").lower().strip()}
