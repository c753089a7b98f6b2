"""Who calls is told by what is shown, and by nothing else."""

import hashlib

import pytest
from pydantic import ValidationError

from transfer.adapters.fhir import responses
from transfer.arrivals import Grant
from transfer.errors import NotAllowed, OutOfScope
from transfer.gateway.callers import Callers
from transfer.institutions import Institution, Institutions

SCOPES = ["records", "answers"]
#: stands for a certificate: only its digest is looked at, the handshake has verified the rest
OURS, THEIRS, NOBODYS = b"certificate of A", b"certificate of B", b"certificate of nobody"


def digest(shown: bytes | str) -> str:
    return hashlib.sha256(shown.encode() if isinstance(shown, str) else shown).hexdigest()


def a_token(text: str, *scopes: str) -> dict[str, object]:
    return {"sha256": digest(text), "scopes": scopes or SCOPES}


def an_institution(name: str, *tokens: dict[str, object], certificates: tuple[bytes, ...] = ()) -> Institution:
    return Institution.model_validate(
        {
            "id": name,
            "name": name,
            "time_zone": "UTC",
            "grants": SCOPES,
            "certificates": [digest(each) for each in certificates],
            "http_door": {"tokens": tokens},
        }
    )


def named(*institutions: Institution, token: str | None = None, certificate: bytes | None = None) -> str | None:
    shown = None if token is None else f"Bearer {token}"
    caller = Callers(Institutions(institutions)).named(shown, certificate)
    return caller.id if caller else None


def test_a_token_names_its_institution_and_no_other_text_names_anybody():
    known = an_institution("alder", a_token("of-a")), an_institution("birch", a_token("of-b"))

    assert named(*known, token="of-a") == "alder"
    assert named(*known, token="of-b") == "birch"
    for text in ("", "of-c", "OF-A", "of-a of-b", digest("of-a"), "of-a,of-b"):
        assert named(*known, token=text) is None
    assert named(*known) is None


def test_a_token_is_a_bearers_and_nothing_else():
    callers = Callers(Institutions([an_institution("alder", a_token("of-a"))]))

    assert callers.named("bearer of-a", None)
    for header in ("Basic of-a", "of-a", "Bearer", "", "Token of-a"):
        assert callers.named(header, None) is None


def test_old_and_new_token_are_valid_together_while_one_follows_the_other():
    known = an_institution("alder", a_token("old"), a_token("new"))

    assert (named(known, token="old"), named(known, token="new")) == ("alder", "alder")
    assert named(an_institution("alder", a_token("new")), token="old") is None


def test_who_lists_certificates_is_not_known_by_a_token_alone():
    known = an_institution("alder", a_token("of-a"), certificates=(OURS,))

    assert named(known, token="of-a") is None
    assert named(known, certificate=OURS) is None
    assert named(known, token="of-a", certificate=OURS) == "alder"


def test_who_has_no_token_is_known_by_its_certificate_and_may_do_what_it_is_granted():
    known = an_institution("alder", certificates=(OURS, b"the next one"))

    assert named(known, certificate=OURS) == named(known, certificate=b"the next one") == "alder"
    caller = Callers(Institutions([known])).named(None, OURS)
    assert caller
    assert caller.scopes == {Grant.RECORDS, Grant.ANSWERS}
    assert named(known, token="anything", certificate=OURS) is None


@pytest.mark.parametrize("certificate", [THEIRS, NOBODYS])
def test_token_and_certificate_that_do_not_name_the_same_name_nobody(certificate: bytes):
    known = (
        an_institution("alder", a_token("of-a"), certificates=(OURS,)),
        an_institution("birch", a_token("of-b"), certificates=(THEIRS,)),
        an_institution("cedar", a_token("of-c")),
    )

    assert named(*known, token="of-a", certificate=certificate) is None
    assert named(*known, token="of-c", certificate=certificate) is None


def test_an_institution_without_an_http_door_calls_nobody():
    closed = Institution(id="alder", name="A", time_zone="UTC", certificates=frozenset({digest(OURS)}))

    assert named(closed, certificate=OURS) is None


def test_a_token_may_do_less_than_its_institution():
    caller = Callers(Institutions([an_institution("alder", a_token("narrow", "answers"))])).named("Bearer narrow", None)
    assert caller

    caller.check_may(Grant.ANSWERS)
    with pytest.raises(OutOfScope) as lacks:
        caller.check_may(Grant.RECORDS)
    assert lacks.value.scope == "records"
    with pytest.raises(NotAllowed) as forbidden:
        caller.check_may(Grant.REFERRALS)
    assert not isinstance(forbidden.value, OutOfScope)


def test_too_little_scope_is_refused_with_a_code_and_the_scope_that_is_missing():
    answer = responses.refused(OutOfScope("packets"))

    assert answer.status == 403
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="packets"'
    assert b'"code":"insufficient-scope"' in answer.body
    assert b"'packets'" in answer.body


@pytest.mark.parametrize(
    "mistake",
    [
        {"tokens": [{"sha256": "of-a", "scopes": ["records"]}]},  # the token itself
        {"tokens": [{"sha256": digest("of-a"), "scopes": []}]},
        {"tokens": [{"sha256": digest("of-a"), "scopes": ["receipts"]}]},  # is not granted
        {"tokens": [{"sha256": digest("of-a")}]},
        {"tokens": []},  # and no certificate
        {"token": "of-a"},
    ],
)
def test_a_door_that_anybody_or_nobody_could_open_is_a_mistake_of_the_file(mistake: dict[str, object]):
    with pytest.raises(ValidationError) as refused:
        Institution.model_validate(
            {"id": "alder", "name": "A", "time_zone": "UTC", "grants": SCOPES, "http_door": mistake}
        )
    assert "of-a" not in str(refused.value.errors(include_input=False, include_context=False))


def test_a_token_or_a_certificate_of_two_institutions_is_a_mistake_of_their_files():
    for shared in (
        [an_institution("alder", a_token("same")), an_institution("birch", a_token("same"))],
        [an_institution("alder", certificates=(OURS,)), an_institution("birch", certificates=(OURS,))],
        [an_institution("alder", a_token("same"), a_token("same", "answers"))],
    ):
        with pytest.raises(ValueError, match="could not be told from another"):
            Institutions(shared)


def test_a_certificate_is_listed_as_openssl_prints_it():
    printed = ":".join(digest(OURS).upper()[at : at + 2] for at in range(0, 64, 2))
    known = Institution.model_validate(
        {"id": "alder", "name": "A", "time_zone": "UTC", "http_door": {}, "certificates": [printed]}
    )

    assert named(known, certificate=OURS) == "alder"
