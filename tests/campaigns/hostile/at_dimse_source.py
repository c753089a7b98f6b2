"""The DIMSE source door: what an archive says over an association when it is asked for a patient's studies."""

import time
from collections.abc import Callable, Iterator
from random import Random

from pydicom.dataset import Dataset

from tests.campaigns.hostile.at_dicomweb_source import uids_of
from tests.campaigns.hostile.child import Child
from tests.campaigns.hostile.mutations import MUTATIONS, mutated
from tests.campaigns.hostile.samples import Language, Sample
from tests.campaigns.hostile.table import Row
from tests.campaigns.hostile.watched import row
from tests.kit.scripted_dimse import ABORT, ScriptedDimse, Talk, encoded, pdu, pdv, said, scripted_dimse

DOOR = "dimse source"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
#: what may be done to the bytes of an association, whatever they mean
_OF_BYTES = ("truncated", "bits flipped", "a bit flipped early", "a stretch missing", "doubled")

Script = Callable[[ScriptedDimse], None]


def all_of_it(
    samples: list[Sample], names: frozenset[str] | None = None, places: frozenset[str] | None = None
) -> Iterator[Row]:
    """Every sample as a sub-operation, what is no DICOM as an answer, both with their bytes changed on the wire; then
    the attacks.
    """
    with scripted_dimse() as archive, Child("dimse_source") as child:
        for file, mutation, place, script in (*_files(samples, names), *_attacks()):
            if places is not None and place not in places:
                continue
            _be_honest(archive)
            script(archive)
            yield row(child.ask(port=archive.port), file, mutation, f"{DOOR}: {place}")


def _be_honest(archive: ScriptedDimse, uids: tuple[str, str, str] = ("1.2.3", "1.2.3.4", "1.2.3.4.5")) -> None:
    study, series, image = uids
    name = {"PatientID": "0042", "PatientName": "Quillfeather^Odalys", "PatientBirthDate": "19610203"}
    archive.finds = {
        "STUDY": [said(StudyInstanceUID=study, **name)],
        "SERIES": [said(StudyInstanceUID=study, SeriesInstanceUID=series)],
        "IMAGE": [said(StudyInstanceUID=study, SOPInstanceUID=image, SOPClassUID=_SECONDARY_CAPTURE)],
    }
    archive.associating, archive.finding, archive.getting = Talk.associate, None, None


def _files(samples: list[Sample], names: frozenset[str] | None) -> Iterator[tuple[str, str, str, Script]]:
    for sample in samples:
        if sample.language is not Language.DICOM:
            yield sample.file, "as itself", "list", _listing(sample.body)
            continue
        for name, body in mutated(sample, names):
            yield sample.file, name, "image", _giving(sample, body)
        for name in _OF_BYTES:
            if names is None or name in names:
                for place in ("association", "answer", "retrieve"):
                    yield sample.file, name, place, _changing(sample, name, place)


def _giving(sample: Sample, body: bytes) -> Script:
    """Well-behaved but for the data set of the one instance."""
    uids = uids_of(sample.body)

    def script(archive: ScriptedDimse) -> None:
        _be_honest(archive, uids)

        def get(talk: Talk, context: int, asked: Dataset, _: Dataset) -> None:
            of = talk.contexts[_SECONDARY_CAPTURE, _LITTLE_ENDIAN]
            talk.say(of, talk.storing(uids[2], _SECONDARY_CAPTURE), _without_head(body), piece=100_000)
            talk.message()
            talk.say(context, talk.answer(asked, 0))

        archive.getting = get

    return script


def _without_head(body: bytes) -> bytes:
    """What stands behind the file meta information, if that says how long it is."""
    if body[128:132] != b"DICM" or body[132:138] != b"\x02\x00\x00\x00UL":
        return body
    return body[144 + int.from_bytes(body[140:144], "little") :]


def _listing(body: bytes) -> Script:
    """An answer to each search that is no data set, or another than was asked for."""

    def script(archive: ScriptedDimse) -> None:
        def find(talk: Talk, context: int, asked: Dataset, _: Dataset) -> None:
            talk.say(context, talk.answer(asked, 0xFF00), body, piece=50_000)
            talk.say(context, talk.answer(asked, 0))

        archive.finding = find

    return script


