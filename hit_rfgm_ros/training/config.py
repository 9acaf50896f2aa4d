"""Settings of a training run, read from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hit_rfgm_ros.config.names import unknown_name
from hit_rfgm_ros.errors import ConfigError
import yaml


@dataclass(frozen=True)
class TrainConfig:
    """One run. Steps are optimiser steps; a run can be stopped and resumed at any time.

    Attributes:
        model: as in `list_models`.
        data: folder with ``annotations.json``, ``photos`` and ``videos``.
        out: folder of the run: checkpoints, weights, log.
        search_size: 256, or 128 for a first, faster part (the template has half of it).
        bridge_stages: HiT: stages that the bridge joins (the paper's table 5).
        position_encoding: HiT: layout of the positions of both images (its table 6).
        start_from: checkpoint or weights file of an earlier run, whose pictures may have another
            size; "" starts from random weights with the start values of `training.start` or
            `training.rfgm_start`.
        layers: RFGM: layers that take part; the others pass all through until a later run wakes
            them.
        relevance_stages: RFGM: stages that drop memory tokens; -1 is the model's own number.
        templates: RFGM: pictures of the target that a sample's memory holds.
        drop_path: RFGM: as in the paper (there 0.1).
        backbone: file of ImageNet weights that a fresh run starts from, LeViT's for HiT or a ViT's
            for RFGM; "" for none.
        videos: names of the videos that training may see; the others judge and calibrate.
        teacher: NanoTrack v3 backbone (ONNX) whose features are imitated; "" for none.
        teacher_shift: pixels by which the teacher's cells see too far right and down, see
            `training.teacher`; 14 fits HiT, whose cell i stands for pixel 16 i, and 6 RFGM, whose
            token i covers the pixels from 16 i on.
        freeze_stem: keep the stem's normalisation at its running statistics. The stem sees search
            regions and templates in turn, so in training each is normalised by its own batch,
            in use both by one average: the last part of a run must learn with the latter.
        device: of the network and its losses, ``cpu`` or ``cuda``; pairs are made on the CPU.
        steps, batch_size, workers, threads, seed: as their names say.
        lr: learning rate after `warmup` steps, held until `decay_from`, then down to `lr_final`
            by a cosine until `steps`.
        ranker_lr: RFGM: learning rate of the rankers over that of all else (the paper's is 10).
        head_lr: learning rate of the head over that of all else (RFGM's paper: 10, HiT's: 1).
        beta2: of AdamW.
        weight_decay: on weights with two or more dimensions only.
        clip: bound on the gradient's norm.
        ema: decay of the averaged weights, which are the ones that are saved as weights.
        easy_until, hard_from: steps between which the data grow from easy to official strength.
        l1, giou, siamese, distill: weights of the losses of all families.
        corner, absence, correlation: of HiT's.
        focal, ratio, centre, true_cell: of RFGM's; `true_cell` multiplies what `l1` and `giou` say
            of the box at the true centre's cell.
        siamese_until: step from which siamese and distillation losses are off (0: never off).
        validate_every, save_every, log_every: in steps.
        pairs: further settings of `training.pairs.PairConfig`.
        metadata: of the finished weights: licence, data, card.
    """

    model: str = 'hit_tiny'
    data: str = ''
    out: str = 'runs/hit_tiny'
    search_size: int = 256
    bridge_stages: tuple[str, ...] = ('max', 'mid', 'min')
    position_encoding: str = 'diagonal'
    start_from: str = ''
    layers: tuple[int, ...] = tuple(range(1, 13))
    relevance_stages: int = -1
    templates: int = 1
    drop_path: float = 0.0
    backbone: str = ''
    videos: tuple[str, ...] = ()
    teacher: str = ''
    teacher_shift: int = 14
    freeze_stem: bool = False
    device: str = 'cpu'
    steps: int = 10_000
    batch_size: int = 16
    workers: int = 1
    threads: int = 1
    seed: int = 0
    lr: float = 1e-3
    lr_final: float = 1e-5
    warmup: int = 200
    decay_from: int = 7_000
    ranker_lr: float = 10.0
    head_lr: float = 1.0
    beta2: float = 0.999
    weight_decay: float = 1e-4
    clip: float = 1.0
    ema: float = 0.999
    easy_until: int = 1_000
    hard_from: int = 8_000
    l1: float = 5.0
    giou: float = 2.0
    corner: float = 0.5
    absence: float = 0.25
    correlation: float = 0.5
    siamese: float = 0.5
    distill: float = 1.0
    focal: float = 1.0
    ratio: float = 1.0
    centre: float = 0.5
    true_cell: float = 0.5
    siamese_until: int = 0
    validate_every: int = 1_000
    save_every: int = 200
    log_every: int = 50
    pairs: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in (
            'steps',
            'batch_size',
            'threads',
            'templates',
            'validate_every',
            'save_every',
            'log_every',
        ):
            if getattr(self, name) < 1:
                raise ConfigError(f'{name} must be at least 1, got {getattr(self, name)}')
        if not 0 <= self.ema < 1:
            raise ConfigError(f'ema must be in [0, 1), got {self.ema}')

    @classmethod
    def from_yaml(
        cls, path: str | Path, overrides: Mapping[str, Any] | None = None
    ) -> TrainConfig:
        """Read a file; values in `overrides` win.

        Raises:
            ConfigError: if the file is no mapping, or for an unknown key (the nearest is named)
                or a value of the wrong type.
        """
        try:
            values = yaml.safe_load(Path(path).read_text())
        except (OSError, yaml.YAMLError) as error:
            raise ConfigError(f'{path} cannot be read as YAML: {error}') from error
        if not isinstance(values, dict):
            raise ConfigError(f'{path} must hold "key: value" lines, got {type(values).__name__}')
        values.update(overrides or {})
        known = {field.name: field for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise ConfigError(f'{path}: {unknown_name("key", key, known)}')
            values[key] = _fit(f'{path}: {key}', value, known[key].default)
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings, for the copy that is saved beside the checkpoint."""
        return asdict(self)


def _fit(where: str, value: Any, default: Any) -> Any:
    if isinstance(default, tuple) and isinstance(value, list):
        if default and isinstance(default[0], int):
            return tuple(int(item) for item in value)
        return tuple(str(item) for item in value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, float) and isinstance(value, str):
        try:  # YAML 1.1 reads 1e-3 as text
            return float(value)
        except ValueError:
            pass
    wanted = Mapping if default is None else type(default)
    if not isinstance(value, wanted) or (
        isinstance(value, bool) and not isinstance(default, bool)
    ):
        raise ConfigError(f'{where} must be a {wanted.__name__}, got {value!r}')
    return value
