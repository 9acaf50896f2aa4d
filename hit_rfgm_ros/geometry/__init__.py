"""Boxes, crops and token grids: numpy and OpenCV only."""
