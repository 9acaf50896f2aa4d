"""What is said about unknown names."""

from hit_rfgm_ros.config.names import did_you_mean, unknown_name
import pytest

KNOWN = ('hit_tiny', 'rfgm_b256')


def test_nearest_name_is_offered() -> None:
    assert did_you_mean('hit_tinny', KNOWN) == "did you mean 'hit_tiny'?"
    assert unknown_name('model', 'hit_tinny', KNOWN) == (
        "unknown model 'hit_tinny': did you mean 'hit_tiny'?"
    )


@pytest.mark.parametrize('name', ['', 'siamfc', 7, None])
def test_all_names_are_told_where_none_is_near(name: object) -> None:
    assert did_you_mean(name, KNOWN) == ''
    expected = f'unknown model {name!r}: known: hit_tiny, rfgm_b256'
    assert unknown_name('model', name, KNOWN) == expected


def test_a_lower_cutoff_reaches_farther() -> None:
    assert not did_you_mean('tiny', ['tracker_tiny_model'])
    assert did_you_mean('tiny', ['tracker_tiny_model'], cutoff=0.3)
