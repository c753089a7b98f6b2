"""Thousands of the small things a message is made of: a fuzzer's inputs are too short for what grows with a square.

Each of these took from twenty seconds to hours.
"""

import json
import time
from collections.abc import Iterator

import pytest

from tests.campaigns.fuzz.partners import LAKESIDE, PRAIRIE
from transfer import bag
from transfer.adapters.fhir import inbound
from transfer.adapters.hl7v2 import documents, objections
from transfer.errors import TooLarge
from transfer.sources import Bad
from transfer.verify import judging
from transfer.verify.nouns import FoundFile, Inventory

#: of processor time, several times what it takes
SECONDS = 20.0


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


def a_document(*attachments: str, **said: object) -> dict[str, object]:
    content = [{"attachment": {"contentType": "text/plain", "data": data}} for data in attachments]
    return {"resourceType": "DocumentReference", "status": "current", "content": content, **said}


def test_a_message_with_thousands_of_reports_and_thousands_of_notices() -> None:
    reports = b"".join(b"OBR|1||F%d|11529-5^x^LN\r" % number for number in range(5_000))
    message = b"MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5.1\rPID|1||1\r" + reports + b"ZNT|42 CFR part 2\r" * 5_000

    sent = documents(message, PRAIRIE)

    assert len(sent) == 5_000
    assert {frozenset(one.document.labels) for one in sent} == {frozenset({"42CFRPart2"})}


def test_a_bundle_with_thousands_of_documents() -> None:
    entries = [{"fullUrl": f"urn:uuid:{number}", "resource": a_document("eA==")} for number in range(5_000)]
    bundle = json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()

    assert len(inbound.pushed_documents(bundle, LAKESIDE)) == 5_000


def test_a_document_in_thousands_of_formats_with_thousands_of_numbers_is_held() -> None:
    numbers = [{"system": "urn:oid:1.2", "value": str(number)} for number in range(5_000)]
    bundle = json.dumps(a_document(*["eA=="] * 5_000, identifier=numbers)).encode()

    assert inbound.pushed_documents(bundle, LAKESIDE) == [Bad(reason="a document in more than 50 attachments")]


@pytest.mark.parametrize("damaged", [False, True], ids=["flipped", "with damaged headers"])
def test_a_packet_with_every_one_of_its_files_altered(damaged: bool) -> None:
    files = {path: FoundFile(path, 1, f"{number:064x}", damaged) for number, path in enumerate(_paths(20_000))}
    manifest = bag.manifest({path: f"f{number:063x}" for number, path in enumerate(_paths(20_000))})
    inventory = Inventory(files=files, texts={bag.PAYLOAD_MANIFEST: manifest})

    assert len(judging.judge(inventory, {}).findings) >= 20_000


def _paths(count: int) -> list[str]:
    return [f"data/{number:08d}" for number in range(count)]


def test_a_consent_with_thousands_of_people_and_numbers() -> None:
    people = [{"resourceType": "Patient", "id": f"p{n}", "birthDate": "1970-01-01"} for n in range(5_000)]
    numbers = [{"system": "urn:oid:1.2", "value": str(number)} for number in range(5_000)]
    consent = {"resourceType": "Consent", "status": "inactive", "contained": people, "identifier": numbers}

    said = inbound.said_against(json.dumps(consent).encode(), LAKESIDE, is_form=True)[0]

    assert len(said.references) == 32


def test_a_batch_with_thousands_of_consents_is_sent_in_parts() -> None:
    message = b"MSH|^~\\&|A|B|C|D|2026||MDM^T01|1|P|2.5.1\rPID|1||%d\rCON|1|001|||||||W|R\r"

    with pytest.raises(TooLarge):
        objections(b"".join(message % number for number in range(5_000)), PRAIRIE)
