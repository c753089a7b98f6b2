"""Series of one study under way: one after the other, or several at once where the source's file allows it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Self

from transfer.errors import ChangedMeanwhile
from transfer.flow.watch import Watch
from transfer.institutions import Institution
from transfer.sources import ImageArchive, SeriesObject
from transfer.staging import Vault


class SeriesAtOnce:
    """Leaving the `with` block ends what is still under way, waits for it and leaves nothing of it in the vault.

    Each series under way holds two parts of the vault in memory.
    """

    def __init__(
        self, client: ImageArchive, study: str, institution: Institution, vault: Vault, watch: Watch, *, at_once: int
    ) -> None:
        self._client = client
        self._study = study
        self._institution = institution
        self._vault = vault
        self._watch = watch
        # One at a time needs no thread beside the work.
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="series") if at_once > 1 else None
        self._begun: dict[str, Callable[[], SeriesObject | None]] = {}
        self._is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        for series in [*self._begun]:
            # What ended the study is what is raised. What the vault does not remove now goes as a dead writer's.
            with suppress(Exception):
                if got := self.take(series):
                    self._vault.remove(got.location.key)
        if self._pool:
            self._pool.shutdown()

    def __contains__(self, series: str) -> bool:
        return series in self._begun

    def begin(self, series: str, *, expected: frozenset[str], wanted: frozenset[str] | None) -> None:
        """Fetch it as `ImageArchive.fetch_series` does; not more at once than was said, the caller sees to that."""
        fetch = partial(
            self._client.fetch_series,
            self._study,
            series,
            expected=expected,
            wanted=wanted,
            institution=self._institution,
            vault=self._vault,
            keep_going=self._check,
        )
        # With what this thread works under: the patient of what is written, and the span.
        self._begun[series] = self._pool.submit(copy_context().run, fetch).result if self._pool else fetch

    def take(self, series: str) -> SeriesObject | None:
        """What came of a series that was begun; it is the caller's from now on. Raises what the fetch raised."""
        return self._begun.pop(series)()

    def _check(self) -> None:
        self._watch.check()
        if self._is_over:
            raise ChangedMeanwhile("the fetch of the study ended with another series")
