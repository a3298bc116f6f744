"""The icons can be told apart, in the sizes that trays have."""

from itertools import combinations

import numpy as np
import pytest

from reeld_client.tray.icons import icon
from reeld_client.tray.model import Face


@pytest.mark.parametrize("edge", [16, 22, 24, 48])
def test_no_two_states_look_alike(edge: int) -> None:
    pictures = {face: np.asarray(icon(face, edge), dtype=np.int16)[..., :3] for face in Face}
    for one, other in combinations(Face, 2):
        differs = np.abs(pictures[one] - pictures[other]).max(axis=2) > 64
        assert differs.mean() > 0.04, f"{one} and {other} differ in {differs.mean():.1%} of {edge} pixels"


@pytest.mark.parametrize("edge", [16, 24])
def test_without_colours_they_can_be_told_apart_too(edge: int) -> None:
    """One person in twelve confuses red and green."""
    pictures = {face: np.asarray(icon(face, edge).convert("L"), dtype=np.int16) for face in Face}
    for one, other in combinations(Face, 2):
        assert (np.abs(pictures[one] - pictures[other]) > 48).mean() > 0.04, f"{one} and {other}"


def test_trays_without_transparency_get_no_holes() -> None:
    for face in Face:
        assert np.asarray(icon(face, 22, rounded=False))[..., 3].min() == 255
        assert np.asarray(icon(face, 22))[0, 0, 3] == 0
