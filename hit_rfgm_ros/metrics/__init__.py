"""Numbers that say how well a tracker did: numpy only."""
