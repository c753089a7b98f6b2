"""The connections that Airflow's set-up makes, in a database that has nothing else. What they do:
`tests/journeys/test_connections.py`.
"""

import json
import os
import subprocess
import sys

_MAKE = """
import json
from contextlib import contextmanager
import airflow.models
import sqlalchemy
from sqlalchemy.orm import Session
from transfer.embedded import airflow_setup
from transfer.embedded.named_doors import NamedDoor

airflow.models.import_all_models()
connections, engine = airflow_setup.Connection, sqlalchemy.create_engine("sqlite://")
connections.__table__.create(engine)

@contextmanager
def session():
    with Session(engine) as opened:
        yield opened
        opened.commit()

airflow_setup.create_session = session
doors = (NamedDoor(institution="hillside", department="pacs", title="Hillside, PACS"),)
airflow_setup._make_connections(doors)
with session() as opened:
    opened.execute(sqlalchemy.update(connections).values(conn_type="http"))
    opened.add(connections(conn_id="of-a-person", conn_type="http"))
airflow_setup._make_connections(doors)
with session() as opened:
    print(json.dumps({one.conn_id: one.conn_type for one in opened.query(connections)}))
"""


def test_a_connection_that_a_person_gave_another_type_is_made_anew_and_theirs_are_left(tmp_path):
    environment = {"AIRFLOW_HOME": str(tmp_path), "PATH": os.environ["PATH"]}

    done = subprocess.run([sys.executable, "-c", _MAKE], env=environment, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "hillside.pacs": "records_transfer_source",
        "of-a-person": "http",
    }
