"""Trackers of others, measured beside ours."""

from hit_rfgm_ros.evaluation.rivals.registry import RIVALS as RIVALS
from hit_rfgm_ros.evaluation.rivals.registry import describe_rival as describe_rival
from hit_rfgm_ros.evaluation.rivals.registry import open_rival as open_rival
