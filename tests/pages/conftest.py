"""A desk over a ledger of its own, and an officer before it."""

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from transfer.flow.services import Services
from transfer.ledger import Ledger
from transfer.rights import Role


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def browser(services: Services) -> Desk:
    found = Desk(services)
    found.sign_in(Role.OFFICER)
    return found
