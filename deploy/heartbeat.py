"""Whether a component of Airflow beats, as Airflow's API server says. Costs no import of Airflow.

    python deploy/heartbeat.py dag_processor

Ends with 0 where it is healthy. Asks the server that TRANSFER_AIRFLOW_URL names. Where several of a kind run, the one
that beat last counts.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/check-health.html
"""

import json
import os
import socket
import sys

#: seconds for the whole question
SECONDS = 5.0
#: bytes of an answer that are read
MOST = 8192


def ask(url: str, path: str) -> tuple[int, str]:
    """Status and text of a GET, by HTTP/1.0 and nothing but a socket: urllib costs three times as much.

    Raises:
        OSError: it does not answer in time.
        ValueError: the URL has no port, or the answer is none of HTTP.
    """
    authority = url.partition("://")[2]
    host, _, port = authority.rpartition(":")
    heard = b""
    with socket.create_connection((host, int(port)), SECONDS) as line:
        line.sendall(f"GET {path} HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode())
        while len(heard) < MOST and (more := line.recv(MOST)):
            heard += more
    head, _, body = heard.partition(b"\r\n\r\n")
    return int(head.split(b" ", 2)[1]), body.decode()


def main(component: str) -> int:
    try:
        status, said = ask(os.environ["TRANSFER_AIRFLOW_URL"], "/api/v2/monitor/health")
        found = json.loads(said)[component]["status"]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        sys.stdout.write(f"{component}: {type(error).__name__}\n")
        return 1
    sys.stdout.write(f"{component}: {found}\n")
    return 0 if status == 200 and found == "healthy" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
