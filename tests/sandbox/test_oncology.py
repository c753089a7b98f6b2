"""Lakeside answers as a FHIR R4 server does, and sends as an office does."""

import base64
import hashlib
from typing import Any

import pytest
import urllib3

from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers


def _pages(office: Any, path: str, **options: Any) -> list[dict[str, Any]]:
    found, answer = [], office.ask(path, **options)
    for _ in range(20):
        assert answer.status == 200, answer.data
        page = answer.json()
        found.append(page)
        following = [link["url"] for link in page["link"] if link["relation"] == "next"]
        if not following:
            return found
        answer = office.ask(following[0])
    raise AssertionError("pages without end")


def _matches(pages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [e["resource"] for page in pages for e in page["entry"] if e["search"]["mode"] == "match"]


def test_the_office_finds_a_patient_and_pages_through_the_documents(start: Any) -> None:
    office, chart = start("oncology"), draw_chart()
    office.control("patients", chart)
    number = chart["numbers"]["lakeside-oncology"]
    fields = {"identifier": f"{number['system']}|{number['value']}"}

    [patient] = _matches(_pages(office, "/fhir/Patient/_search", method="POST", fields=fields, encode_multipart=False))
    pages = _pages(office, f"/fhir/DocumentReference?patient={patient['id']}")

    assert patient["birthDate"] == chart["patient"]["birth_date"]
    assert len(pages) == 2
    assert pages[0]["total"] == len(_matches(pages)) == 7
    codes = {r["type"]["coding"][0]["code"] for r in _matches(pages)}
    assert codes == {"11488-4", "11506-3", "11504-8", "28570-0", "TXSUM", "PROM7", "11526-1"}


def test_a_report_is_exposed_twice_with_one_attachment_url(start: Any) -> None:
    office, chart = start("oncology"), draw_chart()
    office.control("patients", chart)
    patient = chart["fhir_id"]

    [reference] = _matches(_pages(office, f"/fhir/DocumentReference?patient={patient}&type=http://loinc.org|11526-1"))
    [report] = _matches(_pages(office, f"/fhir/DiagnosticReport?patient={patient}&category=http://loinc.org|LP7839-6"))
    attachment = report["presentedForm"][0]
    content = office.ask(attachment["url"])

    assert attachment["url"] == reference["content"][0]["attachment"]["url"]
    assert content.headers["Content-Type"] == "application/pdf"
    assert attachment["size"] == len(content.data)
    assert base64.b64decode(attachment["hash"]) == hashlib.sha1(content.data, usedforsecurity=False).digest()
    as_resource = office.ask(attachment["url"], headers={"Accept": "application/fhir+json"}).json()
    assert base64.b64decode(as_resource["data"]) == content.data


def test_some_documents_come_inline_and_some_by_a_relative_url(start: Any) -> None:
    office, chart = start("oncology"), draw_chart()
    office.control("patients", chart)
    office.control("behaviour", {"page_size": 50})

    [page] = _pages(office, f"/fhir/DocumentReference?patient=Patient/{chart['fhir_id']}")
    attachments = {r["type"]["coding"][0]["code"]: r["content"][0]["attachment"] for r in _matches([page])}

    assert base64.b64decode(attachments["11506-3"]["data"]).startswith(b"%PDF")
    assert attachments["11504-8"]["url"].startswith("Binary/")
    assert office.ask("/fhir/" + attachments["11504-8"]["url"]).data.startswith(b"<?xml")


def test_a_page_that_was_left_too_long_is_gone(start: Any) -> None:
    office = start("oncology")
    office.control("behaviour", {"page_seconds": 0, "page_size": 1})

    first = office.ask("/fhir/DocumentReference").json()
    following = next(link["url"] for link in first["link"] if link["relation"] == "next")

    assert office.ask(following).status == 410


def test_unknown_parameters_are_refused_and_commas_are_alternatives(start: Any) -> None:
    office, chart = start("oncology"), draw_chart()
    office.control("patients", chart)

    assert office.ask("/fhir/DocumentReference?nonsense=1").status == 400
    both = _matches(_pages(office, f"/fhir/DocumentReference?patient={chart['fhir_id']}&type=11488-4,11504-8"))
    assert len(both) == 2
    later = f"/fhir/DocumentReference?patient={chart['fhir_id']}&date=ge{chart['course']['progress']}"
    assert {r["type"]["coding"][0]["code"] for r in _matches(_pages(office, later))} == {"11506-3", "TXSUM", "PROM7"}


@pytest.mark.parametrize(("answer", "status"), [("forbidden", 403), ("error-503", 503), ("empty", 200)])
def test_each_kind_of_failure_can_be_told_apart(start: Any, answer: str, status: int) -> None:
    office, chart = start("oncology"), draw_chart()
    office.control("patients", chart)
    office.control("behaviour", {"answer": answer, "retry_after": 3})

    told = office.ask(f"/fhir/DocumentReference?patient={chart['fhir_id']}")

    assert told.status == status
    assert told.headers.get("Retry-After") == ("3" if status == 503 else None)
    if status == 200:
        assert told.json()["total"] == 0


def test_silence_accepts_and_never_answers(start: Any) -> None:
    office = start("oncology")
    office.control("behaviour", {"answer": "silent"})

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        office.ask("/fhir/Patient", timeout=urllib3.Timeout(connect=2, read=1))
    assert office.control("access-log")[-1]["status"] is None


def test_no_records_is_said_about_our_request(start: Any, gateway: Any) -> None:
    office = start("oncology", gateway_url=gateway.url)
    office.control("behaviour", {"answer": "no-records", "request": "q123"})

    [(path, token, task)] = gateway.posted

    assert (path, token) == ("/fhir/Task", "Bearer shown-token")
    assert task["status"] == "rejected"
    assert task["focus"]["identifier"] == {"system": "urn:records-transfer:request", "value": "q123"}
    assert task["statusReason"]["coding"][0]["code"] == "no-records"
    assert office.ask("/fhir/Patient").json()["total"] == 0


def test_form_referral_and_revocation_reach_the_gateway(start: Any, gateway: Any) -> None:
    office, chart = start("oncology", gateway_url=gateway.url), draw_chart()
    office.control("patients", chart)

    said = office.control("send-release-form", {"chart": chart["id"]})
    office.control("send-referral", {"chart": chart["id"]})
    office.control("revoke", {"chart": chart["id"]})

    assert said["status"] == 201
    [form, referral, revocation] = [body for _, _, body in gateway.posted]
    assert base64.b64decode(form["sourceAttachment"]["data"]).startswith(b"%PDF")
    kinds = [entry["resource"]["resourceType"] for entry in referral["entry"]]
    assert kinds == ["Patient", "ServiceRequest", "Task"]
    assert (form["identifier"], form["status"]) == (revocation["identifier"], "active")
    assert revocation["status"] == "inactive"


def test_without_the_token_nothing_is_read_and_the_attempt_is_logged(start: Any) -> None:
    office = start("oncology")

    assert office.ask("/fhir/Patient", headers={"Authorization": "Bearer wrong"}).status == 401
    assert office.ask("/fhir/metadata", headers={"Authorization": ""}).json()["fhirVersion"] == "4.0.1"
    assert [(e["path"], e["status"]) for e in office.control("access-log")] == [
        ("/fhir/Patient", 401),
        ("/fhir/metadata", 200),
    ]


def test_the_access_log_keeps_names_of_parameters_and_the_query(start: Any) -> None:
    office = start("oncology")

    office.ask("/fhir/Patient/_search", method="POST", fields={"family": "Muñoz"}, encode_multipart=False)

    [entry] = office.control("access-log")
    assert entry["parameters"] == ["family"]
    assert entry["query"] == [["family", "Muñoz"]]
