"""What a state or an institution wants beside a general release form: its own, for some records or for all.

Lists by state stand in `states/` beside the institutions' files, one reviewed file each. An institution's file names
its state. What a list leaves out is withheld, not released: without a list every sensitivity needs a form.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from transfer import reviewed
from transfer.reviewed import ReviewedPart
from transfer.security_labels import SENSITIVITY


def _are_known(named: frozenset[str]) -> frozenset[str]:
    if unknown := sorted(named - SENSITIVITY):
        raise ValueError(f"no sensitivity that is known here: {', '.join(unknown)}")
    return named


#: of v3-ActCode
Sensitivities = Annotated[frozenset[str], AfterValidator(_are_known)]
_Text = Annotated[str, Field(min_length=1, max_length=200)]


class OwnForm(ReviewedPart):
    """A form without which some records are not released, whatever another form says."""

    title: _Text
    #: by which a form is known to be it: the number printed on it, a URI of its policy (R4 `Consent.policy.uri`)
    names: Annotated[frozenset[_Text], Field(min_length=1)]
    #: what it is for; empty: every record
    labels: Sensitivities = frozenset()
    #: the law or the policy that wants it, and where it can be read
    source: _Text


def lacks_own(names: frozenset[str], wanted: Collection[OwnForm]) -> bool:
    """Whether a form of these names is none of those wanted. Of several for the same records one is enough."""
    met = {one.labels for one in wanted if not names.isdisjoint(one.names)}
    return any(one.labels not in met for one in wanted)


class StateList(ReviewedPart):
    """What a state's law protects, as the file's reviewers read it."""

    id: Annotated[str, Field(pattern=r"^[a-z]{2}$")]
    name: _Text
    #: labels that need a form even for treatment; unless it says, all there are
    special_categories: Sensitivities = SENSITIVITY
    own_forms: tuple[OwnForm, ...] = ()


def load_states(folder: Path) -> Mapping[str, StateList]:
    """Read every `*.yaml` in `folder`, by id. No folder: no lists.

    Raises:
        ValueError: names the file, the place in it and what is wrong; values are not repeated.
    """
    return {path.stem: _read(path) for path in reviewed.files(folder)}


def _read(path: Path) -> StateList:
    found = reviewed.validated(StateList, reviewed.read(path), f"states/{path.name}")
    if found.id != path.stem:
        raise ValueError(f"states/{path.name}: the file is not named by its id")
    return found


def with_state(said: Any, states: Mapping[str, StateList], name: str) -> Any:
    """An institution's file with what its state's list says. Its own categories stand. Its forms come beside the
    state's.

    Raises:
        ValueError: there is no list of that state. `name` is what the error calls the file.
    """
    if not isinstance(said, dict) or "state" not in said:
        return said
    listed = states.get(said["state"]) if isinstance(said["state"], str) else None
    if listed is None:
        raise ValueError(f"{name}: state: there is no such file in states/")
    own = said.get("own_forms", [])
    forms = [*own, *listed.own_forms] if isinstance(own, list) else own
    return {"special_categories": listed.special_categories, **said, "own_forms": forms}
