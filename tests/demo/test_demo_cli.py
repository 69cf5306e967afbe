"""`x2vkit demo` and `x2v.demo`: what is refused before anything loads, and from the command to a page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

import x2vkit
from x2vkit.cli import commands as cli
from x2vkit.errors import X2VError

ROOT = Path(x2vkit.__file__).parent.parent


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--auth ann", "USER:PASS"),
        ("--auth :secret", "USER:PASS"),
        ("--port 0", "1 to 65535"),
        ("--port 99999", "1 to 65535"),
        ("--max-queue 0", "at least one"),
        ("--model nowhere/at/all --export-space {tmp}/space", "save_pretrained"),
    ],
)
def test_bad_arguments_are_told(arguments, message, capsys, tmp_path):
    assert cli.main(["demo", *arguments.format(tmp=tmp_path).split()]) == 2
    told = capsys.readouterr().err
    assert message in told and "Traceback" not in told


def test_mcp_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setattr("x2vkit.demo.cli.find_spec", lambda name: None)
    assert cli.main(["demo", "--mcp"]) == 2
    assert "gradio[mcp]" in capsys.readouterr().err


def test_without_gradio_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr("x2vkit.demo.find_spec", lambda name: None)
    with pytest.raises(X2VError, match=r"x2vkit\[demo\]"):
        x2vkit.demo()


def test_the_name_is_callable_before_and_after_its_module_is_imported():
    code = "import x2vkit as x; assert callable(x.demo); import x2vkit.demo.cli; assert callable(x.demo)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_choosing_the_command_brings_neither_gradio_nor_torch():
    code = (
        "import sys; from x2vkit.cli import commands as cli; cli.parse(['demo', '--port', '7']); "
        "import x2vkit.run.request; import x2vkit.run.files; import x2vkit.run.backend; "
        "assert not {'gradio', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_building_the_page_brings_no_torch():
    code = "import sys; from x2vkit.demo.page import build; build(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_from_the_command_to_a_page_and_its_end(tmp_path):
    environment = os.environ | {"GRADIO_TEMP_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "x2vkit", "demo", "--max-queue", "3"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background ignores it
    )  # fmt: skip
    try:
        assert process.stdout
        line = process.stdout.readline()
        assert line.startswith("x2vkit: http://127.0.0.1:")
        url = line.split()[1]
        deadline = time.monotonic() + 60
        while httpx.get(url, timeout=60).status_code != 200:
            assert time.monotonic() < deadline
        answer = httpx.post(f"{url}gradio_api/call/models", json={"data": []}, timeout=60)
        assert answer.status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) in (0, 130)
    finally:
        process.kill()
        process.wait()
