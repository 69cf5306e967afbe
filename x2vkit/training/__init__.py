"""Data to weights: one loop (`engine`), its tasks (`vae`, `diffusion`), and the recipes that made what
ships.
"""
