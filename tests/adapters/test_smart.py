"""SMART Backend Services against a server that takes nothing but what the standard says: signature, aud, iss and sub, a
jti once, an end within five minutes, keys that it looks up itself.
"""

import json
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from pydantic import ValidationError

from tests.kit.scripted_fhir import LAKESIDE, WHO, Asked, Office, Said, an_office
from transfer import wiring
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.http import HttpClient, HttpLimits
from transfer.adapters.smart import SmartKeys, SmartTokens
from transfer.cli.fault_commands import remedy_line
from transfer.credentials import SmartClient
from transfer.errors import OutOfOrder, TurnedAway, Unexpected, Unknown
from transfer.flow.trying_doors import try_doors
from transfer.institutions import FhirSource, Institution
from transfer.operation import DoorStep, FaultCode, faults_of_doors
from transfer.remedies import RemedyCode
from transfer.sources import go_on

pytestmark = pytest.mark.servers

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
CLIENT = SmartClient(client_id="records-transfer-1")
EMPTY = json.dumps({"resourceType": "Bundle", "type": "searchset"}).encode()


@dataclass
class Strict:
    """What a strict server does. It looks our keys up each time, as one whose cache has ended."""

    keys: SmartKeys
    office: Office
    seconds: object = 300
    refuses_first: bool = False
    endpoint: str = "/token"
    used: set[str] = field(default_factory=set)
    given: list[str] = field(default_factory=list)
    ended: set[str] = field(default_factory=set)
    why: str = ""

    def answer(self, asked: Asked) -> Said:
        if asked.path.endswith("/.well-known/smart-configuration"):
            return said({"token_endpoint": f"{self.office.url}{self.endpoint}"})
        if asked.path == "/token":
            self.why = self._fault(asked)
            return said({"error": "invalid_client"}, 400) if self.why else self._give()
        shown = asked.headers.get("Authorization", "").removeprefix("Bearer ")
        if shown not in self.given or shown in self.ended:
            return said({"resourceType": "OperationOutcome"}, 401)
        return Said(body=EMPTY)

    def _give(self) -> Said:
        self.given.append(f"token-{len(self.given) + 1}")
        return said({"access_token": self.given[-1], "token_type": "bearer", "expires_in": self.seconds})

    def _fault(self, asked: Asked) -> str:
        """SMART App Launch 2.0, authenticating to the token endpoint; RFC 7523 section 3."""
        one = {name: values[0] for name, values in asked.form.items()}
        if asked.method != "POST" or one.get("grant_type") != "client_credentials" or not one.get("scope"):
            return "grant"
        if one.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
            return "type"
        try:
            found = jwt.decode(
                one["client_assertion"], KeySet.import_key_set(dict(self.keys.jwks())), algorithms=["ES384", "RS384"]
            )
        except ValueError:
            return "signature"
        claims, now = found.claims, time.time()
        if found.header.get("typ") != "JWT" or "kid" not in found.header:
            return "header"
        if claims["aud"] != f"{self.office.url}/token":
            return "aud"
        if not claims["iss"] == claims["sub"] == CLIENT.client_id:
            return "iss"
        if not now < claims["exp"] <= now + 300:
            return "exp"
        if claims["jti"] in self.used:
            return "jti"
        self.used.add(claims["jti"])
        return ""


def said(tree: dict[str, Any], status: int = 200) -> Said:
    return Said(status=status, body=json.dumps(tree).encode(), content_type="application/json")


@pytest.fixture
def keys(tmp_path: Path) -> SmartKeys:
    found = SmartKeys(tmp_path / "smart")
    found.make("ES384", NOW)
    return found


@pytest.fixture
def strict(keys: SmartKeys) -> Iterator[Strict]:
    with an_office(lambda _: None) as office:
        server = Strict(keys, office)
        office.answers = server.answer
        yield server


def source(strict: Strict, **more: object) -> FhirSource:
    smart = {"client_id": CLIENT.client_id, **more}
    return FhirSource.model_validate({"by": "fhir", "base_url": strict.office.base, "smart": smart})


def ask(strict: Strict, **more: object) -> None:
    """As a task asks: a client of its own, by what the process has."""
    client = wiring.documents(source(strict, **more), strict.keys)
    assert isinstance(client, FhirSourceClient)
    assert client.find_patient(WHO, LAKESIDE) is None
    client.close()


def tokens(strict: Strict, now: Callable[[], datetime] = lambda: datetime.now(UTC), **more: Any) -> SmartTokens:
    client = SmartClient.model_validate({"client_id": CLIENT.client_id, **more})

    def connect(url: str, limits: HttpLimits) -> HttpClient:
        return HttpClient(url, None, limits)

    return SmartTokens(strict.office.base, client, strict.keys, connect, now)


