"""Loggers as they were: a test that tames this process's libraries hands them back. And what was logged by us alone."""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from transfer import logs


@contextmanager
def handed_back() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, *logs.LIBRARIES)]
    before = [(one, one.handlers[:], one.level, one.propagate) for one in loggers]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    with warnings.catch_warnings():
        yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    for one, handlers, level, propagate in before:
        one.handlers, one.level, one.propagate = handlers, level, propagate


def our_messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What we ourselves logged so far, in that order.

    A library may log at the same time for another test, as a pool of connections whose server is gone.
    """
    return [record.getMessage() for record in caplog.records if record.name.split(".")[0] == "transfer"]
