"""The folder for a Space: complete, honest about what it needs, and running as it is."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest

import x2vkit
from tests.web.tiny import pipeline
from x2vkit.demo import space
from x2vkit.errors import X2VError
from x2vkit.registry import LORA_FILE

ROOT = Path(x2vkit.__file__).parent.parent


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made = tmp_path_factory.mktemp("out") / "space"
    space.export(made)
    return made


def test_the_readme_is_what_a_space_reads(folder):
    header = (folder / "README.md").read_text().split("---")[1]
    values = dict(line.split(": ", 1) for line in header.strip().splitlines())
    assert values["sdk"] == "gradio" and values["sdk_version"] == version("gradio")
    assert (folder / values["app_file"]).is_file()
    assert len(values["short_description"]) <= 60  # the Hub refuses longer ones


def test_it_needs_what_the_package_needs(folder):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {re.split(r"[<>=]", one)[0] for one in project["dependencies"]}
    listed = {line.split("==")[0] for line in (folder / "requirements.txt").read_text().splitlines()[1:]}
    assert listed == needed


def test_everything_that_runs_is_in_it(folder):
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert {"app.py", "requirements.txt", "README.md", ".gitattributes", "x2vkit/demo/page.py"} <= names
    assert "x2vkit/weights/small/model_index.json" in names and "x2vkit/demo/static/stage.js" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(X2VError, match="something is there"):
        space.export(tmp_path)
    with pytest.raises(X2VError, match="something is there"):
        space.export(tmp_path / "precious.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_other_weights_come_along(tmp_path, pipeline):
    pipeline.save_pretrained(tmp_path / "mine")
    space.export(tmp_path / "space", str(tmp_path / "mine"))
    assert (tmp_path / "space" / "model" / "model_index.json").is_file()
    app = (tmp_path / "space" / "app.py").read_text()
    assert 'Path(__file__).parent / "model"' in app
    compile(app, "app.py", "exec")


def test_a_lora_comes_along_where_its_weights_ship(tmp_path):
    lora = tmp_path / "lora"
    lora.mkdir()
    (lora / LORA_FILE).touch()
    space.export(tmp_path / "space", str(lora))
    assert (tmp_path / "space" / "model" / LORA_FILE).is_file()
    (lora / "training.json").write_text('{"base": "runs/mine/pipeline"}')
    with pytest.raises(X2VError, match="a LoRA of weights that ship"):
        space.export(tmp_path / "other", str(lora))


@pytest.mark.slow
def test_it_runs_as_it_is(folder, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment |= {"GRADIO_SERVER_PORT": str(port), "GRADIO_TEMP_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "app.py"], cwd=folder, env=environment)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                assert "x2vkit" in httpx.get(f"http://127.0.0.1:{port}/", timeout=30).text
                break
            except httpx.TransportError:
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.3)
        url = f"http://127.0.0.1:{port}/gradio_api/call/generate"
        data = ["a red ball", "", None, None, 0.6, "square", 0.4, 2, 4.0, 3, ""]
        event = httpx.post(url, json={"data": data}, timeout=60).json()["event_id"]
        assert "event: complete" in httpx.get(f"{url}/{event}", timeout=180).text
    finally:
        process.kill()
        process.wait()


def test_a_static_space_holds_the_page_of_any_pipeline(tmp_path):
    weights = tmp_path / "weights"
    pipeline().save_pretrained(weights)
    space.export_static(tmp_path / "space.html", str(weights))
    header = (tmp_path / "space.html" / "README.md").read_text().split("---")[1]
    values = dict(line.split(": ", 1) for line in header.strip().splitlines())
    assert values["sdk"] == "static" and len(values["short_description"]) <= 60
    assert b"Content-Security-Policy" in (tmp_path / "space.html" / values["app_file"]).read_bytes()
    assert (tmp_path / "space.html" / "data" / "step.weights.bin").is_file()
    with pytest.raises(X2VError, match="something is there already"):
        space.export_static(tmp_path / "space.html")
