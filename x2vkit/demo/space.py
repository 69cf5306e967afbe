"""The demo as a folder that runs as a Hugging Face Space as it is: package, weights, what to install."""

from __future__ import annotations

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from x2vkit.errors import X2VError
from x2vkit.registry import DEFAULT_MODEL, LORA_FILE, lora_base, shipped, weights_folder
from x2vkit.web import check_installed

NEEDED = (
    *("torch", "diffusers", "accelerate", "peft", "numpy", "safetensors", "numba", "mediapy"),
    *("av", "imageio", "imageio-ffmpeg", "pillow", "matplotlib", "anywidget", "ipywidgets", "tqdm", "psutil"),
)
"""What x2vkit itself needs, as in pyproject.toml. Gradio is what a Space brings."""
MODEL = "model"
"""Folder of weights that do not ship with x2vkit."""

APP = '''"""The x2vkit demo, as a Space."""

from pathlib import Path

import x2vkit as x2v

demo = x2v.demo({model})

if __name__ == "__main__":
    demo.launch()
'''
HEADER = """---
title: x2vkit
emoji: 🎬
colorFrom: blue
colorTo: purple
sdk: gradio
sdk_version: {gradio}
python_version: "3.11"
app_file: app.py
pinned: false
license: apache-2.0
short_description: A Sora-style video model, small enough to open
tags: [text-to-video, education, interpretability]
---
# x2vkit

Type a sentence, watch a clip appear, look inside every step. The model is small, really trained and runs on
the Space's processor; nothing is downloaded and nothing leaves the page.

Run it here: `pip install -r requirements.txt "gradio=={gradio}" && python app.py`. Put it online:
`hf upload USER/NAME . --repo-type space`.
"""
STATIC_HEADER = """---
title: x2vkit
emoji: 🎬
colorFrom: blue
colorTo: purple
sdk: static
app_file: index.html
pinned: false
license: apache-2.0
short_description: A Sora-style video model in your browser
tags: [text-to-video, education, interpretability]
---
# x2vkit

Type a sentence, watch a clip appear, look inside every step. The model runs in the visitor's browser: the
Space serves files alone. Put it online: `hf upload USER/NAME . --repo-type space`.
"""
LARGE_FILES = "*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.x2v filter=lfs diff=lfs merge=lfs -text\n"


def export(folder: str | os.PathLike[str], model: str | None = None) -> None:
    """Write the folder, and say what to do with it.

    model: the name of shipped weights, or a folder of others or of a LoRA, which is copied along. Raises
    X2VError for a folder that holds something or cannot be written, and for weights that are not there.
    """
    target, got = _free(folder)
    package = Path(__file__).parents[1]
    weights = None if model is None or model in shipped() else Path(model)
    if weights is not None and not (weights / "model_index.json").is_file():
        if not (weights / LORA_FILE).is_file() or lora_base(weights) not in shipped():
            rule = "no such weights ship, and no such folder holds any, or a LoRA of weights that ship"
            raise X2VError(f"model {model!r}", rule, "give a folder that save_pretrained wrote")
    name = "" if model is None else repr(model)
    try:
        target.mkdir(parents=True, exist_ok=True)
        ignore = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")
        shutil.copytree(package, target / "x2vkit", ignore=ignore)
        if weights is not None:
            shutil.copytree(weights, target / MODEL, ignore=ignore)
            name = f'str(Path(__file__).parent / "{MODEL}")'
        app = APP.format(model=name)
        if weights is None:
            app = app.replace("from pathlib import Path\n\n", "")
        (target / "app.py").write_text(app)
        (target / "requirements.txt").write_text(requirements())
        (target / "README.md").write_text(HEADER.format(gradio=version("gradio")))
        (target / ".gitattributes").write_text(LARGE_FILES)
    except OSError as error:
        raise X2VError(got, f"it cannot be written ({error})", "use another") from error
    print(f"wrote {target}: `python app.py` there runs it, and this puts it online:")
    print(f"    hf upload USER/NAME {target} --repo-type space")


def export_static(folder: str | os.PathLike[str], model: str | None = None) -> None:
    """Write a folder for a Space of plain files, in which the visitor's browser computes, and say what to do.

    model: as in `export`. Raises X2VError for a folder that holds something or cannot be written, for weights
    that are not there, and without the package onnx.
    """
    target, got = _free(folder)
    name = DEFAULT_MODEL if model is None else model
    weights_folder(name)
    check_installed(got)
    from x2vkit.run.load import load
    from x2vkit.run.versions import weights_hash
    from x2vkit.web.write import write_page

    pipeline = load(name)
    write_page(pipeline, target, model=name, weights=weights_hash(pipeline), as_folder=True)
    (target / "README.md").write_text(STATIC_HEADER)
    (target / ".gitattributes").write_text("*.bin filter=lfs diff=lfs merge=lfs -text\n")
    print(f"wrote {target}: `python -m http.server -d {target}` shows it, and this puts it online:")
    print(f"    hf upload USER/NAME {target} --repo-type space")


def _free(folder: str | os.PathLike[str]) -> tuple[Path, str]:
    """A folder to write, and how messages name it. X2VError where something is there already."""
    target, got = Path(folder), f"--export-space {str(folder)!r}"
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise X2VError(got, "something is there already", "name a new or empty folder")
    return target, got


def requirements() -> str:
    """The packages, in the versions installed here; torch without CUDA, which a free Space has no use for."""
    lines = ["--extra-index-url https://download.pytorch.org/whl/cpu"]
    for name in NEEDED:
        try:
            lines.append(f"{name}=={version(name).partition('+')[0]}")
        except PackageNotFoundError:
            lines.append(name)
    return "\n".join(lines) + "\n"
