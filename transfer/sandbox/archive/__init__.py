"""Mercy Imaging: a hospital's image archive, by DICOMweb (QIDO-RS and WADO-RS, PS3.18)."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

from transfer.sandbox.archive import multipart, query
from transfer.sandbox.archive.series import Series, Study, study
from transfer.sandbox.charts import Chart
from transfer.sandbox.institution import Answer, Config, Institution, Request, as_json, chatter

_JSON = "application/dicom+json"
_ROOT = "/dicom-web/"
#: beyond it a slice's position no longer fits its place
_MOST_SLICES = 19_000


class MercyImaging(Institution):
    knobs: ClassVar[dict[str, Any]] = {
        #: images of the CT series, whatever the chart says
        "slices": None,
        #: 128, or 512 for images of half a megabyte
        "rows": 128,
        #: the connection is closed, with no word, after so many bytes of a retrieve
        "die_after_bytes": None,
        #: the same after so many whole instances: nothing but the missing last delimiter shows it
        "die_after_instances": None,
        #: how many retrieves are cut off before the archive is well again; null: all
        "deaths": None,
        #: before anything is answered
        "delay_seconds": 0,
        "bytes_per_second": None,
        #: from this slice on the CT images name another person
        "another_patient_from": None,
        #: from this slice on the CT images name another study than they are listed under
        "another_study_from": None,
        #: what a retrieve of a series brings: its-own | whole-study | another-series
        "brings": "its-own",
        #: normal | empty | forbidden | silent | error-503 | error-500 | garbage (both name patients)
        "answer": "normal",
        "retry_after": 1,
        #: what an empty QIDO-RS result is told by: 204, or 200 with an empty list
        "nothing_found": 204,
        #: whether QIDO-RS tells how many instances a series has
        "counts": True,
    }
    residents = 2

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._deaths = 0

    def turned(self, wanted: dict[str, Any]) -> None:
        if not 0 <= int(self.behaviour["slices"] or 0) <= _MOST_SLICES or int(self.behaviour["rows"]) % 128:
            self.behaviour |= {"slices": None, "rows": 128}
            raise ValueError(f"slices is at most {_MOST_SLICES}, rows a multiple of 128")
        if "die_after_bytes" in wanted or "die_after_instances" in wanted:
            self._deaths = 0

    def answer(self, request: Request) -> Answer:
        self.stopping.wait(float(self.behaviour["delay_seconds"]))
        match self.behaviour["answer"]:
            case "silent":
                return Answer(silent=True)
            case "forbidden":
                return as_json({"error": "not allowed for this client"}, status=403)
            case "error-503":
                return as_json({"error": "busy"}, status=503, Retry_After=str(self.behaviour["retry_after"]))
            case "error-500":
                return chatter(self.charts.values(), 500)
            case "garbage":
                return chatter(self.charts.values(), 200, _JSON)
            case _:
                return self._dicomweb(request)

    def _dicomweb(self, request: Request) -> Answer:
        if request.method != "GET" or not request.path.startswith(_ROOT):
            return as_json({"error": "no such service"}, status=404)
        match request.path.removeprefix(_ROOT).strip("/").split("/"):
            case ["studies"]:
                return self._found(
                    [query.described_study(s, self.behaviour["counts"]) for s in self._studies()], request
                )
            case ["studies", uid, "series"]:
                return self._found(
                    [query.described_series(s, n, self.behaviour["counts"]) for s, n in self._series(uid)], request
                )
            case ["studies", uid, "series", series, "instances"]:
                return self._found(
                    [d for s, n in self._series(uid, series) for d in query.described_instances(s, n)], request
                )
            case ["studies", uid, "series", series, "metadata"]:
                return self._metadata(self._series(uid, series))
            case ["studies", uid, "metadata"]:
                return self._metadata(self._series(uid))
            case ["studies", uid]:
                return self._retrieved(self._series(uid), request)
            case ["studies", uid, "series", series]:
                whole = self.behaviour["brings"] == "whole-study"
                return self._retrieved(self._series(uid, None if whole else series), request)
            case ["studies", uid, "series", series, "instances", instance]:
                return self._retrieved(self._series(uid, series), request, instance)
            case _:
                return as_json({"error": "no such service"}, status=404)

    def _studies(self) -> list[Study]:
        return [self._study(chart) for chart in list(self.charts.values())]

    def _study(self, chart: Chart) -> Study:
        return study(chart, slices=self.behaviour["slices"], rows=int(self.behaviour["rows"]))

    def _series(self, study_uid: str, series_uid: str | None = None) -> list[tuple[Study, Series]]:
        return [
            (known, series)
            for known in self._studies()
            if known.uid == study_uid
            for series in known.series
            if series_uid in (None, series.uid)
        ]

    def _found(self, described: list[query.Described], request: Request) -> Answer:
        try:
            matches = query.matching(described, request.parameters)
        except ValueError as error:
            return as_json({"error": str(error)}, status=400)
        if self.behaviour["answer"] == "empty":
            matches = []
        if not matches and self.behaviour["nothing_found"] == 204:
            return Answer(status=204, content_type=_JSON)
        return as_json(matches, content_type=_JSON)

    def _metadata(self, wanted: list[tuple[Study, Series]]) -> Answer:
        if not wanted:
            return as_json({"error": "no such study or series"}, status=404)
        return as_json([d for s, n in wanted for d in query.metadata(s, n)], content_type=_JSON)

    def _retrieved(self, wanted: list[tuple[Study, Series]], request: Request, instance: str | None = None) -> Answer:
        """WADO-RS. Streamed without a length, as archives do; ends with the closing delimiter unless told to die."""
        numbered = [
            (series, number)
            for _, series in wanted
            for number in range(1, series.instances + 1)
            if instance in (None, series.instance_uid(number))
        ]
        if not numbered:
            return as_json({"error": "no such instance"}, status=404)
        if not multipart.acceptable(request.headers.get("accept", "*/*")):
            return as_json({"error": 'accept multipart/related; type="application/dicom"'}, status=406)
        boundary = multipart.boundary()
        parts = multipart.related(boundary, (self._instance(series, number) for series, number in numbered))
        return Answer(
            body=self._slowed(self._dying(parts)),
            content_type=f'multipart/related; type="application/dicom"; boundary={boundary}',
        )

    def _instance(self, series: Series, number: int) -> list[bytes | memoryview]:
        if self.behaviour["brings"] == "another-series":
            return replace(series, uid=f"{series.uid}.9").instance(number)
        if self._from("another_study_from", number):
            return self._refiled(series, number)
        return (
            self._of_another(series, number) if self._from("another_patient_from", number) else series.instance(number)
        )

    def _from(self, knob: str, number: int) -> bool:
        first = self.behaviour[knob]
        return first is not None and number >= int(first)

    def _refiled(self, series: Series, number: int) -> list[bytes | memoryview]:
        """The same image as it was before the archive filed it under this study."""
        chart = json.loads(series.chart_text)
        chart["imaging"]["study_uid"] += ".9"
        return replace(series, chart_text=json.dumps(chart, sort_keys=True)).instance(number)

    def _of_another(self, series: Series, number: int) -> list[bytes | memoryview]:
        """The same image with somebody else's name and number in it: filed under the wrong patient."""
        other = next(chart for chart in self.charts.values() if chart["id"] != json.loads(series.chart_text)["id"])
        chart = json.loads(series.chart_text) | {"patient": other["patient"], "numbers": other["numbers"]}
        return replace(series, chart_text=json.dumps(chart, sort_keys=True)).instance(number)

    def _dying(self, pieces: Iterator[multipart.Piece]) -> Iterator[bytes | memoryview]:
        """The pieces, or their beginning: ending early closes the connection in good order and says nothing."""
        limit, instances = self.behaviour["die_after_bytes"], self.behaviour["die_after_instances"]
        if self.behaviour["deaths"] is not None and self._deaths >= int(self.behaviour["deaths"]):
            limit = instances = None
        sent = 0
        for piece in pieces:
            # The part that would follow is not begun: what came ends exactly at an instance.
            if instances is not None and piece.begins_part and piece.part >= instances:
                self._deaths += 1
                return
            if limit is not None and sent + len(piece.content) > limit:
                self._deaths += 1
                yield memoryview(piece.content)[: limit - sent]
                return
            sent += len(piece.content)
            yield piece.content

    def _slowed(self, chunks: Iterator[bytes | memoryview]) -> Iterator[bytes | memoryview]:
        began, sent = time.monotonic(), 0
        for chunk in chunks:
            for start in range(0, len(chunk), 65536):
                piece = memoryview(chunk)[start : start + 65536]
                yield piece
                sent += len(piece)
                if rate := self.behaviour["bytes_per_second"]:
                    self.stopping.wait(max(0.0, sent / float(rate) - (time.monotonic() - began)))


def open_institution(config: Config) -> MercyImaging:
    return MercyImaging(config)
