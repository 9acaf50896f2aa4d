"""Readers of the layouts in which the field's data sets are handed out."""