def _changing(sample: Sample, name: str, place: str) -> Script:
    """All that an honest archive says at this place, with its bytes changed as a file's are."""
    change = MUTATIONS[name][1]

    def script(archive: ScriptedDimse) -> None:
        _giving(sample, sample.body)(archive)
        chance = Random(f"{sample.file}|{name}|{place}")

        def changed(honest: Callable[..., None]) -> Callable[..., None]:
            def speak(talk: Talk, *more: object) -> None:
                said_now, send = bytearray(), talk.send
                talk.send = said_now.extend  # type: ignore[method-assign, assignment]
                talk.message = lambda: (0, Dataset(), None)  # type: ignore[method-assign]
                honest(talk, *more)
                del talk.send, talk.message
                send(change(bytes(said_now), chance))

            return speak

        if place == "association":
            archive.associating = changed(Talk.associate)
        elif place == "retrieve":
            assert archive.getting
            archive.getting = changed(archive.getting)
        else:
            archive.finding = changed(
                lambda talk, context, asked, identifier: talk.found(
                    context, asked, archive.finds[str(identifier.QueryRetrieveLevel)]
                )
            )

    return script


# --- attacks ----------------------------------------------------------------------------------------------------------


def _attacks() -> Iterator[tuple[str, str, str, Script]]:
    pending = said(CommandField=0x8020, MessageIDBeingRespondedTo=1, Status=0xFF00, CommandDataSetType=1)
    command = encoded(pending)
    yield "a PDU", "of four gigabytes", "bomb", _finding(pdu(4, b"", says=0xFFFFFFFF), bytes(1 << 20))
    yield "fragments", "empty, without end", "bomb", _finding(b"", pdu(4, pdv(1, 1, b"")) * 5000)
    yield "a command", "that never ends", "bomb", _finding(b"", pdu(4, pdv(1, 1, bytes(60_000))))
    yield "an answer", "that never ends", "bomb", _finding(pdu(4, pdv(1, 3, command)), pdu(4, pdv(1, 0, bytes(60_000))))
    yield "answers", "without end, all new", "bomb", _ever_more
    yield "an image", "that never ends", "bomb", _image_without_end
    yield "answers", "one now and then", "slow", _dripping
    yield "pending", "and never an image", "slow", _busy
    yield "an association", "aborted at once", "slow", _aborting
    yield "HTML", "where DICOM was asked for", "page", _finding(b"<html>log in</html>", b"")


def _finding(first: bytes, again: bytes) -> Script:
    """Each search is answered by these bytes, and then by these for ever."""

    def script(archive: ScriptedDimse) -> None:
        def find(talk: Talk, *_: object) -> None:
            talk.send(first)
            while again:
                talk.send(again)

        archive.finding = find

    return script


def _ever_more(archive: ScriptedDimse) -> None:
    def find(talk: Talk, context: int, asked: Dataset, _: Dataset) -> None:
        number = 0
        while True:
            number += 1
            talk.say(context, talk.answer(asked, 0xFF00), encoded(said(SOPInstanceUID=f"1.2.{number}")))

    archive.finding = find


def _image_without_end(archive: ScriptedDimse) -> None:
    def get(talk: Talk, *_: object) -> None:
        of = talk.contexts[_SECONDARY_CAPTURE, _LITTLE_ENDIAN]
        command = talk.storing("1.2.3.4.5", _SECONDARY_CAPTURE)
        command.CommandDataSetType = 1
        talk.send(pdu(4, pdv(of, 3, encoded(command))))
        while True:
            talk.send(pdu(4, pdv(of, 0, bytes(60_000))))

    archive.getting = get


def _dripping(archive: ScriptedDimse) -> None:
    def find(talk: Talk, context: int, asked: Dataset, _: Dataset) -> None:
        while True:
            time.sleep(0.2)
            talk.say(context, talk.answer(asked, 0xFF00), encoded(said(StudyInstanceUID="1.2.3")))

    archive.finding = find


def _busy(archive: ScriptedDimse) -> None:
    def get(talk: Talk, context: int, asked: Dataset, _: Dataset) -> None:
        while True:
            time.sleep(0.1)
            talk.say(context, talk.answer(asked, 0xFF00))

    archive.getting = get


def _aborting(archive: ScriptedDimse) -> None:
    archive.getting = lambda talk, *_: talk.send(ABORT)
