"""What the exercises of lesson 7 must hold: the transformer from its parts, its price, and a planted bug."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from x2vkit.core.attention import TransformerBlock
from x2vkit.core.layers import norm
from x2vkit.core.transformer import VideoTransformer, precondition
from x2vkit.course.parts import BUGS, Parts, planted, tiny_transformer
from x2vkit.course.properties import Answer, Property, equals, has_shape, holds
from x2vkit.flops import block_flops as counted

Tokens = Callable[[Tensor], Tensor]


def modulate(fn: Answer) -> Iterator[Property]:
    """x (L, E), shift (E,), scale (E,) -> (L, E)."""
    x = torch.tensor([[1.0, 2.0, 3.0, 6.0], [10.0, 30.0, 50.0, 70.0], [0.0, 0.0, 1.0, -1.0]])
    none, one = torch.zeros(4), torch.ones(4)
    plain = fn(x, none, one)
    yield has_shape("it keeps the shape", plain, (3, 4), "every token keeps all its channels")
    hint = "with shift 0 and scale 1 only the norm is left: subtract each row's mean, over its channels"
    yield equals("every token has mean 0", plain.mean(1), torch.zeros(3), hint, 1e-4)
    hint = "divide by the row's standard deviation: the root of the mean of the squares after centring"
    yield equals("every token has variance 1", (plain**2).mean(1), torch.ones(3), hint, 1e-3)
    shift, scale = torch.tensor([5.0, 0.0, 0.0, -1.0]), torch.tensor([1.0, 2.0, 0.0, 1.0])
    hint = "norm first, then times scale, then plus shift: the noise level speaks last"
    yield equals("scale and shift come after the norm", fn(x, shift, scale), plain * scale + shift, hint)
    grey = fn(torch.full((1, 4), 2.0), shift, scale)
    yield equals("of a row of equal numbers the shift is left", grey, shift[None], "the root of (variance + 1e-6)")
    torch.manual_seed(0)
    x, shift, scale = torch.randn(7, 16), torch.randn(16), torch.randn(16)
    wanted = torch.addcmul(shift, norm(x), scale)
    yield equals("the same as the package's on random tokens", fn(x, shift, scale), wanted, hint, 1e-4)


def block(fn: Answer) -> Iterator[Property]:
    """x (L, E), table (6, E), attend, think: (L, E) -> (L, E)."""
    x = torch.tensor([[1.0, 2.0], [3.0, 7.0]])
    shut = torch.tensor([[0.0, 0.0], [1, 1], [0, 0], [0, 0], [1, 1], [0, 0]])
    hint = "each half adds gate * (what it found) to x; a gate of 0 must leave x alone"
    yield equals("with both gates at 0 nothing changes", fn(x, shut, torch.exp, torch.exp), x, hint)
    first = shut.clone()
    first[2] = 1.0
    found = fn(x, first, torch.ones_like, torch.exp)
    hint = "row 2 of the table is the gate of attention: x + gate1 * attend(...)"
    yield equals("the first gate opens attention", found, x + 1, hint)
    second = shut.clone()
    second[5] = torch.tensor([1.0, 3.0])
    found = fn(x, second, torch.exp, torch.ones_like)
    hint = "row 5 is the gate of the MLP: x + gate2 * think(...)"
    yield equals("the second gate opens the MLP", found, x + torch.tensor([1.0, 3.0]), hint)
    model = _random_block()
    tokens, modulation = torch.randn(5, 32), torch.randn(6, 32)
    wanted = _of_one(model, tokens, modulation)
    found = fn(tokens, modulation + model.scale_shift_table.detach(), *_halves(model))
    hint = "rows are shift1, scale1, gate1, shift2, scale2, gate2; the MLP reads x after attention was added"
    yield equals("the same as the package's block on random tokens", found, wanted, hint, 1e-4)


def transformer(fn: Answer) -> Iterator[Property]:
    """latents (C, f, h, w), level, words (T, D), parts -> velocity (C, f, h, w)."""
    model = tiny_transformer()
    torch.manual_seed(1)
    latents, words = torch.randn(4, 2, 4, 4), torch.randn(3, 8)
    parts = Parts(model, (2, 4, 4), 3)
    velocity = fn(latents, 0.7, words, parts)
    hint = "end with parts.paste(...), which puts (N, P) patches back into the grid"
    yield has_shape("a velocity for every latent", velocity, latents.shape, hint)
    untrained = tiny_transformer(noise=0.0)
    c_skip = precondition(torch.tensor([[0.7]]), torch.ones(1))[1].item()
    found = fn(latents, 0.7, words, Parts(untrained, (2, 4, 4), 3))
    hint = "the end is out * c_out + patches * c_skip: an untrained model gives the best linear guess"
    yield equals("untrained, it gives c_skip times what it reads", found, c_skip * latents, hint, 1e-4)
    hint = "the words are read first and stand before the patches: torch.cat([words, patches])"
    wanted = _velocity(model, latents, 0.7, words)
    other = fn(latents, 0.7, words + 1, parts)
    yield holds("other words, another velocity", not torch.allclose(other, velocity, atol=1e-5), hint)
    hint = (
        "check the order: embed(patches * c_in) + positions; words in front; all blocks; "
        "the words cut off again; last; out * c_out + patches * c_skip"
    )
    yield equals("the same as the model's own forward", velocity, wanted, hint, 1e-4)


def block_flops(fn: Answer) -> Iterator[Property]:
    """L, E -> FLOPs of one block."""
    hint = "a matrix product of (n, a) and (a, b) costs 2 n a b: a multiplication and an addition each"
    one = fn(1, 1)
    yield equals("one token of one channel: 28", one, 28, f"{hint}; the MLP is four times as wide")
    grows = [fn(length, 64) for length in (100, 200, 400)]
    second = grows[2] - 2 * grows[1]
    hint = "two of the products have L on two sides: the scores, and the mixing of the values"
    yield holds("twice the tokens cost more than twice as much", second > 0, hint, grows)
    for length, width in ((10, 8), (320, 192), (32760, 1536)):
        hint = "go through the list of products: is one left out, or counted with another size?"
        wanted = counted(length, width, 4)
        yield equals(f"L = {length}, E = {width}: as the package counts", fn(length, width) / wanted, 1.0, hint)


def loss(fn: Answer) -> Iterator[Property]:
    """predict, clip, noise, level -> mean squared error of the velocity."""
    clip, noise = torch.tensor([1.0, -1.0]), torch.tensor([3.0, 0.0])
    seen: list[Tensor] = []

    def truth(x: Tensor, level: float) -> Tensor:
        seen.append(x)
        return noise - clip

    found = fn(truth, clip, noise, 0.25)
    hint = "level 0 is the clip and level 1 is the noise, so a level of 0.25 is mostly clip"
    yield equals("the model sees the mixture", seen[-1], torch.tensor([1.5, -0.75]), hint)
    hint = "the target is the velocity, noise - clip: from the clip to the noise"
    yield equals("the true velocity has loss 0", found, 0.0, hint)
    found = fn(lambda x, level: torch.zeros(2), clip, noise, 0.25)
    hint = "square the difference and take the mean over all numbers"
    yield equals("a guess of 0 costs the mean square of the velocity", found, 2.5, hint)
    found = fn(lambda x, level: torch.full((2,), level) + noise - clip, clip, noise, 0.25)
    yield equals("the model is told the level", found, 0.25**2, "call predict(mixture, level)")
    weight = torch.ones(2, requires_grad=True)
    found = fn(lambda x, level: weight * x, clip, noise, 0.25)
    hint = "return the mean as a tensor, without .item() or .detach(): training asks it for its slopes"
    yield holds("one can learn from it", getattr(found, "requires_grad", False), hint, found)


def ignored(fn: Answer) -> Iterator[Property]:
    """model(latents, level, words) -> the set of what it does not use."""
    healthy = planted("")
    hint = "change one input at a time; a model that works answers differently each time"
    found = set(fn(healthy))
    yield holds("a healthy model ignores nothing", found == set(), hint, found)
    hints = {
        "words": "same latents, same level, other words: is the velocity the same to 1e-6?",
        "level": "same latents, same words, another level: is the velocity the same?",
        "neighbours": "change the last latent frame alone: does the velocity of the first frame stay the same?",
    }
    for bug in BUGS:
        found = set(fn(planted(bug)))
        yield holds(f"it finds a model that ignores its {bug}", bug in found, hints[bug], found)
        yield holds(f"... and says no more of it than that ({bug})", found == {bug}, hint, found)


# -- the package's own ---------------------------------------------------------------------------------------


def _random_block() -> TransformerBlock:
    torch.manual_seed(0)
    model = TransformerBlock(32, 2, 4).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def _turns(length: int, width: int) -> tuple[Tensor, Tensor]:
    return torch.ones(length, width), torch.zeros(length, width)


def _of_one(model: TransformerBlock, x: Tensor, modulation: Tensor) -> Tensor:
    with torch.no_grad():
        return model(x[None], modulation[None, None], _turns(len(x), 16))[0]


def _halves(model: TransformerBlock) -> tuple[Tokens, Tokens]:
    """A block's attention and MLP as functions of tokens (L, E)."""

    def attend(x: Tensor) -> Tensor:
        with torch.no_grad():
            return model.attention(x[None], _turns(len(x), 16))[0]

    def think(x: Tensor) -> Tensor:
        with torch.no_grad():
            return model.down(torch.nn.functional.gelu(model.up(x)))

    return attend, think


def _velocity(model: VideoTransformer, latents: Tensor, level: float, words: Tensor) -> Tensor:
    with torch.no_grad():
        return model(latents[None], torch.tensor([[level]]), words[None], return_dict=False)[0][0]
