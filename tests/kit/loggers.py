"""Loggers as they were: a test that tames this process's libraries hands them back."""

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

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
