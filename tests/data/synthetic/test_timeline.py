import numpy as np
import pytest

from micacl.data.expressions import CLASS_NAMES
from micacl.data.synthetic.action_units import ACTION_UNITS, EXPRESSION_ACTION_UNITS
from micacl.data.synthetic.timeline import EXPRESSION_STRENGTH, sample_timeline

BLINK = 45


@pytest.fixture(params=range(len(CLASS_NAMES)), ids=CLASS_NAMES)
def label(request: pytest.FixtureRequest) -> int:
    value = request.param
    assert isinstance(value, int)
    return value


def test_clip_begins_and_ends_at_rest_with_the_apex_between(label: int) -> None:
    for seed in range(40):
        units = sample_timeline(label, 24 + seed % 37, np.random.default_rng(seed))

        assert units.keys() == ACTION_UNITS.keys()
        for unit, intensity in units.items():
            assert intensity.min() >= 0
            assert intensity.max() <= EXPRESSION_STRENGTH[1]
            # A blink may fall anywhere.
            if unit != BLINK:
                assert intensity[0] < 0.05, unit
                assert intensity[-1] < 0.05, unit
        for unit in EXPRESSION_ACTION_UNITS[CLASS_NAMES[label]]:
            assert 0.8 * EXPRESSION_STRENGTH[0] <= units[unit].max() <= EXPRESSION_STRENGTH[1], unit


def test_expression_shows_in_about_half_of_the_frames() -> None:
    shares = []
    for seed in range(200):
        units = sample_timeline(CLASS_NAMES.index("happiness"), 24 + seed % 37, np.random.default_rng(seed))
        # Above what a distractor reaches by itself.
        shares.append(np.mean(units[6] > 0.1))

    assert 0.45 < np.mean(shares) < 0.75
    assert max(shares) < 0.85


def test_neutral_talks_and_shows_no_expression() -> None:
    timelines = [sample_timeline(CLASS_NAMES.index("neutral"), 48, np.random.default_rng(seed)) for seed in range(100)]

    talking = [units for units in timelines if units[25].max() > 0.1]
    assert 60 < len(talking) < 95
    silent_units = set(ACTION_UNITS) - {25, 26, BLINK}
    assert all(units[unit].max() <= 0.2 for units in timelines for unit in silent_units)


def test_onset_comes_at_random_times() -> None:
    surprise = CLASS_NAMES.index("surprise")
    first = [int(np.argmax(sample_timeline(surprise, 48, np.random.default_rng(seed))[5] > 0.3)) for seed in range(100)]

    assert min(first) <= 6
    assert max(first) >= 20


def test_less_strength_weakens_the_expression_and_nothing_else(label: int) -> None:
    for seed in range(20):
        full = sample_timeline(label, 48, np.random.default_rng(seed))
        half = sample_timeline(label, 48, np.random.default_rng(seed), strength=0.5)
        for unit in full.keys() - {25, 26}:  # lips and jaw also talk
            if unit in EXPRESSION_ACTION_UNITS[CLASS_NAMES[label]]:
                assert 0.4 * EXPRESSION_STRENGTH[0] <= half[unit].max() <= 0.5 * EXPRESSION_STRENGTH[1], unit
            else:
                np.testing.assert_array_equal(half[unit], full[unit])
