"""What every stand-in institution has: a folder, an access log, patients, and controls for demo and tests."""

import ipaddress
import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import urllib3

from transfer.sandbox import request_answers
from transfer.sandbox.charts import Chart, draw_chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The file given with `--config`. Tokens are made by whoever starts the institution."""

    port: int
    folder: Path
    control_token: str
    #: what partners show here, where we are, and what is shown to us; of the four institutions
    accepts_token: str = ""
    gateway_url: str = ""
    gateway_token: str = ""
    gateway_mllp_port: int | None = None
    #: of the identity provider: where its client is, the client's secret, and a JSON file of passwords by account
    desk_url: str = ""
    client_secret: str = ""
    passwords: Path | None = None
    host: str = "127.0.0.1"

    @classmethod
    def read(cls, path: Path) -> "Config":
        """Raises `ValueError` on a key that is missing or unknown, and on an address that is not loopback: what is
        served here is made up, but it looks real.
        """
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        try:
            for name in {"folder", "passwords"} & set(said):
                said[name] = Path(said[name])
            config = cls(**said)
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path.name}: {error}") from None
        if not ipaddress.ip_address(config.host).is_loopback:
            raise ValueError(f"{path.name}: a stand-in institution listens on loopback only")
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    #: names and values of the query, and of a posted form
    parameters: list[tuple[str, str]]
    #: by lower-case name
    headers: Mapping[str, str]
    body: bytes = b""
    #: how the caller named us, as `http://127.0.0.1:8001`; links are built on it
    base: str = ""

    def first(self, name: str) -> str | None:
        return next((value for known, value in self.parameters if known == name), None)

    def json(self) -> Any:
        return json.loads(self.body or b"{}")

    def without_parameters(self) -> "Request":
        return replace(self, parameters=[], body=b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`body` as bytes goes with its length; as an iterable it is streamed without one and ends when the connection
    does. `silent` answers nothing at all until the caller gives up.
    """

    status: int = 200
    body: bytes | Iterable[bytes | memoryview] = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    silent: bool = False


def as_json(content: object, status: int = 200, content_type: str = "application/json", **headers: str) -> Answer:
    body = json.dumps(content, ensure_ascii=False).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status=status, body=body, content_type=content_type, headers=named)


def chatter(charts: Iterable[Chart], status: int, content_type: str = "text/plain") -> Answer:
    """What a broken system says: its memory of the patients it holds, as something that is no answer to anything."""
    said = "; ".join(json.dumps([chart["patient"], chart["numbers"]], ensure_ascii=False) for chart in charts)
    return Answer(status=status, body=f"Unhandled exception while reading {said}".encode(), content_type=content_type)


class Institution(ABC):
    """One institution: what it holds, how it answers, and the knobs a test may turn."""

    #: its knobs and how they stand at first
    knobs: ClassVar[dict[str, Any]] = {}
    #: people it knows beside those it is told about, so that an answer to everybody is seen to be one
    residents: ClassVar[int] = 0

    def __init__(self, config: Config) -> None:
        self.config = config
        self.behaviour: dict[str, Any] = dict(self.knobs)
        self.charts: dict[str, Chart] = {}
        self.stopping = threading.Event()
        self._log_lock = threading.Lock()
        config.folder.mkdir(parents=True, exist_ok=True)
        self._charts_folder = config.folder / "charts"
        self._charts_folder.mkdir(exist_ok=True)
        for number in range(self.residents):
            resident = draw_chart(seed=71_000 + number)
            self.charts[resident["id"]] = resident
        for path in sorted(self._charts_folder.glob("*.json")):
            chart = json.loads(path.read_text(encoding="utf-8"))
            self.charts[chart["id"]] = chart

    @abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer a caller who showed our token."""

    def is_open(self, path: str) -> bool:
        """Whether a caller is answered there who shows no token."""
        return path.endswith("/fhir/metadata")

    def control(self, action: str, request: Request) -> object:  # noqa: ARG002 - for those who have controls
        """Do what demo or test asks beyond the common controls; the result is sent as JSON.

        Raises:
            LookupError: no such control, or no such chart.
        """
        raise LookupError(action)

    def turned(self, wanted: dict[str, Any]) -> None:  # noqa: B027 - most knobs need nothing more
        """Do what a change of behaviour calls for at once."""

    def start(self) -> None:  # noqa: B027 - most have nothing to take up
        """Take up what was left undone when the process ended."""

    def admit(self, chart: Chart) -> None:
        """Hold this patient's records from now on, also after a restart."""
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", chart["id"]):
            raise ValueError("a chart's id is letters, digits and dashes")
        path = self._charts_folder / f"{chart['id']}.json"
        path.write_text(json.dumps(chart, ensure_ascii=False), encoding="utf-8")
        self.charts[chart["id"]] = chart

    def chart(self, request: Request) -> Chart:
        """The chart a control call names."""
        return self.charts[str(request.json()["chart"])]

    def access_log(self) -> list[dict[str, Any]]:
        path = self.config.folder / "access.log"
        if not path.exists():
            return []
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def log(self, request: Request, status: int | None, sent: int) -> None:
        """One line per request of a partner. Calls of the control interface are not a partner's and stay out."""
        entry = {
            "time": datetime.now(UTC).isoformat(),
            "method": request.method,
            "path": request.path,
            "parameters": [name for name, _ in request.parameters],
            "query": [list(pair) for pair in request.parameters],
            "status": status,
            "bytes": sent,
        }
        with self._log_lock, (self.config.folder / "access.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def post(self, path: str, resource: object) -> dict[str, Any]:
        """POST a FHIR resource to the gateway with our token there, and tell what it said."""
        with urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(connect=5, read=30)) as pool:
            response = pool.request(
                "POST",
                self.config.gateway_url.rstrip("/") + path,
                body=json.dumps(resource, ensure_ascii=False).encode(),
                headers={
                    "Authorization": f"Bearer {self.config.gateway_token}",
                    "Content-Type": "application/fhir+json",
                },
                redirect=False,
            )
        text = response.data.decode(errors="replace")
        return {"status": response.status, "location": response.headers.get("Location"), "body": text}


def common_control(institution: Institution, action: str, request: Request) -> object:
    """The controls every institution has: patients, behaviour, access log, health, answers to requests."""
    match (request.method, action):
        case ("POST", "patients"):
            institution.admit(request.json())
            return {"charts": len(institution.charts)}
        case ("GET", "access-log"):
            return institution.access_log()
        case ("GET" | "POST", "behaviour"):
            return _turn(institution, request.json() if request.method == "POST" else {})
        case ("POST", "answer-request"):
            return institution.post("/fhir/Task", request_answers.task(request.json()))
        case _:
            return institution.control(action, request)


def _turn(institution: Institution, wanted: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(wanted) - set(institution.knobs))
    if unknown:
        raise ValueError(f"no such knob: {', '.join(unknown)}; there are: {', '.join(sorted(institution.knobs))}")
    institution.behaviour |= wanted
    institution.turned(wanted)
    return institution.behaviour
