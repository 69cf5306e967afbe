"""`python -m x2vkit.cli.ships` makes what the Scaling view shows of the models that ship: their clips, and
what the judge reads of them. What is there already is kept; delete it first whenever the weights change.
"""

from __future__ import annotations

import json

from x2vkit.media import write_atomic
from x2vkit.registry import WEIGHTS
from x2vkit.run.load import load
from x2vkit.scaling.clips import MODEL_PROMPTS, MODELS
from x2vkit.scaling.points import CLIPS, JUDGED, SHIPPED
from x2vkit.training.gallery import film, judge


def make(prompts: int = 300) -> None:
    """Clips and judged figures of each model, in a quarter of an hour, beside its recipe and the last line of
    its log.

    prompts: clips that the judge reads, as many as docs/figures.md names.
    """
    for name, (run, step) in MODELS.items():
        folder = SHIPPED / run
        if not (folder / "log.jsonl").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            recipe = json.loads((WEIGHTS / name / "training.json").read_text())["recipe"]
            write_atomic(folder / "recipe.json", json.dumps(recipe, indent=1).encode())
            last = (WEIGHTS / name / "log.jsonl").read_text().splitlines()[-1]
            write_atomic(folder / "log.jsonl", f"{last}\n".encode())
        film(name, folder / CLIPS, step, MODEL_PROMPTS, load)
        judge(name, folder / JUDGED, step, prompts, load)


if __name__ == "__main__":
    make()
