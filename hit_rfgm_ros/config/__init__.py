"""Names and configurations of models and trackers."""