@pytest.mark.parametrize("algorithm", ["ES384", "RS384"])
def test_a_strict_server_gives_a_token_and_it_is_shown(tmp_path: Path, algorithm: str):
    keys = SmartKeys(tmp_path / "keys")
    keys.make(algorithm, NOW)
    with an_office(lambda _: None) as office:
        server = Strict(keys, office)
        office.answers = server.answer
        ask(server)
        assert (server.why, server.given) == ("", ["token-1"])
        assert {one.headers.get("Authorization") for one in office.asked if "/fhir/Patient" in one.path} == {
            "Bearer token-1"
        }


def test_a_token_serves_every_task_of_a_process_until_it_ends(strict: Strict):
    for _ in range(3):
        ask(strict)

    assert strict.given == ["token-1"]
    assert len([one for one in strict.office.asked if "smart-configuration" in one.path]) == 1


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_token_that_has_ended_is_not_shown(strict: Strict, seconds: float):
    strict.seconds = seconds
    held = tokens(strict)

    assert [held.header(go_on), held.header(go_on)] == ["Bearer token-1", "Bearer token-2"]


@pytest.mark.parametrize("seconds", [None, "soon", True, 10**9, 10**400])
def test_an_end_that_is_not_told_or_far_away_is_taken_as_one_of_minutes(strict: Strict, seconds: object):
    strict.seconds = seconds
    held = tokens(strict)

    assert [held.header(go_on), held.header(go_on)] == ["Bearer token-1"] * 2


def test_a_401_gets_one_new_token_and_the_request_is_sent_again(strict: Strict):
    ask(strict)
    strict.ended = {"token-1"}
    ask(strict)

    assert strict.given == ["token-1", "token-2"]


def test_a_second_401_is_told(strict: Strict):
    strict.ended = {f"token-{n}" for n in range(1, 9)}

    with pytest.raises(TurnedAway):
        ask(strict)
    assert strict.given == ["token-1", "token-2"]


def test_each_assertion_is_another(strict: Strict):
    held = tokens(strict)
    for _ in range(3):
        held.forget(held.header(go_on))

    assert len(strict.used) == 3
    assert strict.why == ""


def test_a_clock_of_ours_that_is_wrong_is_turned_away(strict: Strict):
    held = tokens(strict, now=lambda: datetime.now(UTC) + timedelta(hours=1))

    with pytest.raises(TurnedAway):
        held.header(go_on)
    assert strict.why == "exp"


def test_an_address_in_the_file_needs_no_configuration(strict: Strict):
    held = tokens(strict, token_url=f"{strict.office.url}/token")

    assert held.header(go_on) == "Bearer token-1"
    assert [one.path for one in strict.office.asked] == ["/token"]


def test_a_token_endpoint_in_plain_text_elsewhere_is_not_used(strict: Strict):
    strict.office.answers = lambda _: said({"token_endpoint": "http://elsewhere.example/token"})

    with pytest.raises(Unexpected, match="https"):
        tokens(strict).header(go_on)


@pytest.mark.parametrize(
    "answer",
    [
        Said(body=b"[]"),
        Said(body=b"{"),
        Said(body=b"[" * 100_000),
        said({}),
        said({"access_token": "a\r\nX-Injected: b", "token_type": "bearer"}),
        said({"access_token": "a" * (17 << 10), "token_type": "bearer"}),
        said({"access_token": "a", "token_type": "mac"}),
        said({"access_token": 3, "token_type": "bearer"}),
    ],
    ids=["list", "no-json", "deep", "empty", "injected", "long", "mac", "number"],
)
def test_what_is_no_token_is_not_shown(strict: Strict, answer: Said):
    strict.office.answers = lambda asked: answer if asked.path == "/token" else strict.answer(asked)

    with pytest.raises(Unexpected):
        tokens(strict).header(go_on)


# --- keys -------------------------------------------------------------------------------------------------------------


def test_a_new_key_is_published_at_once_and_signs_after_a_day(keys: SmartKeys):
    (old,) = keys.all()
    new = keys.make("RS384", NOW + timedelta(days=30))

    assert {one["kid"] for one in keys.jwks()["keys"]} == {old.kid, new.kid}
    assert keys.signing(NOW + timedelta(days=30)).kid == old.kid
    assert keys.signing(NOW + timedelta(days=31)).kid == new.kid


def test_the_first_key_signs_at_once(keys: SmartKeys):
    assert keys.signing(NOW).kid == keys.all()[0].kid


def test_tokens_come_through_a_change_of_keys(strict: Strict):
    held = tokens(strict)
    old = strict.keys.all()[0]
    new = strict.keys.make("ES384", datetime.now(UTC) - timedelta(days=2))
    held.forget(held.header(go_on))
    strict.keys.retire(old.kid)
    held.header(go_on)

    assert strict.why == ""
    assert [one.kid for one in strict.keys.all()] == [new.kid]


