"""How good a track is, computed from boxes and states alone."""
