"""A record's day is kept as its source says it: 11 January, 19:01 in New York, is another day in UTC."""

from datetime import UTC, datetime

import pytest

from transfer.adapters.dicom.found import study_found
from transfer.adapters.fhir.documents import describe
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.hl7v2.documents import documents
from transfer.flow.imaging import _about
from transfer.institutions import Institution
from transfer.ledger.records import About
from transfer.partial_dates import PartialDate
from transfer.patients import Demographics

NEW_YORK = Institution(id="mercy", name="Mercy", time_zone="America/New_York")
DAY, IN_UTC = PartialDate(2013, 1, 11), datetime(2013, 1, 12, 0, 1, tzinfo=UTC)


def reference(**said):
    return {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"data": "QQ=="}}],
        **said,
    }


@pytest.mark.parametrize(
    ("said", "day", "at"),
    [
        ({"date": "2013-01-11T19:01:00-05:00"}, DAY, IN_UTC),
        ({"context": {"period": {"start": "2013-01-11T19:01:00"}}, "date": "2020-01-01"}, DAY, IN_UTC),
        ({"date": "2013-01"}, PartialDate(2013, 1), datetime(2013, 1, 1, 5, 0, tzinfo=UTC)),
        ({}, None, None),
    ],
)
def test_of_a_fhir_document(said, day, at):
    tree = reference(**said)
    document = describe(tree, Demographics(), NEW_YORK, Resources.around(tree), address=None).document

    assert (document.day, document.at) == (day, at)
    assert About.of(document).day == day


@pytest.mark.parametrize(
    ("collected", "reported", "day", "at"),
    [
        ("201301111901", "20130114", DAY, IN_UTC),
        ("201301111901-0500", "", DAY, IN_UTC),
        ("", "201301111901", DAY, IN_UTC),
        ("2013", "201301111901", DAY, IN_UTC),
        ("201301", "", PartialDate(2013, 1), None),
        ("", "", None, None),
    ],
)
def test_of_an_hl7_v2_report(collected, reported, day, at):
    message = (
        "MSH|^~\\&|L|P|||20130115||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1||1^^^A\r"
        f"OBR|1||S1|11526-1^Pathology^LN|||{collected}|||||||||||||||{reported}|||F\r"
        "OBX|1|TX|22634-0^Report^LN||text||||||F\r"
    )
    (sent,) = documents(message.encode(), NEW_YORK)

    assert (sent.document.day, sent.document.at) == (day, at)


def test_of_a_study():
    entry = {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00080020": {"vr": "DA", "Value": ["20130111"]},
        "00080030": {"vr": "TM", "Value": ["190100"]},
        "00080201": {"vr": "SH", "Value": ["-0500"]},
    }
    about = _about(study_found(entry, NEW_YORK), {})

    assert (about.day, about.at) == (DAY, IN_UTC)
