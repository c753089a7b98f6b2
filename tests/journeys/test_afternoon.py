"""The afternoon of a new integration engineer goes as its page says: node-hl7-client sends, Orthanc is asked."""

import pytest

from tests.kit import afternoon
from tests.kit.peers import orthanc

pytestmark = [pytest.mark.servers, pytest.mark.timeout(900)]


def test_the_page_is_what_happens():
    orthanc.demand()

    assert afternoon.page() == afternoon.PAGE.read_text(encoding="utf-8")
