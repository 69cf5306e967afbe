"""What a model costs: parameters, tokens and floating-point operations, from its config alone.

    B clips, N video tokens, T text tokens, L = T + N, E width, D text width, P numbers in a patch

A matmul of (n, a) by (a, b) is n * a * b multiplications and as many additions: 2 n a b FLOPs. Only matmuls
are counted, as is usual: norms, activations and softmax are a few per cent of the arithmetic (if not of the
time). Knows nothing about torch; tests compare every formula with the model itself and with torch's
FlopCounterMode.
"""

from __future__ import annotations

from math import prod

from x2vkit.axes import check_shape, latent_shape, token_grid
from x2vkit.config import ModelConfig, RunRequest

POSITION_FEATURES = 24
"""Length of a token's absolute position features (core/patches.py)."""
TIMESTEP_FEATURES = 128
"""Length of a noise level's features (core/layers.py)."""
BOX_FEATURES = 88
"""Numbers that encode what points of the subjects a latent position shows (core/motion.py)."""
ANGLE_FEATURES, ANGLES = 4, 32
"""Numbers that encode an angle, and all angles of the subjects that a latent position shows
(core/motion.py)."""
FIRST_CHANNELS = 24
"""Channels in which a latent position reads the first latent frame, for each of its four frames
(core/conv_stage.py)."""


def tokens(config: ModelConfig, num_frames: int, height: int, width: int) -> int:
    """Video tokens N of a clip."""
    check_shape(num_frames, height, width, config.patch)
    return prod(token_grid(num_frames, height, width, config.patch))


def transformer_parameters(config: ModelConfig) -> int:
    """Weights of the video transformer."""
    E, r, positions = config.width, config.mlp_ratio, prod(config.patch)
    P = config.latent_channels * positions
    # Each block: qkv (E x 3E) and out (E x E), MLP up (E x rE) and down (rE x E), with biases; the query and
    # key gains
    # (2 E/A) and the modulation table (6E).
    block = 4 * E * E + 4 * E + 2 * r * E * E + r * E + E + 2 * E // config.heads + 6 * E
    inputs = (P + 1) * E + POSITION_FEATURES * E + (config.text_width + 1) * E
    inputs += config.control_channels * positions * E + config.camera_channels * config.patch[0] * E
    level = (TIMESTEP_FEATURES + 1) * E + (E + 1) * E
    modulation = 6 * E * E + (E + 1) * 2 * E
    return inputs + level + modulation + config.depth * block + (E + 1) * P + _conv_parameters(config)


def _conv_parameters(config: ModelConfig) -> int:
    """Weights of the convolutions beside the blocks (core/conv_stage.py)."""
    E, c, C, positions = config.width, config.conv_width, config.latent_channels, prod(config.patch)
    if not c:
        return 0
    # Each of the three blocks: two 3 x 3 convolutions (9 c^2 + c) and two maps in time (c^2).
    block = 2 * (9 * c * c + c) + 2 * c * c
    if config.subject_rope:  # and the first latent frame is read, and what is warped is rotated
        warped = c - c // 2
        block += 5 * FIRST_CHANNELS * c + ANGLE_FEATURES * (2 * warped**2 + FIRST_CHANNELS**2)
    ends = 9 * C * c + c + 9 * c * C + C  # conv_in and conv_out
    ends += config.subject_rope * (BOX_FEATURES + ANGLES + config.control_channels) * c
    return ends + 3 * block + E * c * positions + (E + 1) * c * positions + (E + 1) * 6 * c


def text_parameters(config: ModelConfig, words: int) -> int:
    """Weights of the text encoder with a vocabulary of `words` (with <start> and <pad>)."""
    D = config.text_width
    # A block: qkv, out, up, down with biases: (3 + 1 + 4 + 4) D^2 and (3 + 1 + 4 + 1) D; gains of q and k.
    head = D // max(1, D // 32)
    block = 12 * D * D + 9 * D + 2 * head
    return words * D + (config.max_words + 1) * D + config.text_depth * block


def forward_flops(
    config: ModelConfig,
    num_frames: int,
    height: int,
    width: int,
    text_tokens: int,
    *,
    batch: int = 1,
    per_token_levels: bool = False,
    control: bool = False,
    camera: bool = False,
) -> int:
    """FLOPs of one transformer forward pass over `batch` clips."""
    trained, frozen = _forward_parts(
        config, num_frames, height, width, text_tokens, batch, per_token_levels, control, camera
    )
    return trained + frozen


def train_flops(
    config: ModelConfig,
    num_frames: int,
    height: int,
    width: int,
    text_tokens: int,
    *,
    batch: int = 1,
    per_token_levels: bool = False,
    control: bool = False,
    camera: bool = False,
    kept: int | None = None,
) -> int:
    """FLOPs of one training step, forward and backward, of transformer and text encoder.

    y = x W costs one matmul forward and two backward: dx = dy W^T and dW = x^T dy. A layer that reads the
    data itself needs no dx. kept: video tokens worked on, where some are left out.
    """
    trained, inputs = _forward_parts(
        config, num_frames, height, width, text_tokens, batch, per_token_levels, control, camera, kept
    )
    return 3 * (trained + text_flops(config, text_tokens, batch=batch)) + 2 * inputs


def text_flops(config: ModelConfig, text_tokens: int, *, batch: int = 1) -> int:
    """FLOPs of the text encoder over `batch` prompts of `text_tokens` (with <start>, padded)."""
    return batch * config.text_depth * block_flops(text_tokens, config.text_width, 4)


