"""The lessons of the course and their exercises: one table, read without torch.

Lesson NN is `tutorials/NN-name.ipynb`; its solutions are `tutorials/solutions/NN-name.py`, and what its
exercises must hold stands in `checks_NN.py`. An exercise `NN.function` asks for a function of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One numbered notebook."""

    name: str
    """File name without its ending: "03-patches"."""
    title: str
    """What stands in lists."""
    exercises: Mapping[str, str]
    """Function to write -> what it does, in a few words, in the order of the notebook."""

    @property
    def number(self) -> str:
        """Two digits: "03"."""
        return self.name[:2]


LESSONS: tuple[Lesson, ...] = (
    Lesson(
        "01-clip",
        "A clip is numbers",
        {
            "count_numbers": "how many numbers a clip holds",
            "to_signed": "bytes 0..255 to floats -1..1",
            "to_bytes": "floats -1..1 back to bytes, rounded and clipped",
            "resample": "a clip at another number of frames a second",
            "box_of": "the box around one subject, from the truth",
            "acceleration": "how fast a motion changes, from positions",
        },
    ),
    Lesson(
        "02-compression",
        "Compression: what can be left out",
        {
            "psnr": "how alike two pictures are, in decibels",
            "blocks_of": "a picture as a table of blocks",
            "principal_components": "the directions along which rows vary most",
            "rebuild": "rows from a few numbers each",
            "fold_frames": "groups of four frames, the first alone",
            "touched": "an experiment: which latent frames see a frame",
        },
    ),
    Lesson(
        "03-patches",
        "Spacetime patches: tokens of a video",
        {
            "patchify": "latents to tokens",
            "unpatchify": "tokens back to latents",
            "place_of": "a token's number to its time, row and column",
            "count_tokens": "how many tokens a clip has",
            "shuffle_times": "the moments of a clip in another order",
            "rotate": "a position said by turning (RoPE)",
        },
    ),
    Lesson(
        "04-attention",
        "Attention from nothing",
        {
            "softmax": "scores to shares",
            "attend": "one head, with a mask",
            "split_heads": "channels to heads",
            "multi_head": "all heads, from tokens to tokens",
            "frame_mask": "who may look at whom, if no frame looks ahead",
        },
    ),
    Lesson(
        "05-noise",
        "Noise and velocity: how a clip comes out of nothing",
        {
            "mix": "data and noise at a noise level",
            "velocity": "which way the noise lies",
            "pred_x0": "the clean point, seen from a noisy one",
            "best_velocity": "the best guess, as an average",
            "euler": "from noise to data in steps",
            "bent_levels": "where the steps lie",
        },
    ),
    Lesson(
        "06-words",
        "Words and guidance: how a prompt steers",
        {
            "read": "a prompt in words that are known",
            "pad": "prompts of different lengths in one batch",
            "drop_captions": "captions taken away, to learn both",
            "guide": "further in the direction of the words",
            "ramped": "less guidance where detail is drawn",
        },
    ),
    Lesson(
        "07-transformer",
        "The transformer",
        {
            "modulate": "the norm, and what the noise level adds to it",
            "block": "a block: look around, think, add both",
            "transformer": "the whole model from its parts",
            "block_flops": "what a block costs",
            "loss": "the loss of a velocity",
            "ignored": "which input a broken model ignores",
        },
    ),
    Lesson(
        "08-training",
        "Train it",
        {
            "levels": "noise levels to train on",
            "best_linear_loss": "the loss of a model that has learned nothing",
            "loss_by_level": "where a model is bad",
            "learning_rate": "warm up, flat, down",
            "running_average": "the average of the weights",
            "adherence": "the share of the words that a clip shows",
        },
    ),
    Lesson(
        "09-scaling",
        "Scaling",
        {
            "training_flops": "what a training costs",
            "frontier": "the best loss that each budget buys",
            "line_in_logs": "a power law, by a straight line",
            "with_floor": "a power law that ends at a floor",
            "best_size": "how large a model a budget wants",
        },
    ),
    Lesson(
        "10-few-steps",
        "Few steps",
        {
            "euler": "follow a velocity in steps",
            "distance": "how far two clouds of points are apart",
            "average_velocity": "the velocity that gets there in one jump",
            "meanflow_target": "what a flow map is trained towards",
            "draw_times": "pairs of levels to train on",
        },
    ),
    Lesson(
        "11-control",
        "Control",
        {
            "box_path": "a box that moves evenly",
            "covered": "a box on the grid of latents",
            "iou": "how well two boxes agree",
            "camera_track": "a camera that pans and zooms evenly",
            "share_inside": "how much attention finds the subject",
        },
    ),
    Lesson(
        "12-limits",
        "Sora, and what comes",
        {
            "fine_detail": "how much detail a clip holds",
            "changes": "in how many frames a subject is another",
            "gravity": "how fast things fall",
            "windows": "clips that make a long one",
            "seam": "whether one sees where a clip goes on",
            "correlation": "whether a mouth moves with its track",
            "sequence_length": "tokens of a real model",
        },
    ),
)
"""All lessons, in order."""


def exercises() -> dict[str, str]:
    """Every exercise by its full name, "03.patchify" -> what it does, in the order of the course."""
    return {f"{lesson.number}.{name}": what for lesson in LESSONS for name, what in lesson.exercises.items()}
