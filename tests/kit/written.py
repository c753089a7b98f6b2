"""Everything an installation has written, piece by piece, for whoever wants to search it.

Left out: what the stand-in institutions keep (`var/sandbox` is theirs), and the bodies of the vault's objects, which
are the records themselves. The objects' names and metadata are not.
"""

import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psycopg
import urllib3
from psycopg import sql

from tests.kit.house import House
from tests.kit.marked_patients import BLOCK, Sought
from transfer.embedded.installation import Installation
from transfer.flow.ledger_metrics import LedgerMetrics
from transfer.metrics import exposed

#: a file in which the store keeps an object's body, and the folder in which one is written
_BODY = re.compile(r"store/.*/(objects(-\d+)?|tmp)/.*")
_TABLES = """SELECT format('%I.%I', schemaname, tablename) FROM pg_tables
             WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1"""
#: what the server shows of who does what
_VIEWS = ("pg_stat_activity", "pg_prepared_statements", "pg_stat_statements", "pg_largeobject")


@dataclass(frozen=True, slots=True)
class Artefact:
    """One thing that was written. Its name is searched with it."""

    place: str
    name: str
    content: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Search:
    """What a search went through, and where it found something."""

    artefacts: dict[str, int]
    size: dict[str, int]
    hits: list[str]

    @property
    def report(self) -> str:
        places = ", ".join(f"{place} {n} ({self.size[place]:,} bytes)" for place, n in sorted(self.artefacts.items()))
        total = sum(self.artefacts.values())
        return f"{total} artefacts, {sum(self.size.values()):,} bytes searched, {len(self.hits)} hits: {places}"


def search(sought: Sought, artefacts: Iterable[Artefact]) -> Search:
    """Search them all."""
    done = Search({}, {}, [])
    for one in artefacts:
        counted = _Counted(one.content)
        found = sought.within(one.name.encode(errors="surrogateescape")) | sought.among(counted)
        done.artefacts[one.place] = done.artefacts.get(one.place, 0) + 1
        done.size[one.place] = done.size.get(one.place, 0) + counted.size
        done.hits.extend(f"{one.place}: {one.name}: {each!r}" for each in sorted(found))
    return done


class _Counted:
    def __init__(self, content: Iterable[bytes]) -> None:
        self._content = content
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for block in self._content:
            self.size += len(block)
            yield block


def everything(house: House, titles: "Titles | None" = None) -> Iterator[Artefact]:
    """All of it, places by name."""
    yield from databases(house)
    yield from objects(house)
    yield from metrics(house)
    if titles is not None:
        yield from titles.artefacts()
    yield from files(house.var)


# --- files ------------------------------------------------------------------------------------------------------------


def files(var: Path) -> Iterator[Artefact]:
    """Every file, under the folder it lies in. A name, a link's target and extended attributes count as written."""
    for folder, folders, names in os.walk(var):
        at = Path(folder)
        if at == var and "sandbox" in folders:
            folders.remove("sandbox")
        for name in (*names, *folders):
            path = at / name
            inside = str(path.relative_to(var))
            is_body = bool(_BODY.fullmatch(inside))
            yield Artefact(_place(inside), inside, _file(path, with_body=not is_body))


def _place(inside: str) -> str:
    parts = inside.split("/")
    if parts[:2] == ["airflow", "logs"]:
        return "var/airflow/logs"
    return f"var/{parts[0]}" if len(parts) > 1 else "var"


def _file(path: Path, *, with_body: bool) -> Iterator[bytes]:
    with suppress(OSError):
        if path.is_symlink():
            yield os.fsencode(path.readlink())
            return
        yield from (os.getxattr(path, name) for name in os.listxattr(path))
        if with_body and path.is_file():
            with path.open("rb") as file:
                while block := file.read(BLOCK):
                    yield block


# --- databases --------------------------------------------------------------------------------------------------------