def attention_flops(config: ModelConfig, length: int) -> int:
    """FLOPs of comparing and mixing in one forward pass over `length` tokens, text and video: the part of
    `forward_flops` that grows with the square of the length (4 L^2 E a block; see `_block`).
    """
    return config.depth * _pairs(length, config.width)


def run_flops(config: ModelConfig, request: RunRequest, text_tokens: int, controlled: bool = False) -> int:
    """FLOPs of one whole run before the VAE: text, and every step's guidance passes (1, and 1 more
    for each guidance scale that is not 1).

    Heun evaluates twice a step, except in the last.
    """
    steps, guidance = request.sampled()
    pulls = request.control_guidance, request.mouth_guidance
    passes = 1 + (guidance != 1) + sum(controlled and pull != 1 for pull in pulls)
    evaluations = 2 * steps - 1 if request.scheduler == "heun" else steps
    shape = (request.num_frames, request.height, request.width)
    one = forward_flops(config, *shape, text_tokens, batch=passes, control=controlled, camera=False)
    return evaluations * one + text_flops(config, text_tokens, batch=passes)


def block_flops(L: int, width: int, mlp_ratio: int) -> int:
    """FLOPs of one block over L tokens of width E.

    qkv, E -> 3E: 6 L E^2; scores q k^T, for all heads together: 2 L^2 E; weights times v: 2 L^2 E; out, E ->
    E: 2 L E^2; MLP, E -> rE -> E: 4 r L E^2. With r = 4 that is 24 L E^2 + 4 L^2 E: attention's own part is L
    / (6 E) of the rest, so it starts to rule when a clip has more than 6 E tokens.
    """
    return (8 + 4 * mlp_ratio) * L * width**2 + _pairs(L, width)


def _pairs(L: int, width: int) -> int:
    """FLOPs of q k^T and of weights times v over L tokens, for all heads of a block together."""
    return 4 * L**2 * width


def _forward_parts(
    config: ModelConfig,
    num_frames: int,
    height: int,
    width: int,
    T: int,
    batch: int,
    per_token_levels: bool,
    control: bool,
    camera: bool,
    kept: int | None = None,
) -> tuple[int, int]:
    """FLOPs of a forward pass: (layers that pass gradients on, layers that read the data itself)."""
    E, positions = config.width, prod(config.patch)
    whole, P = tokens(config, num_frames, height, width), config.latent_channels * positions
    N = kept or whole
    L = T + N
    # One level for the clip; or one for each token, and the highest once more for the words.
    known, levels, last_levels = (whole + 1, L, N) if per_token_levels else (1, 1, 1)

    inputs = batch * 2 * whole * P * E + 2 * whole * POSITION_FEATURES * E  # positions are every clip's
    inputs += batch * 2 * known * TIMESTEP_FEATURES * E
    inputs += batch * control * 2 * whole * config.control_channels * positions * E
    frames = latent_shape(num_frames, height, width)[0]
    inputs += batch * camera * 2 * frames * config.camera_channels * E

    text_in = 2 * T * config.text_width * E
    modulation = 2 * known * E * E + 2 * levels * 6 * E * E + 2 * last_levels * 2 * E * E
    blocks = config.depth * block_flops(L, E, config.mlp_ratio)
    passed = text_in + modulation + blocks + 2 * N * E * P
    if config.conv_width:
        warps = config.subject_rope and (control or camera)
        entering, rest = _conv_stage(config, whole, frames, whole if per_token_levels else 1, warps)
        inputs, passed = inputs + batch * entering, passed + rest
    return batch * passed, inputs


def _conv_stage(config: ModelConfig, N: int, frames: int, levels: int, warps: bool) -> tuple[int, int]:
    """FLOPs of the convolutions beside the blocks, for one clip: (what takes two matmuls in training and not
    three, as it reads the data or mixes by weights that are not trained; the rest).

    A 3 x 3 convolution is a matmul of (positions, 9 c) by (9 c, c): 18 c^2 for each latent position. A block
    has two, and reads the frame before (in all frames but the first) and after (in all but the last): 2 c^2
    each. With subject_rope it also reads the first frame in all others. warps: what is read is first moved
    to where boxes and camera say (of the frames before and after half of the channels), a matmul of (m, m)
    by (m, c) for m latent positions of a frame (core/motion.py), and rotated: 2 * ANGLE_FEATURES c^2.
    """
    E, c, C, first = config.width, config.conv_width, config.latent_channels, FIRST_CHANNELS
    n = N * prod(config.patch)
    m = n // frames
    block = n * 2 * 18 * c * c + 2 * (n - m) * 2 * c * c
    if config.subject_rope and frames > 1:
        block += 2 * m * c * first + 2 * (n - m) * 4 * first * c
    rest = 3 * block + 2 * 2 * n * c * E + n * 18 * c * C + 2 * levels * E * 6 * c
    embedded = 2 * n * (BOX_FEATURES + ANGLES + config.control_channels) * c
    half = c - c // 2
    warped = 3 * (n - m) * (2 * 2 * m * half + 4 * 2 * m * first)
    rotated = 3 * (n - m) * 2 * ANGLE_FEATURES * (2 * half**2 + 4 * first**2)
    return n * 18 * C * c + warps * (embedded + warped), rest + warps * rotated
