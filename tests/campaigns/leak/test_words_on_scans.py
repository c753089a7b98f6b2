"""A scan of a marked patient is read by a machine; then nothing of the patient is in what was written."""

import pytest

from tests.kit.house import House
from tests.kit.marked_patients import STEM, a_marked_patient, of_charts
from tests.kit.papers import a_report_of, a_scan
from tests.kit.peers import installed
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from tests.kit.written import everything, search
from transfer.flow import desk, page_texts
from transfer.identifiers import IncomingId

pytestmark = pytest.mark.servers


def test_nothing_of_a_patient_is_in_what_reading_a_scan_leaves_behind(house: House) -> None:
    chart = a_marked_patient(house, "SC")
    case = house.referral(chart)
    process_all(house.services)
    scan = a_scan([a_report_of(chart), a_report_of(chart, "Operative report")])

    came = desk.upload_paper(house.services, scan, actor=ANN)
    paper = IncomingId(str(came.fields["incoming"]))
    desk.take_paper(house.services, paper, actor=ANN)
    reads = page_texts.reader(installed.program("tesseract"))
    read = list[str]()

    def noted(content_type: str, body: bytes, page: int) -> str:
        read.append(reads(content_type, body, page))
        return read[-1]

    while page_texts.read_next(house.services, noted):
        pass

    suggested = desk.suggest(house.services, paper, actor=ANN)
    assert [[one.case for one in page.cases] for page in suggested] == [[case], [case]]
    assert all(STEM.lower() in text.lower() for text in read), "a search for what was never read proves nothing"
    assert search(of_charts([chart]), everything(house)).hits == []
