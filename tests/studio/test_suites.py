"""The suites of the studio: what they ask, and that real renders reach the ceiling."""

from __future__ import annotations

from tqdm import tqdm

from x2vkit.judge import Judge
from x2vkit.judge.sampling import ClipSampler
from x2vkit.studio.character import Character
from x2vkit.studio.suites.cast import OWN, SHOTS, _who, cast, stories
from x2vkit.world.grammar import is_held_out


def test_a_story_is_six_places_of_one_character():
    for story in stories(8, 3):
        assert len({spec.scene for spec in story}) == SHOTS and not any(map(is_held_out, story))
        lead = Character(_who(story[0]))
        item, color = story[0].wearing
        stated = {
            "subject": story[0].subject,
            "color": story[0].color,
            "wearing": item,
            "wearing_color": color,
        }
        assert lead.stated() == stated
        assert len({(spec.subject, spec.color, spec.wearing) for spec in story}) == 1


def test_real_renders_stay_who_they_are():
    run = ClipSampler(Judge.load(), None, 2 * SHOTS, 0, {}, 8, tqdm(disable=True))
    figures = {figure.name: figure for figure in cast(run)}
    assert list(figures) == ["stays who it is", "the same in all six shots", "and does what the shot says"]
    assert figures["stays who it is"].ceiling > 0.7 and figures["stays who it is"].score is None
    assert set(OWN) == {"subject", "color", "wearing", "wearing_color"}
