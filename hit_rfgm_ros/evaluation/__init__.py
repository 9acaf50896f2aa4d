"""Runs trackers over data sets, keeps what they say in files, and scores it."""
