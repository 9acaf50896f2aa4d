"""What the memory keeps: kinds, sizes, order, and where each token came from."""

from typing import Any

from hit_rfgm_ros.errors import ConfigError, EngineError
from hit_rfgm_ros.memory.tokens import KINDS, TokenMemory
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
import numpy as np
import pytest

STEP, WIDTH = 64, 3


def template(frame: int, step: int = STEP) -> np.ndarray:
    """Tokens that say which frame and cell they are."""
    tokens = np.zeros((step, WIDTH), np.float32)
    tokens[:, 0], tokens[:, 1] = frame, np.arange(step)
    return tokens


def filled(kind: str, size: int, confidences: list[float]) -> TokenMemory:
    """A memory that took in frames 1, 2, ... of these confidences; gr prefers late candidates."""
    memory = TokenMemory(kind, size, template(0))
    for frame, confidence in enumerate(confidences, start=1):
        relevance = np.arange(len(memory.tokens), dtype=np.float32)
        memory.add(template(frame), frame, confidence, relevance if memory.needs_filter else None)
    return memory


def frames_of(memory: TokenMemory) -> list[int]:
    """Frames of the whole templates in a memory."""
    assert len(memory.frames) % STEP == 0
    return memory.frames[::STEP].tolist()


def test_none_keeps_the_first_template_for_ever() -> None:
    memory = filled('none', 448, [0.9] * 5)
    assert frames_of(memory) == [0]
    assert not memory.changes
    assert not memory.needs_filter


@pytest.mark.parametrize(('size', 'kept'), [(192, [0, 4, 5]), (255, [0, 4, 5]), (128, [0, 5])])
def test_fifo_keeps_the_newest_whole_templates(size: int, kept: list[int]) -> None:
    assert frames_of(filled('fifo', size, [0.9] * 5)) == kept


@pytest.mark.parametrize(
    ('confidences', 'kept'),
    [
        pytest.param([0.9, 0.5, 0.7], [0, 1, 3], id='an-older-one-goes'),
        pytest.param([0.9, 0.7, 0.5], [0, 1, 2], id='the-new-one-goes'),
        pytest.param([0.5, 0.5, 0.5], [0, 2, 3], id='of-equal-ones-the-oldest-goes'),
        pytest.param([0.7, 0.5, 0.5], [0, 1, 3], id='the-older-of-the-lowest-goes'),
        pytest.param([0.1, 0.2, 0.3, 0.4], [0, 3, 4], id='rising'),
    ],
)
def test_score_leaves_out_the_lowest_confidence(confidences: list[float], kept: list[int]) -> None:
    assert frames_of(filled('score', 192, confidences)) == kept


