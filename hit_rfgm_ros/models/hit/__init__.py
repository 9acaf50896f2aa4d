"""The network of HiT, a lightweight hierarchical vision transformer (ICCV 2023)."""
