"""How the page looks: a Gradio theme without fonts from elsewhere, one style sheet, the parts' scripts."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import gradio as gr

from x2vkit.views import page

PALETTE = "/* words to click into a prompt */"
"""Where the palette's rules begin in the views' style sheet."""
STATIC = Path(__file__).parent / "static"
SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

INK = gr.themes.Color(
    name="ink", c50="#f7f6f3", c100="#efede8", c200="#e2dfd8", c300="#cbc8c0", c400="#a3a39f", c500="#767a80",
    c600="#565d67", c700="#39414c", c800="#232a33", c900="#171c23", c950="#0e1217",
)  # fmt: skip
BLUE = gr.themes.Color(
    name="blue", c50="#eef4fd", c100="#dae7fa", c200="#b9d2f6", c300="#8ab5ef", c400="#6ea8f5",
    c500="#3f7fd9", c600="#1f66c7", c700="#1a55a6", c800="#1a4785", c900="#193c6d", c950="#122746",
)  # fmt: skip


def theme() -> gr.themes.Base:
    """Paper and ink, one blue; fonts of the reader's own machine."""
    base = gr.themes.Base(
        primary_hue=BLUE,
        secondary_hue=BLUE,
        neutral_hue=INK,
        radius_size=gr.themes.sizes.radius_lg,
        font=SANS,
        font_mono=MONO,
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        block_background_fill="#ffffff",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_title_text_weight="600",
        block_title_text_color="*neutral_700",
        block_title_text_color_dark="*neutral_200",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        input_background_fill="#ffffff",
        input_background_fill_dark="*neutral_900",
        input_border_width="1px",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_primary_text_color="#ffffff",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_large_radius="12px",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )


@cache
def static(name: str) -> str:
    """A file of static/."""
    return (STATIC / name).read_text()


def css() -> str:
    """The style sheet, with the views' rules for the palette, which stand at the end of theirs."""
    _, mark, rules = page.css().partition(PALETTE)
    return f"{static('demo.css')}\n{mark}{rules}"


def script(name: str, *modules: str) -> str:
    """One part's script, with what all parts share before it, and modules of the views."""
    shared = page.bundle(*modules)
    return f"{static('common.js')}\n{shared}\n{static(f'{name}.js')}"


CELLS = (
    *("#9067c6", "#d1495b", ""),
    *("", "#e07b22", "#3f7fd9"),
    *("#2a9d78", "", "#8ab5ef"),
)
"""The logo: patches of a clip, row by row; "" is one that is still noise."""


def logo() -> str:
    """The logo as SVG."""
    rects = "".join(
        f'<rect x="{12.5 * (i % 3)}" y="{12.5 * (i // 3)}" width="11" height="11" rx="2.5" '
        f'fill="{color or "#7c8894"}" opacity="{1 if color else 0.35}"/>'
        for i, color in enumerate(CELLS)
    )
    return f'<svg viewBox="0 0 36 36" width="36" height="36" aria-hidden="true">{rects}</svg>'


HEADER = f"""
<header class="x2v-header">
  {logo()}
  <div><h1>x2vkit</h1><p>A video model, small enough to open.</p></div>
</header>
"""
HEAD = '<meta name="viewport" content="width=device-width, initial-scale=1">'