def databases(house: House) -> Iterator[Artefact]:
    """Every table of every database, dumped by COPY as superuser."""
    postgres = Installation(house.var, {}).postgres
    with psycopg.connect(postgres.url("superuser"), autocommit=True) as superuser:
        # What is only in the server's memory would be in its files a moment later.
        superuser.execute("CHECKPOINT")
        names = superuser.execute("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1").fetchall()
    for (database,) in names:
        with psycopg.connect(postgres.url("superuser", database), autocommit=True) as superuser:
            yield from tables(superuser, database)


def tables(superuser: psycopg.Connection[Any], database: str) -> Iterator[Artefact]:
    """Every table of the database that this connection is to, and what its server shows of who does what."""
    named = [row[0] for row in superuser.execute(_TABLES)]
    views = [v for v in _VIEWS if superuser.execute("SELECT to_regclass(%s)", [v]).fetchone() != (None,)]
    for table in (*named, *views):
        yield Artefact(f"database {database}", table, _copied(superuser, table))


def _copied(superuser: psycopg.Connection[Any], table: str) -> Iterator[bytes]:
    """As text, in which a date can be read, and as binary, in which bytes stand as they are and not in hexadecimal."""
    for form in ("text", "binary"):
        copy = sql.SQL("COPY (SELECT * FROM {}) TO STDOUT (FORMAT {})").format(sql.SQL(table), sql.SQL(form))
        with superuser.cursor().copy(copy) as rows:
            yield b"".join(rows)


# --- the vault --------------------------------------------------------------------------------------------------------


def s3_client(house: House) -> Any:
    """boto3's own client of the installation's store, as somebody outside the product has it."""
    settings = house.settings
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key,
        aws_secret_access_key=settings.s3_secret_key,
        config=boto3.session.Config(s3={"addressing_style": "path"}),
    )


def objects(house: House) -> Iterator[Artefact]:
    """Names, metadata and tags of every object, and what the store says of buckets and unfinished uploads."""
    client = s3_client(house)
    for bucket in client.list_buckets()["Buckets"]:
        name = bucket["Name"]
        uploads = client.list_multipart_uploads(Bucket=name).get("Uploads", ())
        yield Artefact("object store", f"uploads to {name}", [repr(one).encode() for one in uploads])
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=name):
            yield Artefact("object store", f"listing of {name}", [repr(page).encode()])
            for one in page.get("Contents", ()):
                with suppress(client.exceptions.ClientError):  # purged meanwhile
                    about = client.head_object(Bucket=name, Key=one["Key"])
                    yield Artefact("object store", one["Key"], [repr(about).encode()])


# --- metrics ----------------------------------------------------------------------------------------------------------


def metrics(house: House) -> Iterator[Artefact]:
    """What each process says to whoever scrapes it, and what the ledger's metrics are."""
    for name in ("gateway", "dispatcher", "desk"):
        port = house.settings.names[f"TRANSFER_{name.upper()}_HEALTH_PORT"]
        with suppress(urllib3.exceptions.HTTPError), urllib3.PoolManager(retries=False, timeout=10) as http:
            answer = http.request("GET", f"http://127.0.0.1:{port}/metrics")
            assert answer.status == 200, answer.data
            yield Artefact("metrics", name, [answer.data])
    yield Artefact("metrics", "of the ledger", [exposed(LedgerMetrics(house.services.ledger))])


# --- processes --------------------------------------------------------------------------------------------------------


class Titles:
    """Titles, arguments and environments of the installation's processes, looked at again and again while it runs."""

    def __init__(self, var: Path) -> None:
        self._var = str(var).encode()
        self._seen: set[tuple[str, bytes]] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Titles":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def artefacts(self) -> Iterator[Artefact]:
        for what, content in sorted(self._seen):
            yield Artefact("processes", what, [content])

    def look(self) -> None:
        """Whoever works for the installation works in its folder, or has it in the environment (which a process that
        sets its title writes over). The stand-ins are none of it.
        """
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                environ, title = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
                at = os.fsencode((process / "cwd").readlink())
                is_ours = at.startswith(self._var) or self._var in environ + title
                if is_ours and b"transfer.sandbox" not in title:
                    self._seen |= {("cmdline", title), ("environ", environ), ("comm", (process / "comm").read_bytes())}

    def _run(self) -> None:
        while not self._stopped.wait(0.05):
            self.look()
