"""RFGM (NeurIPS 2023): relevance attention over a memory of template tokens."""
