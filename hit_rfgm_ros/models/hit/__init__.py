"""HiT: the network of "Exploring Lightweight Hierarchical Vision Transformers for Efficient Visual Tracking"."""