def test_what_is_published_has_no_private_part(keys: SmartKeys):
    keys.make("RS384", NOW + timedelta(days=1))

    published = keys.jwks()["keys"]

    assert len(published) == 2
    for one in published:
        assert not {"d", "p", "q", "dp", "dq", "qi"} & set(one)
        assert one["use"] == "sig"


def test_keys_are_for_their_owner_alone(keys: SmartKeys):
    (one,) = keys.all()
    assert stat.S_IMODE(one.path.stat().st_mode) == 0o600

    one.path.chmod(0o640)
    with pytest.raises(OutOfOrder, match="chmod 600"):
        keys.all()


def test_without_a_key_it_says_how_one_is_made(tmp_path: Path):
    with pytest.raises(OutOfOrder) as missing:
        SmartKeys(tmp_path / "nothing").signing(NOW)

    assert missing.value.remedy.code is RemedyCode.MAKE_SMART_KEY


def test_a_key_whose_name_is_no_time_is_told(keys: SmartKeys):
    path = keys.all()[0].path
    path.rename(path.with_name("20269999T000000Z.pem"))

    with pytest.raises(OutOfOrder, match="named by when"):
        keys.all()


def test_a_file_that_is_no_key_is_told(keys: SmartKeys):
    path = keys.all()[0].path
    path.write_text("-----BEGIN NOTHING-----\n")

    with pytest.raises(OutOfOrder, match="no private key"):
        keys.all()


@pytest.mark.parametrize("scopes", ["", "system/*.read, openid", 'system/"a"', "system/*.read  b", "system/*.read\tb"])
def test_scopes_are_words_with_a_space_between_two(scopes: str):
    with pytest.raises(ValidationError, match="one space between"):
        SmartClient(client_id="us", scopes=scopes)
    assert SmartClient(client_id="us", scopes="system/*.read system/Patient.rs?_id=1").scopes


def test_a_key_that_is_not_there_is_not_retired(keys: SmartKeys):
    with pytest.raises(Unknown):
        keys.retire("nobody")


def test_a_source_takes_a_token_or_smart():
    said = {"by": "fhir", "base_url": "https://there.example/fhir", "smart": {"client_id": "us"}}

    assert FhirSource.model_validate(said).smart
    with pytest.raises(ValidationError):
        FhirSource.model_validate({**said, "token": "t"})
    with pytest.raises(ValidationError):
        FhirSource.model_validate({**said, "smart": {"client_id": "us", "token_url": "there.example"}})


def test_trying_the_door_shows_a_token_that_it_got(strict: Strict):
    """Else a source that gives tokens would look as if it refused us."""
    file = {"id": "lake", "name": "Lake", "time_zone": "UTC"}
    office = {"id": "office", "name": "Office", "holds": ["note"], "asked": source(strict).model_dump(mode="json")}
    lake = Institution.model_validate({**file, "departments": [office]})

    (tried,) = try_doors([lake], lambda asked: wiring.shown_at(asked, strict.keys))
    assert (tried.failed, strict.given) == (None, ["token-1"])


def test_trying_the_door_without_a_key_of_ours_says_that_one_is_to_be_made(strict: Strict, tmp_path: Path):
    file = {"id": "lake", "name": "Lake", "time_zone": "UTC"}
    office = {"id": "office", "name": "Office", "holds": ["note"], "asked": source(strict).model_dump(mode="json")}
    lake = Institution.model_validate({**file, "departments": [office]})

    (tried,) = try_doors([lake], lambda asked: wiring.shown_at(asked, SmartKeys(tmp_path / "none")))
    (fault,) = faults_of_doors([tried], NOW)
    assert (tried.failed, fault.code) == (DoorStep.KEY, FaultCode.DOOR_KEY)
    assert "transfer keys smart --new" in remedy_line(fault)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"error": "invalid_scope", "error_description": "s3cr3t"}, "no token: HTTP 400, invalid_scope"),
        ({"error": "s3cr3t"}, "no token: HTTP 400"),
        ({"error": ["invalid_scope"]}, "no token: HTTP 400"),
        ([], "no token: HTTP 400"),
    ],
)
def test_why_there_is_no_token_is_said_in_the_words_of_the_standard(strict: Strict, body: object, why: str):
    def refuses(asked: Asked) -> Said:
        if asked.path == "/token":
            return Said(400, json.dumps(body).encode(), "application/json")
        return strict.answer(asked)

    strict.office.answers = refuses
    with pytest.raises(TurnedAway) as caught:
        ask(strict)

    assert str(caught.value) == why
