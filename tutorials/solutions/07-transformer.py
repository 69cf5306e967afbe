"""Lesson 7, the transformer: one way to write each function."""

import torch


def modulate(x, shift, scale):
    """x (L, E), shift (E,), scale (E,) -> (L, E): rows of mean 0 and variance 1, scaled, then shifted."""
    y = x - x.mean(-1, keepdim=True)
    return y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt() * scale + shift


def block(x, table, attend, think):
    """x (L, E), table (6, E), attend and think: (L, E) -> (L, E). Returns (L, E)."""
    shift1, scale1, gate1, shift2, scale2, gate2 = table
    x = x + gate1 * attend(modulate(x, shift1, scale1))
    return x + gate2 * think(modulate(x, shift2, scale2))


def transformer(latents, level, words, parts):
    """latents (C, f, h, w) at a noise level, words (T, D) -> velocity (C, f, h, w)."""
    patches = parts.cut(latents)
    c_in, c_skip, c_out = parts.scales(level)
    tokens = parts.embed(patches * c_in) + parts.positions
    tokens = torch.cat([parts.read(words), tokens])
    for block in parts.blocks:
        tokens = block(tokens, level)
    out = parts.last(tokens[len(words) :], level)
    return parts.paste(out * c_out + patches * c_skip)


def block_flops(L, E):
    """FLOPs of one block over L tokens of E channels."""
    return 24 * L * E * E + 4 * L * L * E


def loss(predict, clip, noise, level):
    """Mean squared error of the velocity that `predict` gives for the mixture at this level."""
    mixture = (1 - level) * clip + level * noise
    return (predict(mixture, level) - (noise - clip)).square().mean()


def ignored(model):
    """The set of "words", "level", "neighbours" that the model does not use."""
    latents, words = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    usual = model(latents, 0.7, words)
    found = set()
    if torch.allclose(model(latents, 0.7, torch.randn(3, 8)), usual, atol=1e-6):
        found.add("words")
    if torch.allclose(model(latents, 0.2, words), usual, atol=1e-6):
        found.add("level")
    changed = latents.clone()
    changed[:, -1] += 1
    if torch.allclose(model(changed, 0.7, words)[:, 0], usual[:, 0], atol=1e-6):
        found.add("neighbours")
    return found
