"""The desk without a server: its application, and a browser that has signed in."""

from collections.abc import Sequence
from html.parser import HTMLParser

from httpx2 import Response
from starlette.testclient import TestClient

from tests.kit.leads import nowhere
from transfer.flow.services import Services
from transfer.pages import emergency
from transfer.pages.address import Address
from transfer.pages.app import EVERYTHING, application, routes
from transfer.pages.forms import TOKEN
from transfer.pages.routes import Declared, WayIn
from transfer.pages.session import sign_in, token_of
from transfer.rights import Role
from transfer.sessions import Person

ADDRESS = Address("https://desk.example")


def a_person(subject: str = "ann", name: str = "Ann Example") -> Person:
    return Person(issuer="https://accounts.example", subject=subject, name=name)


class Desk:
    """A browser at the desk. What it sends says that a page of ours sent it, as browsers do."""

    def __init__(
        self,
        services: Services,
        *,
        declared: Sequence[Declared] = EVERYTHING,
        ways: Sequence[WayIn] = (),
        address: Address = ADDRESS,
    ) -> None:
        self.services = services
        self.address = address
        app = application(services, address, declared=declared, ways=ways)
        every_way = (*ways, emergency.way(services, address))
        self._routes = routes(services, address, declared, every_way) if declared is EVERYTHING else []
        self.client = TestClient(
            app, base_url=address.origin, headers={"sec-fetch-site": "same-origin"}, follow_redirects=False
        )

    def sign_in(self, *roles: Role, person: Person | None = None) -> str:
        """Somebody with these roles signs in. The secret of their cookie."""
        secret = sign_in(self.services, person or a_person(), roles)
        self.client.cookies.set(self.address.cookie, secret)
        return secret

    @property
    def token(self) -> str:
        """What the session's forms carry."""
        return token_of(self.client.cookies.get(self.address.cookie) or "")

    def get(self, path: str, **headers: str):  # type: ignore[no-untyped-def]
        return self._seen(self.client.get(path, headers=_named(headers)))

    def post(self, path: str, fields: dict[str, str | list[str]] | None = None, **headers: str):  # type: ignore[no-untyped-def]
        return self._seen(self.client.post(path, data={TOKEN: self.token, **(fields or {})}, headers=_named(headers)))

    def send(self, path: str, fields: dict[str, str] | None = None, *, file: bytes = b"", **headers: str):  # type: ignore[no-untyped-def]
        """A form with a file, whose name and type say nothing that is believed."""
        said, files = {TOKEN: self.token, **(fields or {})}, {"file": ("../O'Donnell 1958.pdf", file, "text/html")}
        return self._seen(self.client.post(path, data=said, files=files, headers=_named(headers)))

    def _seen(self, answer: Response) -> Response:
        """Whatever page comes leads on: each link and form of it has a route."""
        if self._routes and answer.headers.get("content-type", "").startswith("text/html"):
            assert nowhere(answer.text, self._routes) == []
        return answer


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def text_of(page: str) -> str:
    """What a page says, its markup apart."""
    reader = _Text()
    reader.feed(page)
    return " ".join(" ".join(reader.words).split())
