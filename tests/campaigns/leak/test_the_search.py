"""The search itself: a leak planted in any place, in any spelling, is found."""

import base64
import itertools
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.kit.house import House, a_house
from tests.kit.marked_patients import BLOCK, STEM, Sought
from tests.kit.written import Titles, databases, everything, files, objects, s3_client, search, tables
from transfer.embedded.installation import Installation

WORD = f"{STEM}AB"
SOUGHT = Sought.of([STEM])

SPELLINGS: dict[str, bytes] = {
    "plain": f"Mrs {WORD}FAMILY".encode(),
    "small": f"mrs {WORD}family".lower().encode(),
    "as a name": f"{WORD.capitalize()}family".encode(),
    "utf-16-le": f"Mrs {WORD}".encode("utf-16-le"),
    "utf-16-be": f"Mrs {WORD}".encode("utf-16-be"),
    "hexadecimal": WORD.encode().hex().encode(),
    "HEXADECIMAL": WORD.lower().encode().hex().upper().encode(),
    "url": quote(f"Müller {WORD}").encode(),
    "url, every letter": "".join(f"%{byte:02X}" for byte in WORD.encode()).encode(),
    **{f"base64 {n}": base64.b64encode(b"x" * n + f"{WORD}TEXT".encode()) for n in range(3)},
    **{f"base64 {n}, small": base64.b64encode(b"x" * n + f"{WORD}text".lower().encode()) for n in range(3)},
    **{f"base64 {n}, utf-16": base64.b64encode(b"x" * n + WORD.encode("utf-16-le")) for n in range(3)},
    "base64url": base64.urlsafe_b64encode(b"\xff\xfe" + WORD.encode()),
    "json": f'{{"family": "{WORD}"}}'.encode(),
}

every_spelling = pytest.mark.parametrize("written", SPELLINGS.values(), ids=list(SPELLINGS))


@every_spelling
def test_a_word_is_known_in_every_spelling(written: bytes) -> None:
    assert SOUGHT.within(b"before " + written + b" after")


def test_other_words_are_not_taken_for_it() -> None:
    assert not SOUGHT.within(b"ZQXWJ VAB " + base64.b64encode(bytes(range(256))))


@every_spelling
def test_a_word_across_the_border_of_two_blocks_is_found(written: bytes) -> None:
    whole = bytes(1000) + written + bytes(1000)
    at = 1000 + len(written) // 2

    assert SOUGHT.among([whole[:at], whole[at:]])
    assert SOUGHT.longest < BLOCK


# --- on a whole installation ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    with a_house(folder / "var", cold=True) as found:
        yield found
    shutil.rmtree(folder, ignore_errors=True)


