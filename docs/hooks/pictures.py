"""The site's pictures of the views, photographed in Chromium: `python docs/hooks/pictures.py`.

Each view opens on its bundled trace. Run it after a view or a bundled trace has changed; attention.png and
denoise.png are the README's, too.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from x2vkit import views
from x2vkit.bench.pages import chromium

DOCS = Path(__file__).parents[1]
WIDTH = 1040
PICTURES = {
    "denoise": ("Denoise", 0), "attention": ("Attention", 0), "heads": ("Heads", 0),
    "patches": ("Patches", 590), "compare": ("Compare", 0), "scaling": ("Scaling", 720),
}  # fmt: skip
"""Picture -> its view, and how many pixels of its height are shown (0: all)."""


def main() -> None:
    """Make every picture again."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        for name, (view, height) in PICTURES.items():
            path = Path(folder) / f"{name}.html"
            getattr(views, view)().to_html(path)
            page = browser.new_page(viewport={"width": WIDTH, "height": 800})
            page.goto(path.as_uri())
            page.wait_for_timeout(4000)  # decoded, drawn, and playing
            whole = page.evaluate("document.querySelector('.x2v').getBoundingClientRect().bottom + 16")
            clip = {"x": 0, "y": 0, "width": WIDTH, "height": height or whole}
            page.screenshot(path=DOCS / f"{name}.png", full_page=True, clip=clip)


if __name__ == "__main__":
    main()
