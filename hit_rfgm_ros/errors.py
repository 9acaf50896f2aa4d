"""The errors of this package. Each message says what is wrong, what was expected, what to do."""


class HitRfgmError(Exception):
    """Base of every error that this package raises on purpose."""


class ConfigError(HitRfgmError):
    """A setting is unknown, of the wrong type or out of range."""


class GeometryError(HitRfgmError):
    """A box or a crop cannot be used: not finite, empty, or wholly outside the image."""


class FrameError(HitRfgmError):
    """A frame is no usable picture: wrong shape, type or size."""


class WeightsError(HitRfgmError):
    """A weights file is missing, damaged, unsafe or made for another model."""


class EngineError(HitRfgmError):
    """A back end cannot run a network, or its output is unusable."""


class BagError(HitRfgmError):
    """A recorded bag cannot be read or written."""


class DatasetError(HitRfgmError):
    """A data set or sequence is not laid out as expected, or a file of it is unreadable."""


class EvaluationError(HitRfgmError):
    """An evaluation cannot be begun, resumed or scored as asked, or its files are damaged."""


class RivalError(EvaluationError):
    """A tracker of others cannot be set up or run."""


class VotToolkitError(EvaluationError):
    """The VOT toolkit is missing, or ended without the results it was asked for."""


class MetricError(HitRfgmError):
    """What a score is computed from does not fit together, or does not suffice."""


class MissingResultError(MetricError):
    """Frames or whole sequences have no predicted box."""


class SurplusResultError(MetricError):
    """There are predicted boxes for frames or sequences that the data set does not have."""


class MismatchedResultError(MetricError):
    """Boxes, flags, labels or times of one sequence have shapes that do not belong together."""


class TrackerError(HitRfgmError):
    """A tracker is used out of order, ``update`` before ``init`` for one."""


class MissingDependencyError(HitRfgmError):
    """An optional library is not installed."""