def test_gr_fills_up_and_then_keeps_the_most_relevant_tokens() -> None:
    memory = TokenMemory('gr', 192, template(0))
    for frame, count in ((5, 128), (10, 192)):
        assert not memory.needs_filter
        memory.add(template(frame), frame, 0.9)
        assert len(memory.tokens) == count
    assert memory.needs_filter
    relevance = np.zeros(192, np.float32)
    relevance[1::2] = 1  # 96 of the 128 places; the rest are ties
    memory.add(template(15), 15, 0.9, relevance)
    kept = sorted([*range(1, 192, 2), *range(0, 64, 2)])
    expected = [(5 * (1 + k // 64), k % 64) for k in kept]
    assert list(zip(memory.frames[64:].tolist(), memory.cells[64:].tolist())) == expected


@pytest.mark.parametrize('size', [65, 100, 127, 128, 150, 192, 200, 448])
def test_gr_reaches_exactly_its_size(size: int) -> None:
    memory = filled('gr', size, [0.9] * 8)
    assert len(memory.tokens) == size


@pytest.mark.parametrize(
    ('kind', 'size', 'changes'),
    [
        ('none', 448, False),
        ('gr', 64, False),
        ('gr', 65, True),
        ('fifo', 127, False),
        ('fifo', 128, True),
        ('score', 127, False),
        ('score', 128, True),
    ],
)
def test_a_memory_without_room_never_changes(kind: str, size: int, changes: bool) -> None:
    memory = TokenMemory(kind, size, template(0))
    assert memory.changes is changes
    before = memory.tokens
    memory.add(template(1), 1, 0.9, np.zeros(64, np.float32) if memory.needs_filter else None)
    assert np.array_equal(memory.tokens, before) is not changes


@pytest.mark.parametrize('kind', ['fifo', 'score', 'gr'])
def test_another_size_acts_at_the_next_update(kind: str) -> None:
    memory = filled(kind, 448, [0.9] * 6)
    memory.size = 192
    assert len(memory.tokens) == 448
    relevance = np.arange(448, dtype=np.float32) if memory.needs_filter else None
    memory.add(template(7), 7, 0.9, relevance)
    assert frames_of(memory) == [0, 6, 7]
    memory.size = 64
    assert memory.changes
    memory.add(template(8), 8, 0.9)
    assert frames_of(memory) == [0]
    assert not memory.changes
    memory.size = 192
    memory.add(template(9), 9, 0.9)
    assert frames_of(memory) == [0, 9]


def test_reset_leaves_the_first_template() -> None:
    memory = filled('gr', 192, [0.9] * 4)
    memory.reset()
    assert np.array_equal(memory.tokens, template(0))
    assert frames_of(memory) == [0]


def test_what_was_handed_out_does_not_change() -> None:
    memory = filled('gr', 192, [0.9] * 2)
    held = memory.tokens, memory.frames, memory.cells
    copies = [values.copy() for values in held]
    memory.add(template(3), 3, 0.9, np.arange(192, dtype=np.float32))
    memory.reset()
    for values, copy in zip(held, copies):
        assert np.array_equal(values, copy)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ((template(9)[:63], 9, 0.9, None), 'shape'),
        ((template(9) * np.nan, 9, 0.9, None), 'finite'),
        ((template(9), 9, float('nan'), None), 'finite'),
        ((template(9), 9, 0.9, None), '192 candidates is needed'),
        ((template(9), 9, 0.9, np.zeros(191, np.float32)), '192 candidates is needed'),
        ((template(9), 9, 0.9, np.full(192, np.nan, np.float32)), 'not finite'),
    ],
)
def test_unusable_answers_of_the_network_change_nothing(arguments: Any, message: str) -> None:
    memory = filled('gr', 192, [0.9] * 2)
    before = memory.tokens, memory.frames, memory.cells
    with pytest.raises(EngineError, match=message):
        memory.add(*arguments)
    assert (memory.tokens, memory.frames, memory.cells) == before  # the very same arrays


def test_a_memory_that_cannot_be_is_refused() -> None:
    with pytest.raises(ConfigError, match='kind'):
        TokenMemory('lifo', 192, template(0))
    with pytest.raises(ConfigError, match='first template of 64 tokens'):
        TokenMemory('gr', 63, template(0))
    memory = TokenMemory('gr', 192, template(0))
    with pytest.raises(ConfigError, match='cannot be 0'):
        memory.size = 0
    assert memory.size == 192


@given(
    relevance=st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=192, max_size=192),
    size=st.integers(66, 192),
)
def test_ties_go_to_the_older_token(relevance: list[float], size: int) -> None:
    memory = filled('gr', 192, [0.9] * 2)
    memory.size = size
    memory.add(template(3), 3, 0.9, np.array(relevance, np.float32))
    order = sorted(range(192), key=lambda k: (-relevance[k], k))[: size - 64]
    expected = [(1 + k // 64, k % 64) for k in sorted(order)]
    assert list(zip(memory.frames[64:].tolist(), memory.cells[64:].tolist())) == expected


class Life(RuleBasedStateMachine):
    """Any updates, sizes and resets, against a list of what should be there."""

    step = 4  # tokens per template: small, for speed

    @initialize(kind=st.sampled_from(KINDS), size=st.integers(4, 23), seed=st.integers(0, 99))
    def begin(self, kind: str, size: int, seed: int) -> None:
        self.memory = TokenMemory(kind, size, template(0, self.step))
        self.rng = np.random.default_rng(seed)
        self.frame = 0
        self.held: list[tuple[int, int]] = []  # (frame, cell) beyond the first template
        self.scores: dict[int, float] = {}
        self.updated = True  # to the present size

    @rule(confidence=st.sampled_from([0.2, 0.5, 0.5, 0.9]))
    def add(self, confidence: float) -> None:
        memory = self.memory
        self.frame += 1
        self.scores[self.frame] = confidence
        new = [(self.frame, cell) for cell in range(self.step)]
        relevance = self.rng.integers(0, 4, len(memory.tokens)) / np.float32(4)
        filtering = memory.needs_filter
        changes = memory.changes
        memory.add(
            template(self.frame, self.step),
            self.frame,
            confidence,
            relevance if filtering else None,
        )
        self.held = self.expected([*self.held, *new], relevance)
        self.updated = True
        if not changes:
            assert len(memory.tokens) == self.step

    def expected(
        self, candidates: list[tuple[int, int]], relevance: np.ndarray
    ) -> list[tuple[int, int]]:
        room = self.memory.size - self.step
        if self.memory.kind == 'none':
            return []
        if self.memory.kind == 'gr':
            order = sorted(range(len(candidates)), key=lambda k: (-relevance[k], k))
            kept = order[:room] if len(candidates) > room else order
            return [candidates[k] for k in sorted(kept)]
        frames = sorted({frame for frame, _ in candidates})
        while len(frames) > room // self.step:
            key = self.scores if self.memory.kind == 'score' else {f: f for f in frames}
            frames.remove(min(frames, key=lambda f: (key[f], f)))
        return [c for c in candidates if c[0] in frames]

    @rule(size=st.integers(4, 23))
    def resize(self, size: int) -> None:
        self.memory.size = size
        self.updated = False

    @rule()
    def reset(self) -> None:
        self.memory.reset()
        self.held = []

    @invariant()
    def holds_what_it_should(self) -> None:
        memory = self.memory
        own = list(zip(memory.frames.tolist(), memory.cells.tolist()))
        assert own == [(0, cell) for cell in range(self.step)] + self.held
        # every token is the one that its frame and cell say, and older frames come first
        assert np.array_equal(memory.tokens[:, 0], memory.frames)
        assert np.array_equal(memory.tokens[:, 1], memory.cells)
        assert (np.diff(memory.frames) >= 0).all()
        assert memory.tokens.flags.c_contiguous
        assert memory.tokens.dtype == np.float32
        assert (memory.frames.dtype, memory.cells.dtype) == (np.int64, np.int64)
        if self.updated:
            assert len(memory.tokens) <= memory.size


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestLife = Life.TestCase
