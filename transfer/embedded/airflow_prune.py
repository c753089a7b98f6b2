"""Prunes what Airflow keeps: runs with all that hangs on them, and the logs of tasks and components.

    python -m transfer.embedded.airflow_prune [--daily]

In Airflow's environment, beside Airflow and not as a task of it: a task of Airflow 3 reaches no metadata database. It
imports nothing of Airflow and calls `airflow db clean`, so that between two days it costs next to nothing.

What an auditor proves stands in our ledger, which this does not touch. Runs stay for TRANSFER_AIRFLOW_RUN_DAYS, logs
for TRANSFER_AIRFLOW_LOG_DAYS. Doing it twice does no more than once; what fails is said, and tried again the next day.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from transfer import logs
from transfer.settings import Settings

log = logging.getLogger("transfer.embedded.airflow_prune")

#: after a start, so that nobody who starts everything waits for it; then once a day
FIRST_SECONDS: Final = 900.0
DAY_SECONDS: Final = 86400.0
#: rows in one statement: a scheduler that works beside it waits no longer than for these
_BATCH: Final = 1000
#: a call that takes longer hangs
_MAX_CLEAN_SECONDS: Final = 6 * 3600


def prune(settings: Settings, logs_folder: Path, now: datetime) -> bool:
    """Remove what is too old. `now` is UTC. False: the database was not pruned."""
    removed = remove_old_files(logs_folder, now - timedelta(days=settings.airflow_log_days))
    ended = subprocess.run(
        clean_command(now - timedelta(days=settings.airflow_run_days)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=_MAX_CLEAN_SECONDS,
        check=False,
    ).returncode
    if ended:
        log.error("prune: airflow db clean ended with %d; removed %d log files", ended, removed)
    else:
        log.info("prune: the database is clean; removed %d log files", removed)
    return not ended


def clean_command(before: datetime) -> list[str]:
    """What removes rows older than that, without keeping them in a table beside, and without asking anybody."""
    how = ["--skip-archive", "--yes", "--error-on-cleanup-failure", "--batch-size", str(_BATCH)]
    return [sys.executable, "-m", "airflow", "db", "clean", "--clean-before-timestamp", before.isoformat(), *how]


def remove_old_files(folder: Path, before: datetime) -> int:
    """Remove files last written before that, links whose file is gone, and folders left empty. How many files.

    No link is followed. What somebody else removes meanwhile is no error.
    """
    removed = 0
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            file = Path(path, name)
            with suppress(FileNotFoundError):
                is_dead_link = file.is_symlink() and not file.exists()
                if is_dead_link or file.lstat().st_mtime < before.timestamp():
                    file.unlink()
                    removed += 1
        if Path(path) != folder:
            with suppress(OSError):  # not empty
                Path(path).rmdir()
    return removed


def logs_of(environ: Mapping[str, str]) -> Path:
    """Where this Airflow writes its logs."""
    return Path(environ.get("AIRFLOW__LOGGING__BASE_LOG_FOLDER") or Path(environ["AIRFLOW_HOME"]) / "logs")


def every_day(do: Callable[[], object], wait: Callable[[float], bool]) -> None:
    """Do it some minutes from now, then once a day, until `wait` says that it was asked to stop."""
    seconds = FIRST_SECONDS
    while not wait(seconds):
        try:
            do()
        except (OSError, subprocess.SubprocessError) as error:
            log.error("prune: %s", type(error).__name__)
        seconds = DAY_SECONDS


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--daily", action="store_true")
    logs.configure()
    settings, folder = Settings.load(os.environ), logs_of(os.environ)
    if not parser.parse_args(arguments).daily:
        return 0 if prune(settings, folder, datetime.now(UTC)) else 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    every_day(lambda: prune(settings, folder, datetime.now(UTC)), stop.wait)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
