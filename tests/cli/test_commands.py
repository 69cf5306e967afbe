"""The command line: what it refuses at once, what it says, what it leaves on disk. The model is made up."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from x2vkit.cli import commands as cli
from x2vkit.cli import generate
from x2vkit.core.conditions import Conditions
from x2vkit.errors import X2VError
from x2vkit.run.capture import ALL
from x2vkit.trace import Trace


@pytest.fixture
def model(monkeypatch, make_trace):
    """A recorder that makes no effort; returns what it was asked for."""
    from x2vkit.run import load, record

    requests = []

    def generate(request, **options):
        requests.append((request, options))
        warnings.warn("words the model does not know, left out: flurb", stacklevel=2)
        for _ in range(request.steps):
            options["on_step"](None)
        return make_trace(request=request.to_dict())

    monkeypatch.setattr(load, "load", lambda name, lora: f"the {name} model" + " with a LoRA" * len(lora))
    monkeypatch.setattr(record, "generate", generate)
    return requests


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".png", ".x2v"])
def test_every_suffix_writes_its_format(model, tmp_path, capsys, suffix):
    path = tmp_path / f"clip{suffix}"
    assert cli.main(["generate", "a red ball", "-o", str(path)]) == 0
    start = path.read_bytes()[:12]
    magic = {".mp4": b"ftyp", ".gif": b"GIF8", ".webp": b"WEBP", ".png": b"PNG", ".x2v": b"{"}[suffix]
    assert magic in start
    if suffix == ".x2v":
        assert Trace.load(path).prompt == "a red ball"
    out, err = capsys.readouterr()
    assert "read: red ball" in out and str(path) in out
    assert "note: words the model does not know, left out: flurb" in err
    assert "3/3" in err or "20/20" in err  # the progress bar


def test_several_prompts_make_one_sheet_each_with_the_next_seed(model, tmp_path, capsys):
    path = tmp_path / "sheet.png"
    assert cli.main(["generate", "a dog", "a cat", "a car", "--seed", "4", "-o", str(path)]) == 0
    assert [(request.prompt, request.seed) for request, _ in model] == [
        ("a dog", 4),
        ("a cat", 5),
        ("a car", 6),
    ]
    width, height = Image.open(path).size
    assert width > 4 * 48 and height > 3 * 32  # a row of moments for each
    assert "3 clips, seeds 4 to 6" in capsys.readouterr().out
    assert cli.main(["generate", "a dog", "a cat", "-o", str(tmp_path / "two.x2v")]) == 2


def test_options_reach_the_run(model, tmp_path):
    Image.new("RGB", (300, 100), "red").save(tmp_path / "start.png")
    options = "--seed 3 --steps 5 --guidance 2.5 --num-frames 9 --width 160 --height 96 --fps 8 --model base"
    options = [*options.split(), "--scheduler", "heun", "--negative-prompt", "snow"]
    options += ["--image", f"{tmp_path}/start.png", "-o", f"{tmp_path}/a.png"]
    assert cli.main(["generate", "a dog", *options]) == 0
    request, given = model[0]
    expected = {"prompt": "a dog", "negative_prompt": "snow", "seed": 3, "steps": 5, "guidance": 2.5}
    expected |= {"num_frames": 9, "width": 160, "height": 96, "fps": 8, "model": "base", "scheduler": "heun"}
    assert expected.items() <= request.to_dict().items()
    assert given["image"].shape == (96, 160, 3)
    assert given["pipeline"] == "the base model"


def test_json_is_one_object_on_stdout(model, tmp_path, capsys):
    assert cli.main(["generate", "a dog", "-o", str(tmp_path / "a.webp"), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["output"].endswith("a.webp") and made["unknown"] == ["flurb"] and made["prompt"] == "a dog"


BAD = {
    "suffix": ["-o", "clip.avi"],
    "no suffix": ["-o", "clip"],
    "folder": ["-o", "nowhere/clip.mp4"],
    "frames": ["--num-frames", "16"],
    "no frames": ["--num-frames", "0"],
    "width": ["--width", "100"],
    "no image": ["--image", "none.png"],
    "no steps": ["--steps", "0"],
    "steps": ["--steps", "1000"],
    "guidance": ["--guidance", "nan"],
    "seed": ["--seed", "-1"],
    "fps": ["--fps", "0"],
    "scheduler": ["--scheduler", "ddim"],
    "model": ["--model", "nope"],
    "lora": ["--lora", "nowhere"],
}


@pytest.mark.parametrize("options", BAD.values(), ids=BAD)
def test_bad_input_is_refused_before_the_model_loads(model, tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["generate", "a dog", *options]) == 2
    message = capsys.readouterr().err
    assert message.startswith("x2vkit: ") and "Traceback" not in message and message.count("\n") == 1
    assert model == [] and list(tmp_path.iterdir()) == []


def test_an_error_on_the_way_is_one_message(model, tmp_path, monkeypatch, capsys):
    from x2vkit.run import load

    def broken(*_, **__):
        raise X2VError("weights 'small'", "they hold NaN", "install x2vkit again")

    monkeypatch.setattr(load, "load", broken)
    assert cli.main(["generate", "a dog", "-o", str(tmp_path / "a.mp4")]) == 2
    assert "they hold NaN. install" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_nothing(model, tmp_path, monkeypatch, capsys):
    from x2vkit.run import record as recorder

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(recorder, "generate", interrupted)
    assert cli.main(["generate", "a dog", "-o", str(tmp_path / "a.mp4")]) == 130
    assert "Traceback" not in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("argv", [[], ["fly"], ["generate", "a", "--steps", "many"]])
def test_usage_errors_exit_2(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_prompts_are_words_or_lines_of_a_file(tmp_path, capsys):
    lines, empty, odd = (tmp_path / name for name in ("lines.txt", "empty.txt", "odd.txt"))
    lines.write_text("a dog\n\n  a red ball \n")
    empty.write_text("\n")
    odd.write_bytes(b"\xff\xfe\x00")
    assert generate.prompts_of(cli.parse(["generate", "--prompts", str(lines)])) == ["a dog", "a red ball"]
    assert generate.numbered(Path("out/clip.mp4"), 7) == Path("out/clip-007.mp4")
    for argv, told in (
        ([], "asked for in words"),
        (["a dog", "--prompts", str(lines)], "not both"),
        (["--prompts", str(empty)], "holds no prompt"),
        (["--prompts", str(odd)], "cannot be read"),
        (["--prompts", str(tmp_path / "none.txt")], "no such file"),
        (["--prompts", str(tmp_path)], "no ordinary file"),
    ):
        assert cli.main(["generate", *argv]) == 2
        assert told in capsys.readouterr().err


def test_help_is_instant_and_names_every_command():
    start = time.perf_counter()
    command = [sys.executable, "-m", "x2vkit", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert time.perf_counter() - start < 4  # torch alone takes longer on a busy machine
    assert all(name in done.stdout for name in cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_can_be_asked_for_help(name, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main([name, "--help"])
    assert stop.value.code == 0
    assert "options" in capsys.readouterr().out


def test_world_writes_a_sheet_of_moments(tmp_path, capsys):
    path = tmp_path / "world.png"
    argv = ["world", "-o", str(path), "--count", "2", "--num-frames", "5", "--width", "64", "--height", "48"]
    assert cli.main(argv) == 0
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (2 * 52 - 4, 5 * 68 - 4, 3)  # two rows of five frames
    assert len(capsys.readouterr().out.splitlines()) == 3  # two captions and the path


def test_world_refuses_an_empty_sheet(tmp_path):
    assert cli.main(["world", "-o", str(tmp_path / "world.png"), "--count", "0"]) == 2


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webp", ".png", ".x2v"])
def test_every_file_tells_how_it_was_made(model, tmp_path, capsys, suffix):
    path, prompt = tmp_path / f"clip{suffix}", 'a red ball & <Ünïcode> "quoted" 犬 = 1'
    assert cli.main(["generate", prompt, "--seed", "7", "-o", str(path)]) == 0
    capsys.readouterr()
    assert cli.main(["show", str(path), "--json"]) == 0
    (made,) = json.loads(capsys.readouterr().out)
    assert (made["prompt"], made["seed"], made["plan"]) == (prompt, 7, True)
    assert made["weights"] and made["steps"] and "x2vkit" in made
    assert cli.main(["show", str(path)]) == 0
    assert f"prompt             {prompt}" in capsys.readouterr().out


def test_a_sheet_tells_of_each_clip(model, tmp_path, capsys):
    path = tmp_path / "sheet.webp"
    assert cli.main(["generate", "a dog", "a cat", "-o", str(path)]) == 0
    capsys.readouterr()
    assert cli.main(["show", str(path), "--json"]) == 0
    assert [made["prompt"] for made in json.loads(capsys.readouterr().out)] == ["a dog", "a cat"]


def test_a_file_that_says_nothing_is_a_sentence(tmp_path, capsys):
    Image.new("RGB", (8, 8)).save(tmp_path / "plain.png")
    assert cli.main(["show", str(tmp_path / "plain.png")]) == 0
    assert "does not say" in capsys.readouterr().out
    (tmp_path / "text.mp4").write_text("no film")
    assert cli.main(["show", str(tmp_path / "text.mp4")]) == 2
    assert cli.main(["show", str(tmp_path / "none.gif")]) == 2


def test_a_gif_above_what_players_keep_is_told(tmp_path):
    path = tmp_path / "fast.gif"
    from x2vkit import media

    with pytest.warns(UserWarning, match="at most 50"):
        media.write_clip(path, np.random.default_rng(0).integers(0, 255, (8, 16, 16, 3), np.uint8), 100)
    with Image.open(path) as image:
        assert image.info["duration"] == 20


def test_a_video_boxes_and_no_plan_reach_the_run(model, tmp_path, capsys):
    from x2vkit import media

    frames = np.random.default_rng(0).integers(0, 255, (12, 96, 160, 3), np.uint8)
    film = media.write_clip(tmp_path / "mine.mp4", frames, 12)
    argv = ["generate", "a dog", "--video", str(film), "--strength", "0.5", "--plan", "off"]
    argv += ["--boxes", "0.1,0.2,0.5,0.9", "0.5,0.2,0.9,0.9", "-o", str(tmp_path / "a.png")]
    assert cli.main(argv) == 0
    request, given = model[0]
    assert request.plan is False and request.num_frames == 9 and given["strength"] == 0.5
    assert given["video"].shape == (9, 128, 128, 3)
    each = np.array([[0.1, 0.2, 0.5, 0.9], [0.5, 0.2, 0.9, 0.9]])
    np.testing.assert_allclose(given["boxes"], np.repeat(each[:, None], 9, axis=1))
    assert "has 12 frames" in capsys.readouterr().err


@pytest.mark.parametrize("box", ["0.1,0.2,0.5", "a,b,c,d", "0.5,0.2,0.1,0.9", "nan,0,1,1"])
def test_a_box_that_is_none_is_refused(model, tmp_path, capsys, box):
    assert cli.main(["generate", "a dog", "--boxes", box, "-o", str(tmp_path / "a.png")]) == 2
    assert "x0,y0,x1,y1" in capsys.readouterr().err and not model


def test_a_lora_is_added_to_the_model(model, tmp_path):
    (tmp_path / "pytorch_lora_weights.safetensors").touch()
    assert cli.main(["generate", "a dog", "--lora", str(tmp_path), "-o", str(tmp_path / "a.png")]) == 0
    assert model[0][1]["pipeline"] == "the small model with a LoRA"


def test_strokes_and_a_camera_reach_the_run(model, tmp_path):
    argv = ["generate", "a dog", "--strokes", "0.2,0.6:0.8,0.6@0.15", "--boxes", "0.1,0.4,0.4,0.8"]
    argv += ["--camera", "pan left", "--control-guidance", "2", "--attention", "-o", str(tmp_path / "a.x2v")]
    assert cli.main(argv) == 0
    request, given = model[0]
    drawn = Conditions.draw(
        (17, 128, 128),
        boxes=[(0.1, 0.4, 0.4, 0.8)],
        strokes=[([(0.2, 0.6), (0.8, 0.6)], 0.15)],
        camera=[(-0.02 * i, 0, 1) for i in range(17)],
    )
    for name, value in vars(drawn).items():
        torch.testing.assert_close(getattr(given["conditions"], name), value)
    assert request.control_guidance == 2 and given["attention"] is ALL and "boxes" not in given


def test_another_clips_plan_is_a_flag(model, tmp_path, make_trace):
    plan = {"boxes": np.random.default_rng(0).random((17, 2, 4)).astype(np.float32)}
    frames = np.zeros((17, 32, 48, 3), np.uint8)
    changed = {"frames": frames, "plan": plan, "latents": np.zeros((4, 4, 5, 4, 6), np.float16)}
    changed |= {"pred_x0": np.zeros((3, 4, 5, 4, 6), np.float16), "queries": {}, "keys": {}, "heads": ()}
    made = make_trace(**changed).save(tmp_path / "made.x2v")
    told = tmp_path / "plan.json"
    told.write_text(json.dumps({"boxes": plan["boxes"].tolist(), "mouth": [None] * 17}))
    for source in (made, told):
        assert cli.main(["generate", "a dog", "--plan", str(source), "-o", str(tmp_path / "a.png")]) == 0
        request, given = model[-1]
        np.testing.assert_array_equal(given["plan"]["boxes"], plan["boxes"])
        assert request.plan is True
    assert np.isnan(given["plan"]["mouth"]).all()
    short = ["generate", "a dog", "--num-frames", "9", "--plan", str(made), "-o", str(tmp_path / "b.png")]
    assert cli.main(short) == 2 and len(model) == 2


MANY = "9" * 400
CONTROLS = {
    "a box with no corner": ["--boxes", "[[0.1, 0.2, 0.5], null]"],
    "three boxes": ["--boxes", "0,0,1,1", "0,0,1,1", "0,0,1,1"],
    "nulls that do not fit the frames": ["--boxes", "[[0, 0, 1, 1], null, [0, 0, 1, 1]]"],
    "one point": ["--strokes", "0.2,0.6"],
    "radius": ["--strokes", "0.2,0.6:0.8,0.6@wide"],
    "no radius": ["--strokes", "0.2,0.6:0.8,0.6@0"],
    "move": ["--camera", "pan sideways"],
    "zoom": ["--camera", "0,0,0"],
    "plan": ["--plan", "maybe"],
    "tracks": ["--plan", '{"box": 1}'],
    "JSON": ["--camera", "[[0, 0, 1]"],
    "no file": ["--boxes", "none.json"],
    "attention": ["--attention"],
    "strength of no video": ["--strength", "0.5"],
    "no strokes": ["--strokes", "[]"],
    "no tracks": ["--plan", "{}"],
    "no camera": ["--camera", ""],
    "box outside": ["--boxes", "1.2,0,1.5,1"],
    "stroke outside": ["--strokes", "2,2:3,3"],
    "many digits in a box": ["--boxes", f"[[0, 0, 1, {MANY}]]"],
    "many digits in a text": ["--boxes", f"0,0,1,{MANY}"],
    "many digits in a stroke": ["--strokes", f"[[0, 0], [1, {MANY}]]"],
    "many digits in a radius": ["--strokes", f'{{"path": [[0, 0], [1, 1]], "radius": {MANY}}}'],
    "many digits in a camera": ["--camera", f"[0, 0, {MANY}]"],
    "many digits in a plan": ["--plan", f'{{"mouth": [{MANY}]}}'],
    "infinite plan": ["--plan", f'{{"mouth": [{", ".join(["1e300"] * 17)}]}}'],
    "huge camera": ["--camera", "1e300,0,1"],
    "huge camera below zero": ["--camera", "-1e300,0,1"],
}


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("options", CONTROLS.values(), ids=CONTROLS)
def test_control_that_is_none_is_refused_at_once(model, tmp_path, monkeypatch, capsys, options):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["generate", "a dog", *options]) == 2
    message = capsys.readouterr().err
    assert message.startswith("x2vkit: ") and message.count("\n") == 1
    assert model == [] and list(tmp_path.iterdir()) == []


def test_boxes_of_every_frame_as_json(model, tmp_path):
    rows = [None] * 3 + [[0.1, 0.2, 0.5, 0.9]] * 14
    (tmp_path / "boxes.json").write_text(json.dumps(rows))
    argv = ["generate", "a dog", "--boxes", str(tmp_path / "boxes.json"), "-o", str(tmp_path / "a.png")]
    assert cli.main(argv) == 0
    (track,) = model[0][1]["boxes"]
    assert np.isnan(track[:3]).all()
    np.testing.assert_allclose(track[3:], [[0.1, 0.2, 0.5, 0.9]] * 14, rtol=1e-6)


@pytest.mark.parametrize("flag", ["--boxes", "--strokes", "--camera", "--plan", "--prompts"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_ordinary_file_is_refused_at_once(model, tmp_path, capsys, flag, make):
    make(tmp_path / "given.json")
    words = [] if flag == "--prompts" else ["a dog"]
    assert cli.main(["generate", *words, flag, str(tmp_path / "given.json")]) == 2
    assert "no ordinary file" in capsys.readouterr().err and not model


@pytest.mark.parametrize("name", ["clip.mp4", "clip.png", "clip.x2v", "clip"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_show_refuses_what_is_no_ordinary_file(tmp_path, capsys, name, make):
    make(tmp_path / name)
    assert cli.main(["show", str(tmp_path / name)]) == 2
    assert "no ordinary file" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["5", "true", '"a"', "null", "[5]", "{}", "[{}]"])
def test_strokes_of_another_kind_are_refused(model, tmp_path, capsys, value):
    (tmp_path / "five.json").write_text(value)
    assert cli.main(["generate", "a dog", "--strokes", str(tmp_path / "five.json")]) == 2
    assert "a stroke is x,y:x,y" in capsys.readouterr().err and not model


def test_values_may_begin_with_a_minus(model, tmp_path):
    argv = ["generate", "a dog", "--negative-prompt", "-blurry", "--camera", "-0.2,0,1"]
    argv += ["--strokes", "0.2,0.2:0.5,0.5", "-.1,0.5:0.5,0.5", "--boxes", "-1,-1,2,2"]
    argv += ["-o", str(tmp_path / "a.png")]
    assert cli.main(argv) == 0
    args = cli.parse(argv)
    assert args.camera == "-0.2,0,1" and args.strokes[1] == "-.1,0.5:0.5,0.5" and args.boxes == ["-1,-1,2,2"]
    assert model[0][0].negative_prompt == "-blurry" and "conditions" in model[0][1]
    assert cli.parse(["generate", "--negative-prompt", "snow", "-oa.png"]).output == "a.png"
    with pytest.raises(SystemExit):
        cli.parse(["generate", "a dog", "--negative-prompt", "-o", "a.png"])


def test_help_tells_the_range_of_strength(capsys):
    with pytest.raises(SystemExit):
        cli.main(["generate", "--help"])
    assert "anew, 0.1 to 1 (0.6)" in " ".join(capsys.readouterr().out.split())
