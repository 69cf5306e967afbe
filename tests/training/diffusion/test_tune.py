"""Tuning a trained model to a few clips of one's own: words, replay, LoRA, and what comes out."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch

from x2vkit.cli import main
from x2vkit.errors import X2VError
from x2vkit.media import write_clip
from x2vkit.run.backend import ModelBackend
from x2vkit.run.load import load
from x2vkit.run.record import generate
from x2vkit.training.diffusion import tune
from x2vkit.training.diffusion.tune import TuneTask, grown_vocabulary
from x2vkit.training.engine import Engine
from x2vkit.training.recipe import EngineConfig, Recipe
from x2vkit.world.dataset import VideoFolder

CAPTIONS = ["a red jellyfish rising", "a blue jellyfish sinking", "a puppy rising"]


@pytest.fixture(scope="module")
def start(planning, tmp_path_factory):
    """A folder of trained weights with a planner: random ones, and another guidance than usual."""
    folder = tmp_path_factory.mktemp("start")
    planning.save_pretrained(folder)
    config = json.loads((folder / "text_encoder" / "config.json").read_text())
    config["synonyms"] |= {"bouncing": None}  # known within phrases alone
    (folder / "text_encoder" / "config.json").write_text(json.dumps(config))
    (folder / "sampling.json").write_text(json.dumps({"steps": 2, "guidance": 3.0}))
    return folder


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mine")
    (folder / "videos").mkdir()
    rng = np.random.default_rng(0)
    for i in range(len(CAPTIONS)):
        frames = np.full((5, 32, 32, 3), rng.integers(60, 200, 3), np.uint8)
        frames[:, 8:20, 4 + 4 * i : 16 + 4 * i] = 230
        write_clip(folder / "videos" / f"{i}.mp4", frames, 12)
    rows = [f"{i}.mp4,{caption}" for i, caption in enumerate(CAPTIONS)]
    (folder / "captions.csv").write_text("\n".join(["video,caption", *rows]))
    return folder


def recipe(start, **data) -> Recipe:
    engine = EngineConfig(
        steps=3, batch=2, warmup=1, log_every=1, eval_every=3, sample_grid_every=0, save_every=3, ema=0.1
    )
    bucket = {"frames": 5, "height": 32, "width": 32, "clips": 3}
    usual = {"init_from": str(start), "buckets": [bucket], "replay": 4, "validation": 2, "planned": 0.5}
    return Recipe("tune", engine, seed=3, data=usual | {"auxiliary_loss": 0.0, "max_words": 7} | data)


@pytest.fixture(scope="module")
def latents(tmp_path_factory):
    return tmp_path_factory.mktemp("latents")


def task(start, videos, latents, pipeline, **data) -> TuneTask:
    return TuneTask(recipe(start, **data), latents, pipeline.vae, VideoFolder(videos), quiet=True)


def test_words_the_model_cannot_read_stand_behind_its_own_in_order_of_arrival(
    start, videos, latents, pipeline
):
    made = task(start, videos, latents, pipeline)
    old = pipeline.text_encoder.words
    assert made.reader.words == [*old, "jellyfish", "rising", "sinking"]
    assert made.new_words == made.learned == ["jellyfish", "rising", "sinking"]
    assert made.reader.tokenize("a puppy rising").words == ("<start>", "a", "dog", "rising")
    model = made.build()
    torch.testing.assert_close(
        model.text_encoder.token_embed.weight[: len(old)].float(),
        pipeline.text_encoder.token_embed.weight.float(),
    )
    for name, value in model.transformer.state_dict().items():
        torch.testing.assert_close(value, pipeline.transformer.state_dict()[name])


def test_a_word_known_within_phrases_alone_is_learned_in_its_row(start, videos, tmp_path):
    shutil.copytree(videos, tmp_path / "mine")
    text = (tmp_path / "mine" / "captions.csv").read_text()
    (tmp_path / "mine" / "captions.csv").write_text(text.replace("a puppy rising", "a puppy bouncing"))
    words, synonyms = grown_vocabulary(start, VideoFolder(tmp_path / "mine"))
    assert words[-3:] == ["jellyfish", "rising", "sinking"] and words.count("bouncing") == 1
    assert "bouncing" not in synonyms


def test_a_step_learns_from_own_clips_and_from_as_many_of_the_world(start, videos, latents, pipeline):
    own, world = task(start, videos, latents, pipeline).batches(0)
    assert len(own["t"]) == len(world["t"]) == 2
    assert not own["truth"][:, 1:3].any() and not own["control"].any()  # nobody knows where anything is
    assert world["truth"][:, 1:3].any()
    assert len(task(start, videos, latents, pipeline, replay=0).batches(0)) == 1


def test_what_is_exported_loads_and_keeps_planner_and_sampling(start, videos, latents, pipeline, tmp_path):
    made = task(start, videos, latents, pipeline)
    engine = Engine(made, tmp_path, quiet=True)
    engine.run()
    engine.export()
    pipe = load(str(tmp_path / "pipeline"))
    assert pipe.sampling.guidance == 3.0
    assert pipe.planner is not None and pipe.planner.id_of.keys() == set(pipeline.text_encoder.words)
    assert pipe.text_encoder.tokenize("a red jellyfish rising").unknown == ()
    with pytest.warns(UserWarning, match="the planner has not learned jellyfish: --plan off"):
        generate("a red jellyfish", pipeline=pipe, num_frames=5, height=32, width=32, steps=1)
    assert made.report(engine.log)[0].startswith("held-out loss, your clips: ")
    rows = [json.loads(line) for line in engine.log.read_text().splitlines()]
    judged = [row for row in rows if "world" in row]
    assert [row["step"] for row in judged] == [0, 3] and judged[0]["world"] != judged[1]["world"]


def test_a_lora_learns_alone_and_brings_its_words_to_the_model(start, videos, latents, pipeline, tmp_path):
    made = task(start, videos, latents, pipeline, lora=2)
    engine = Engine(made, tmp_path, quiet=True)
    before = {name: value.clone() for name, value in engine.model.state_dict().items()}
    engine.run()
    engine.export()
    old = len(pipeline.text_encoder.words)
    for name, value in engine.averaged().state_dict().items():
        same = torch.equal(value, before[name])
        if name == "text_encoder.token_embed.weight":
            assert torch.equal(value[:old], before[name][:old]) and not torch.equal(
                value[old:], before[name][old:]
            )
        else:
            assert same == (".lora_" not in name), name
    by_folder, added = load(str(tmp_path / "lora")), load(str(start), lora=tmp_path / "lora")
    for pipe in (by_folder, added):
        assert pipe.sampling.guidance == 3.0
        assert pipe.text_encoder.tokenize("a jellyfish rising").unknown == ()
    quick = {"num_frames": 5, "height": 32, "width": 32, "plan": False, "output_type": "np"}

    def clip(pipe):
        return pipe("a jellyfish", **quick, generator=torch.Generator().manual_seed(0)).frames

    own = made.make_pipeline(made.vae, engine.averaged())
    np.testing.assert_allclose(clip(by_folder), clip(own), atol=1e-4)
    np.testing.assert_array_equal(clip(by_folder), clip(added))
    backend = ModelBackend((str(tmp_path / "lora"),))
    assert backend.lexicon(str(tmp_path / "lora")).words == added.text_encoder.words
    assert backend.sampling(str(tmp_path / "lora")).guidance == 3.0
    np.testing.assert_array_equal(clip(backend.pipeline(str(tmp_path / "lora"))), clip(added))
    plain = load(str(start))
    added.unload_lora_weights()
    assert added.text_encoder.words == plain.text_encoder.words
    np.testing.assert_array_equal(clip(added), clip(plain))
    with pytest.raises(X2VError, match="a LoRA is no whole model"):
        task(tmp_path / "lora", videos, latents, pipeline)


def test_the_grid_shows_the_users_own_captions_in_the_trained_shape(start, videos, latents, pipeline):
    made = task(start, videos, latents, pipeline)
    assert made.sample_prompts() == CAPTIONS
    with torch.inference_mode():
        assert made.sample_grid(made.build().eval()).shape == (3 * 32, 2 * 32, 3)


def test_an_autoencoder_that_cannot_draw_the_clips_is_told(start, videos, latents, pipeline, monkeypatch):
    made = task(start, videos, latents, pipeline)
    video = VideoFolder(videos).sample(0, 5, 32, 32).frames
    with torch.inference_mode():
        from x2vkit.training.dataset import to_video

        wanted = to_video(video[None])
        drawn = pipeline.vae.decode_latents(pipeline.vae.encode_video(wanted)).clamp(-1, 1)
    first = 10 * np.log10(4 / float((drawn - wanted).square().mean()))
    monkeypatch.setattr(tune, "CHECKED", 1)
    assert made.autoencoder_psnr() == pytest.approx(first, abs=0.01)
    assert f"autoencoder: {first:.1f} dB" in made.notes()[0] and "warning: below 26 dB" in made.notes()[1]
    assert made.notes()[2] == "new words: jellyfish, rising, sinking" and "--plan off" in made.notes()[3]
    monkeypatch.setattr(tune, "LOW_PSNR", 0)
    assert len(made.notes()) == 3


def test_tune_wants_videos_and_the_autoencoder_of_its_weights(start, vae, videos, tmp_path, capsys):
    assert main(["train", "tune", "--init-from", str(start), "--out", str(tmp_path)]) == 2
    assert "add --videos DIR" in capsys.readouterr().err
    vae.save_pretrained(tmp_path / "other")
    more = ["--videos", str(videos), "--vae", str(tmp_path / "other"), "--out", str(tmp_path)]
    assert main(["train", "tune", "--init-from", str(start), *more]) == 2
    assert "another autoencoder" in capsys.readouterr().err
    assert main(["train", "small", "--lora", "2", "--out", str(tmp_path)]) == 2
    assert "lora" in capsys.readouterr().err
