"""Lesson 7: three typical wrong answers to each exercise."""

import torch


def normalise(x):
    y = x - x.mean(-1, keepdim=True)
    return y / (y.square().mean(-1, keepdim=True) + 1e-06).sqrt()


def modulate(x, shift, scale):
    return normalise(x) * scale + shift


def modulate_1(x, shift, scale):  # over the tokens
    y = x - x.mean(0)
    return y / (y.square().mean(0) + 1e-06).sqrt() * scale + shift


def modulate_2(x, shift, scale):  # not centred
    return x / (x.square().mean(-1, keepdim=True) + 1e-06).sqrt() * scale + shift


def modulate_3(x, shift, scale):  # scaled before the norm
    return normalise(x * scale + shift)


def block_1(x, table, attend, think):  # nothing is added to x
    a, b, c, d, e, f = table
    x = c * attend(modulate(x, a, b))
    return f * think(modulate(x, d, e))


def block_2(x, table, attend, think):  # both halves read the old x
    a, b, c, d, e, f = table
    return x + c * attend(modulate(x, a, b)) + f * think(modulate(x, d, e))


def block_3(x, table, attend, think):  # scale and shift swapped
    b, a, c, e, d, f = table
    x = x + c * attend(modulate(x, a, b))
    return x + f * think(modulate(x, d, e))


def transformer_1(latents, level, words, parts):  # words behind the patches
    patches = parts.cut(latents)
    a, b, c = parts.scales(level)
    x = torch.cat([parts.embed(patches * a) + parts.positions, parts.read(words)])
    for k in parts.blocks:
        x = k(x, level)
    return parts.paste(parts.last(x[:-len(words)], level) * c + patches * b)


def transformer_2(latents, level, words, parts):  # without c_out and c_skip
    patches = parts.cut(latents)
    a, b, c = parts.scales(level)
    x = torch.cat([parts.read(words), parts.embed(patches * a) + parts.positions])
    for k in parts.blocks:
        x = k(x, level)
    return parts.paste(parts.last(x[len(words):], level))


def transformer_3(latents, level, words, parts):  # without positions
    patches = parts.cut(latents)
    a, b, c = parts.scales(level)
    x = torch.cat([parts.read(words), parts.embed(patches * a)])
    for k in parts.blocks:
        x = k(x, level)
    return parts.paste(parts.last(x[len(words):], level) * c + patches * b)


def block_flops_1(L, E):  # multiplications alone
    return 12 * L * E * E + 2 * L * L * E


def block_flops_2(L, E):  # pairs forgotten
    return 28 * L * E * E


def block_flops_3(L, E):  # the mixing of values forgotten
    return 24 * L * E * E + 2 * L * L * E


def loss_1(predict, clip, noise, level):  # clip minus noise
    return (predict((1 - level) * clip + level * noise, level) - (clip - noise)).square().mean()


def loss_2(predict, clip, noise, level):  # mixed the wrong way round
    return (predict(level * clip + (1 - level) * noise, level) - (noise - clip)).square().mean()


def loss_3(predict, clip, noise, level):  # a sum
    return (predict((1 - level) * clip + level * noise, level) - (noise - clip)).square().sum()


def ignored_1(model):  # nothing is changed
    L, W = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    u = model(L, 0.7, W)
    s = set()
    if torch.equal(model(L, 0.7, W), u):
        s.add('words')
    return s


def ignored_2(model):  # looks at the changed frame, too
    L, W = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    u = model(L, 0.7, W)
    s = set()
    if torch.allclose(model(L, 0.7, W + 1), u, atol=1e-06):
        s.add('words')
    if torch.allclose(model(L, 0.2, W), u, atol=1e-06):
        s.add('level')
    M = L.clone()
    M[:, -1] += 1
    if torch.allclose(model(M, 0.7, W), u, atol=1e-06):
        s.add('neighbours')
    return s


def ignored_3(model):  # always the same
    return {'words', 'level', 'neighbours'}
