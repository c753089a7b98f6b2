"""Pages for people of outside without a server: their application, and a browser that has signed in."""

import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from httpx2 import Response
from starlette.testclient import TestClient

from tests.kit.fakes import KeptMail
from tests.kit.leads import nowhere
from tests.kit.served_desk import serving
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.outside.sessions import begin
from transfer.flow.services import Services
from transfer.gateway.egress import Outgoing
from transfer.gateway.intake import Intake
from transfer.gateway.outside.app import PARTS, Outside, routes
from transfer.gateway.outside.routes import OutsidePart, Shell
from transfer.identifiers import InstitutionId
from transfer.outside_sessions import Outsider
from transfer.pages.address import Address
from transfer.pages.forms import TOKEN
from transfer.pages.session import token_of
from transfer.sentences import sentence
from transfer.serving.http import server

ADDRESS = Address("https://transfer.example")
SUMMIT = InstitutionId("summit-cancer-center")
MAIL = "ann@summit.example"


class OutsideBrowser:
    """A browser of somebody of outside. What it sends says that a page of ours sent it, as browsers do."""

    def __init__(
        self,
        services: Services,
        outgoing: Outgoing,
        *,
        parts: Sequence[OutsidePart] = PARTS,
        host: str = "testclient",
    ) -> None:
        """`host`: the address from which it asks. Tries of codes are counted by it."""
        self.services = services
        shell = Shell(services=services, outgoing=outgoing, intake=Intake(services.ledger), address=ADDRESS)
        self._routes = routes(shell, parts) if parts is PARTS else []
        self.kind = Outsider.CENTER
        self.client = TestClient(
            Outside(_no_door, shell, parts),
            base_url=ADDRESS.origin,
            headers={"sec-fetch-site": "same-origin"},
            follow_redirects=False,
            client=(host, 50000),
        )

    def sign_in(self, kind: Outsider = Outsider.CENTER, institution: str = SUMMIT, account: str = "s0000") -> str:
        """Somebody of this kind signs in. The secret of their cookie."""
        self.kind = kind
        secret = begin(self.services, kind, account, InstitutionId(institution))
        self.client.cookies.clear()
        self.client.cookies.set(ADDRESS.cookie_of(kind), secret)
        return secret

    @property
    def token(self) -> str:
        """What the forms of the session carry."""
        return token_of(self.client.cookies.get(ADDRESS.cookie_of(self.kind)) or "")

    def get(self, path: str, **headers: str):  # type: ignore[no-untyped-def]
        return self._seen(self.client.get(path, headers=_named(headers)))

    def post(self, path: str, fields: dict[str, str | list[str]] | None = None, **headers: str):  # type: ignore[no-untyped-def]
        return self._seen(self.client.post(path, data={TOKEN: self.token, **(fields or {})}, headers=_named(headers)))

    def upload(  # type: ignore[no-untyped-def]
        self,
        path: str,
        fields: dict[str, str] | None = None,
        files: Sequence[tuple[str, tuple[str, bytes, str]]] = (),
        **headers: str,
    ):
        """A form with files. A field that is no file comes as browsers send it there."""
        plain = [(name, (None, value)) for name, value in {TOKEN: self.token, **(fields or {})}.items()]
        return self._seen(self.client.post(path, files=[*plain, *files], headers=_named(headers)))

    def _seen(self, answer: Response) -> Response:
        """Whatever page of ours comes leads on: each link and form has a route. A packet's own page is not ours."""
        is_ours = answer.headers.get("content-type", "").startswith("text/html") and "/files/" not in str(answer.url)
        if self._routes and is_ours:
            assert nowhere(answer.text, self._routes) == []
        return answer


def a_free_address() -> Address:
    """An address of loopback at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Address(f"http://127.0.0.1:{free.getsockname()[1]}")


@contextmanager
def a_served_outside(services: Services, outgoing: Outgoing, at: Address | None = None) -> Iterator[Address]:
    """The pages behind their own server, in a thread, at an address of loopback, until the block ends."""
    address = at or a_free_address()
    shell = Shell(services=services, outgoing=outgoing, intake=Intake(services.ledger), address=address)
    port = int(address.origin.rpartition(":")[2])
    with serving(server(Outside(_no_door, shell), "127.0.0.1", port, grace=1)):
        yield address


async def _no_door(_scope: object, _receive: object, send) -> None:  # type: ignore[no-untyped-def]
    await send({"type": "http.response.start", "status": 599, "headers": []})
    await send({"type": "http.response.body", "body": b"a door"})


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def invited(services: Services, center: str = SUMMIT, mail: str = MAIL) -> str:
    """Somebody of a center is invited. Their PIN."""
    said = sentence(desk.invite_to_center(services, center, mail, actor=ANN))
    return str(re.findall(r"\d{8}", said)[0])


def code_in(services: Services) -> str:
    """The code in the mail that was sent last."""
    assert isinstance(services.mailer, KeptMail)
    return str(re.findall(r"[A-Z0-9]{4}-[A-Z0-9]{4}", services.mailer.sent[-1].text)[0])
