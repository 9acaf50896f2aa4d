"""The memory of one target: template tokens, where each came from, and which ones stay.

RFGM, section 3.3 and table 4. What is kept are the inputs of the encoder's first layer, patch
embedding plus position. The tokens of the first template never leave; older ones come first.
"""

from __future__ import annotations

from hit_rfgm_ros.errors import ConfigError, EngineError
import numpy as np
from numpy.typing import NDArray

KINDS = ('none', 'fifo', 'score', 'gr')

Indices = NDArray[np.int64]


class TokenMemory:
    """Template tokens of one target.

    Kinds (the paper's names in table 4):

    - ``none`` (one template): the first template for ever.
    - ``fifo`` (Memory): the first template and the newest ones, as many as fit as a whole.
    - ``score`` (Score memory): as fifo, but the template of the lowest confidence goes, of equal
      ones the oldest.
    - ``gr`` (GR memory): token by token, the most relevant ones stay.

    Every update makes new arrays, so what was handed out before does not change.

    Attributes:
        kind: one of `KINDS`.
        size: most tokens that the memory holds, those of the first template included; another
            number acts from the next update on, which then leaves out as many as it takes.
        tokens: float32 (n, channels), contiguous.
        frames: int64 (n,), the frame that each token came from; 0 for the first template.
        cells: int64 (n,), its row-major cell in its template.
    """

    def __init__(self, kind: str, size: int, first: NDArray[np.float32]) -> None:
        """Begin with the first template.

        Args:
            kind: one of `KINDS`.
            size: in tokens, at least those of one template.
            first: (tokens per template, channels).

        Raises:
            ConfigError: if the kind is not known, or not even the first template fits.
        """
        if kind not in KINDS:
            raise ConfigError(f'the kind of a memory is one of {KINDS}, got {kind!r}')
        self.kind = kind
        self._first = np.array(first, np.float32, order='C')  # a copy: it stays for ever
        self.size = size
        self.reset()

    @property
    def size(self) -> int:
        """Most tokens that the memory holds."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        if size < len(self._first):
            raise ConfigError(
                f'the memory must hold the first template of {len(self._first)} tokens, '
                f'so its size cannot be {size}'
            )
        self._size = size

    def reset(self) -> None:
        """Back to the first template alone."""
        count = len(self._first)
        self.tokens = self._first
        self.frames = np.zeros(count, np.int64)
        self.cells = np.arange(count, dtype=np.int64)
        self._confidences = np.ones(count)

    @property
    def changes(self) -> bool:
        """Whether `add` can change anything at the present size."""
        step = len(self._first)
        least = step + 1 if self.kind == 'gr' else 2 * step  # to take in anything new
        grown = len(self.tokens) > step  # and must shrink, perhaps
        return self.kind != 'none' and (self._size >= least or grown)

    @property
    def needs_filter(self) -> bool:
        """Whether the next `add` needs the relevance of the candidates."""
        step = len(self._first)
        full = len(self.tokens) + step > self._size
        return self.kind == 'gr' and full and self._size > step

    def add(
        self,
        tokens: NDArray[np.float32],
        frame: int,
        confidence: float,
        relevance: NDArray[np.float32] | None = None,
    ) -> None:
        """Take in a new template, and leave out what does not fit.

        Args:
            tokens: (tokens per template, channels) of the new template.
            frame: its number.
            confidence: of the box it was cut around.
            relevance: (n,) of the candidates, which are all tokens but those of the first
                template, the new ones last; only where `needs_filter`. Of equal ones the older
                stay.

        Raises:
            EngineError: if an array of the network does not fit or a number is not finite;
                nothing has changed then.
        """
        if self.kind == 'none':
            return
        new = np.asarray(tokens, np.float32)
        if new.shape != self._first.shape:
            raise EngineError(f'a template has the shape {self._first.shape}, got {new.shape}')
        if not (np.isfinite(confidence) and np.isfinite(new).all()):
            raise EngineError('the new template or its confidence is not finite')
        keep = self._kept(confidence, relevance)
        count = len(new)
        self.tokens = np.concatenate([self.tokens, new])[keep]
        self.frames = np.append(self.frames, np.full(count, frame))[keep]
        self.cells = np.append(self.cells, np.arange(count))[keep]
        self._confidences = np.append(self._confidences, np.full(count, confidence))[keep]

    def _kept(self, confidence: float, relevance: NDArray[np.float32] | None) -> Indices:
        """Which of all tokens, the new ones last, stay; ascending."""
        step = len(self._first)
        if self.kind == 'gr':
            candidates = self._most_relevant(relevance)
        else:
            templates = np.append(self._confidences[step::step], confidence)
            kept = self._templates_kept(templates)
            candidates = (kept[:, None] * step + np.arange(step)).ravel()
        return np.append(np.arange(step), candidates + step)

    def _most_relevant(self, relevance: NDArray[np.float32] | None) -> Indices:
        count = len(self.tokens)  # one template leaves the candidates and one joins them
        if not self.needs_filter:
            return np.arange(count if self._size > len(self._first) else 0)
        if relevance is None or np.shape(relevance) != (count,):
            raise EngineError(
                f'the memory is full: the relevance of its {count} candidates is needed, '
                f'got {None if relevance is None else np.shape(relevance)}'
            )
        if not np.isfinite(relevance).all():
            raise EngineError('the relevance of the candidates is not finite')
        order = np.argsort(-np.asarray(relevance, np.float64), kind='stable')
        return np.sort(order[: self._size - len(self._first)])

    def _templates_kept(self, confidences: NDArray[np.float64]) -> Indices:
        """Indices of whole templates, the first one of all not counted."""
        room = self._size // len(self._first) - 1
        surplus = max(len(confidences) - room, 0)
        if self.kind == 'fifo':
            return np.arange(surplus, len(confidences))
        order = np.argsort(confidences, kind='stable')  # the oldest first among equal ones
        return np.sort(order[surplus:])
