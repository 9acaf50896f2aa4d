"""The images that are kept."""

from hit_rfgm_ros.runtime.frame import Frame
from hit_rfgm_ros.runtime.history import MIB, History
from hit_rfgm_ros.runtime.reports import Header, IncomingImage
from hypothesis import given
from hypothesis import strategies as st
import numpy as np


def make_frame(number: int, *, arrival: float = 0.0, size: int = 3, stamp: int = 0) -> Frame:
    data = np.zeros(size, np.uint8)
    image = IncomingImage(Header(0, stamp), arrival, 'mono8', data, 1, size, 1)
    return Frame(image, number, float(number), 1, size)


@given(
    st.lists(st.tuples(st.floats(0, 2), st.integers(0, 3 * MIB)), max_size=20),
    st.floats(0, 4),
    st.integers(0, 6),
)
def test_it_keeps_the_newest_within_its_limits(
    steps: list[tuple[float, int]], seconds: float, mebibytes: int
) -> None:
    history = History(seconds, mebibytes)
    arrival, frames = 0.0, []
    for number, (passed, size) in enumerate(steps):
        arrival += passed
        frames.append(make_frame(number, arrival=arrival, size=size))
        history.add(frames[-1])
        kept = history.between(-1, number)
        assert kept == frames[len(frames) - len(kept) :]  # the newest ones
        assert history.newest is frames[-1]
        assert history.size == sum(frame.image.data.nbytes for frame in kept)
        if len(kept) > 1:
            assert history.size <= mebibytes * MIB
            assert kept[0].image.arrival >= arrival - seconds


@given(st.lists(st.integers(0, 1000), max_size=12, unique=True).map(sorted), st.integers(1, 1000))
def test_the_nearest_stamp(stamps: list[int], wanted: int) -> None:
    history = History(10, 10)
    for number, stamp in enumerate(stamps):
        history.add(make_frame(number, stamp=stamp))
    found = history.nearest(wanted)
    stamped = [stamp for stamp in stamps if stamp]
    if found is None:
        assert not stamped
    else:
        assert found.header.stamp_ns == min(stamped, key=lambda s: (abs(s - wanted), s))


def test_what_comes_after_a_number() -> None:
    history = History(10, 10)
    frames = [make_frame(number) for number in (3, 4, 7, 9)]
    for frame in frames:
        history.add(frame)
    assert history.after(2) is frames[0]
    assert history.after(4) is frames[2]
    assert history.after(5) is frames[2]
    assert history.after(9) is None
    assert history.between(3, 8) == frames[1:3]
    assert history.between(9, 3) == []
    history.discard(frames[1])
    history.discard(frames[1])
    assert history.after(3) is frames[2]
    assert (len(history), history.size) == (3, 9)
    history.clear()
    assert (len(history), history.size, history.newest) == (0, 0, None)
