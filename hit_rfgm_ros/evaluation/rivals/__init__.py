"""Trackers of others, measured beside ours."""

from hit_rfgm_ros.evaluation.rivals.registry import RIVALS as RIVALS
from hit_rfgm_ros.evaluation.rivals.registry import check_rival as check_rival
from hit_rfgm_ros.evaluation.rivals.registry import open_rival as open_rival