def superuser(house: House, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(Installation(house.var, {}).postgres.url("superuser", database), autocommit=True)


#: where a file may lie that somebody wrote
FOLDERS = (
    *(".", "log", "run", "tmp", "demo", "keys", "airflow", "airflow/logs/dag_id=open_case/run_id=r/task_id=t"),
    *("postgres/data/pg_wal", "postgres/data/base/1", "store", "store/deep/down"),
)


@pytest.mark.servers
class TestPlanted:
    """One leak in one place in all spellings, each of which must be found; nothing is found when it is gone."""

    def test_in_a_file(self, house: House) -> None:
        spots = [house.var / folder / f"planted-{n}" for folder in FOLDERS for n in range(len(SPELLINGS))]
        new = [house.var / folder for folder in ("demo", "airflow", "store/deep") if not (house.var / folder).exists()]
        try:
            for spot, written in zip(spots, itertools.cycle(SPELLINGS.values()), strict=False):
                spot.parent.mkdir(parents=True, exist_ok=True)
                spot.write_bytes(bytes(5000) + written)
            planted = {str(spot.relative_to(house.var)) for spot in spots}
            assert _names(search(SOUGHT, files(house.var)).hits) == planted
        finally:
            for spot in spots:
                spot.unlink(missing_ok=True)
            for folder in new:
                shutil.rmtree(folder, ignore_errors=True)
        assert search(SOUGHT, files(house.var)).hits == []

    def test_in_a_file_s_name(self, house: House) -> None:
        spot = house.var / "tmp" / f"{WORD}.pdf"
        spot.touch()
        assert _names(search(SOUGHT, files(house.var)).hits) == {f"tmp/{WORD}.pdf"}
        spot.unlink()

    @pytest.mark.parametrize("database", ["transfer", "airflow", "postgres"])
    def test_in_a_table_of_any_database(self, house: House, database: str) -> None:
        planted = set()
        with superuser(house, database) as connection, connection.transaction(force_rollback=True):
            for column, (n, written) in itertools.product(("text", "bytea", "jsonb"), enumerate(SPELLINGS.values())):
                if column != "bytea" and b"\0" in written:
                    continue  # no text can hold it
                table = f"public.planted_{column}_{n}"
                connection.execute(f"CREATE TABLE {table} (what {column})")
                value: object = written if column == "bytea" else written.decode()
                wrapped = "to_jsonb(%s::text)" if column == "jsonb" else "%s"
                connection.execute(f"INSERT INTO {table} VALUES ({wrapped})", [value])
                planted.add(table)
            assert _names(search(SOUGHT, tables(connection, database)).hits) == planted
        assert search(SOUGHT, databases(house)).hits == []

    @pytest.mark.parametrize(
        "plant",
        [
            lambda client, bucket, text: client.put_object(Bucket=bucket, Key=f"planted/{text}", Body=b"x"),
            lambda client, bucket, text: client.put_object(
                Bucket=bucket, Key="planted/x", Body=b"x", Metadata={"who": text}
            ),
            lambda client, bucket, text: client.put_object(
                Bucket=bucket, Key="planted/x", Body=b"x", ContentType=f"text/{text}"
            ),
            lambda client, bucket, text: client.create_multipart_upload(Bucket=bucket, Key=f"planted/{text}"),
        ],
        ids=["an object's name", "its metadata", "its type", "an unfinished upload's name"],
    )
    def test_at_the_object_store(self, house: House, plant: Callable[[object, str, str], dict[str, str]]) -> None:
        settings, client = house.settings, s3_client(house)
        for written in (WORD, WORD.lower(), SPELLINGS["base64url"].decode(), SPELLINGS["hexadecimal"].decode()):
            made = plant(client, settings.s3_bucket, written)
            assert search(SOUGHT, objects(house)).hits
            for page in client.get_paginator("list_objects_v2").paginate(Bucket=settings.s3_bucket, Prefix="planted/"):
                for one in page.get("Contents", ()):
                    client.delete_object(Bucket=settings.s3_bucket, Key=one["Key"])
            if "UploadId" in made:
                client.abort_multipart_upload(Bucket=settings.s3_bucket, Key=made["Key"], UploadId=made["UploadId"])
            assert search(SOUGHT, objects(house)).hits == []

    @pytest.mark.parametrize("where", ["argument", "environment", "title"])
    def test_in_a_process_that_ran_for_a_moment(self, house: House, where: str) -> None:
        arguments = [WORD] if where == "argument" else []
        environ = {"TRANSFER_VAR": str(house.var)} | ({"WHO": WORD} if where == "environment" else {})
        named = f"from setproctitle import setproctitle as name; name('transfer ' + {STEM[:3]!r} + {WORD[3:]!r})"
        program = f"{named if where == 'title' else ''}\nimport time; time.sleep(0.5)"
        with Titles(house.var) as titles:
            subprocess.run([sys.executable, "-c", program, *arguments], check=True, env=environ, cwd=house.var)
        assert {line.split(": ")[0] for line in search(SOUGHT, titles.artefacts()).hits} == {"processes"}

    def test_in_what_postgresql_itself_logs(self, house: House) -> None:
        before = _names(search(SOUGHT, files(house.var)).hits)
        with superuser(house, "transfer") as connection:
            connection.execute(f"DO $$ BEGIN RAISE LOG 'the form of {WORD}'; END $$")
        assert _names(search(SOUGHT, files(house.var)).hits) - before == {"log/postgres.log"}
        _without_the_word(house.var / "log" / "postgres.log")

    def test_in_a_url_that_a_door_wrote_down(self, house: House) -> None:
        log = house.var / "log" / "gateway.log"
        before = _names(search(SOUGHT, files(house.var)).hits)
        with log.open("a") as file:
            file.write(f"GET /Patient?family=M%C3%BCller%20{quote(WORD)}\n")
        assert _names(search(SOUGHT, files(house.var)).hits) - before == {"log/gateway.log"}
        _without_the_word(log)

    def test_the_search_of_everything_goes_through_all_of_these(self, house: House) -> None:
        with Titles(house.var) as titles:
            time.sleep(0.3)
        searched = search(SOUGHT, everything(house, titles)).artefacts

        assert searched.keys() >= {
            *("database transfer", "database airflow", "object store", "processes"),
            *("var", "var/log", "var/run", "var/postgres", "var/store", "var/keys"),
        }
        assert not [place for place in searched if place.startswith("var/sandbox")]


def _without_the_word(log: Path) -> None:
    """Written over in place: whoever logs into it still has it open."""
    written = log.read_bytes()
    log.write_bytes(written.replace(WORD.encode(), b"x" * len(WORD)))


def _names(hits: list[str]) -> set[str]:
    return {hit.split(": ")[1] for hit in hits}
