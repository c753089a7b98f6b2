"""What tests of one adapter share."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.kit.scripted_fhir import LIMITS, TOKEN, Office, an_office
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.opening import forked


@pytest.fixture(autouse=True)
def _no_fork_is_kept() -> Iterator[None]:
    """What a test opened in this process leaves no fork of it."""
    yield
    forked.end_kept()


@pytest.fixture
def office() -> Iterator[Office]:
    """A records office that answers what it is told to."""
    with an_office() as running:
        yield running


@pytest.fixture
def source(office: Office) -> Iterator[FhirSourceClient]:
    """Ours, that asks it."""
    with closing(FhirSourceClient(office.base, TOKEN, http=LIMITS)) as client:
        yield client
