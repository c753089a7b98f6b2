"""Mistakes of ours, made on purpose in a task of Airflow's: each says words of a patient's when it fails.

Run by `tests/campaigns/leak/dags/stumble.py`. The words are put together here, so that no source line that a trace may
show has them.
"""

import asyncio
import logging
import threading
import urllib.parse
import warnings
from collections.abc import Callable

import psycopg
import pydantic
import pydicom
import urllib3
from fhir.resources.R4B import get_fhir_model_class
from transfer_airflow.task_round import process

from tests.kit.marked_patients import STEM
from transfer.errors import Unavailable
from transfer.flow.services import Services
from transfer.rounds import Dag

WORD = f"{STEM}ZZFAMILY"

#: the round they are made in: taken by nobody else, on a subject that is no case's
SUBJECT = "c00000000abc"


def make(name: str) -> None:
    """Fail, or have a library complain, as a task that works on a round."""
    process(Dag.ENFORCE_PERMISSIONS, lambda services, _: MISTAKES[name](services), otherwise=None, first=False)


class Person(pydantic.BaseModel):
    born: int


def a_value(_: Services) -> None:
    raise ValueError(f"no such person: {WORD}")


def a_cause(_: Services) -> None:
    try:
        int(WORD)
    except ValueError as error:
        raise KeyError(WORD) from error


def a_context(_: Services) -> None:
    try:
        raise LookupError(WORD)
    finally:
        dict[str, str]()[WORD]


def an_absence_with_a_cause(_: Services) -> None:
    raise Unavailable("not now") from ValueError(WORD)


def a_claim(_: Services) -> None:
    assert WORD is None, WORD


def a_group(_: Services) -> None:
    raise ExceptionGroup(WORD, [ValueError(WORD), KeyError(WORD)])


def a_model(_: Services) -> None:
    Person.model_validate({"born": WORD})


def a_resource(_: Services) -> None:
    get_fhir_model_class("Patient").model_validate({"birthDate": WORD, WORD: WORD})


def a_row(services: Services) -> None:
    with services.ledger.transaction() as tx:
        tx.row("SELECT %s::integer", WORD)


def a_document(services: Services) -> None:
    """PostgreSQL quotes what it was given as detail and as context."""
    with services.ledger.transaction() as tx:
        tx.row("SELECT %s::json", f'{{"family": {WORD}}}')


def a_database(_: Services) -> None:
    psycopg.connect(f"host={WORD} dbname={WORD} connect_timeout=1")


def an_address(_: Services) -> None:
    query = urllib.parse.urlencode({"family": f"{WORD} é"})
    urllib3.request("GET", f"http://127.0.0.1:9/Patient?{query}", retries=urllib3.Retry(2, backoff_factor=0))


def an_image(_: Services) -> None:
    pydicom.DataElement(0x00080018, "UI", WORD)
    pydicom.DataElement(0x00080020, "DA", WORD)
    raise ValueError(str(pydicom.DataElement(0x00100010, "PN", WORD)))


def a_warning(_: Services) -> None:
    warnings.warn(f"{WORD} is deprecated", UserWarning, stacklevel=1)
    raise UnicodeError(WORD)


def a_library_s_log(_: Services) -> None:
    for name in ("httpx", "urllib3.connectionpool", "botocore.hooks", "psycopg.pool", "pypdf._reader", "pydicom"):
        logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger(name).error("GET /Patient?family=%s", WORD)
        logging.getLogger(name).info("GET /Patient?family=%s", WORD)
    try:
        raise ValueError(WORD)
    except ValueError:
        logging.getLogger("uvicorn.error").exception("while serving %s", WORD)


def a_thread(_: Services) -> None:
    def fail() -> None:
        raise ValueError(WORD)

    thread = threading.Thread(target=fail, name=WORD)
    thread.start()
    thread.join()


def a_lost_coroutine(_: Services) -> None:
    async def fail() -> None:
        raise ValueError(WORD)

    async def lose() -> None:
        lost = asyncio.ensure_future(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del lost

    asyncio.run(lose())


def an_ending_nobody_hears(_: Services) -> None:
    class Held:
        def __del__(self) -> None:
            raise ValueError(WORD)

    Held()


MISTAKES: dict[str, Callable[[Services], None]] = {
    made.__name__: made
    for made in (
        *(a_value, a_cause, a_context, an_absence_with_a_cause, a_claim, a_group, a_model, a_resource, a_row),
        *(a_document, a_database, an_address, an_image, a_warning, a_library_s_log, a_thread, a_lost_coroutine),
        an_ending_nobody_hears,
    )
}
