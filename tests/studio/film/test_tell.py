"""Rules write a film from an idea: events in their order, who carries over, a beginning and an end."""

from __future__ import annotations

import pytest

from x2vkit import X2VError, expand, storyboard
from x2vkit.studio.film.tell import clauses
from x2vkit.studio.film.verbs import action_of, place_of
from x2vkit.world.grammar import MOVES


def test_a_hat_is_lost_and_found():
    board = storyboard("a dog loses its hat and finds it again")
    assert [shot.who for shot in board.shots] == ["the dog", "the dog without its hat", "the dog", "the dog"]
    assert "hat" in board.cast["dog"].description
    assert board.shots[2].camera == "zoom in"  # the discovery, from near
    assert board.shots[0].cut == "fade" == board.shots[-1].cut


def test_pronouns_places_and_directions_carry_over():
    board = storyboard(
        "A robot walks through the city, meets a green cat, and then it flies back to the moon."
    )
    assert [(s.who, s.what, s.where) for s in board.shots[:3]] == [
        ("the robot", "walking to the right", "in the city"),
        ("the robot", "next to a green cat", "in the city"),
        ("the robot", "flying to the left", "in space"),
    ]


def test_what_is_said_is_kept_and_what_is_not_is_drawn_by_the_seed():
    said = "a small green rabbit with a red scarf hops"
    assert storyboard(said, seed=1).cast["rabbit"].description == "a small green rabbit wearing a red scarf"
    unsaid = {storyboard("a dog with a hat runs", seed=seed).cast["dog"].description for seed in range(6)}
    assert len(unsaid) > 1 and all(one.startswith("a brown dog wearing a") for one in unsaid)
    assert storyboard(said) == storyboard(said)


def test_as_many_shots_as_are_asked_for():
    for count in (1, 2, 6, 9):
        assert len(storyboard("a cat sleeps", shots=count).shots) == count


def test_notes_say_what_stands_in_for_what():
    board = storyboard("the king went to the sea")
    assert '"king" is shown as a face' in board.notes
    assert board.shots[1].where == "on the beach"
    assert any("a dog plays" in note for note in storyboard("it rains").notes)


def test_words_mean_what_expand_says_they_mean():
    idea = "a poodle strolls through Tokyo, then a whale floats by the seaside and a puppy waddles"
    shots = storyboard(idea).shots
    said = [(s.who, s.what.split(" to the ")[0], s.where) for s in shots[:3]]
    assert said == [("the dog", "walking", "in the city"), ("the fish", "swimming", "on the beach"),
                    ("the dog", "walking", "on the beach")]  # fmt: skip
    for shot, part in zip(shots, clauses(idea), strict=False):
        read = expand(part, 1).specs[0]
        assert shot.who == f"the {read.subject}" and MOVES[read.action][0] == shot.what.split(" to the ")[0]
    assert storyboard("a dogg runs").notes == storyboard("a xyzz runs").notes  # no guess by spelling


def test_words_that_are_spoken():
    board = storyboard('a robot runs, then it says "hello, and then. you" and flies')
    assert [shot.says for shot in board.shots if shot.says] == ["hello, and then. you"]
    assert [shot.what for shot in board.shots[:3]] == [
        "running to the right",
        "talking",
        "flying to the right",
    ]


@pytest.mark.parametrize(
    ("idea", "events"),
    [
        ("After the rain stops, a cat runs home", ["the rain stops", "a cat runs home"]),
        ("a cat sleeps before a dog comes", ["a cat sleeps", "a dog comes"]),
        ("a red and blue ball rolls", ["a red and blue ball rolls"]),
        ("a dog, then a cat. Finally they run!", ["a dog", "a cat", "they run"]),
    ],
)
def test_clauses(idea, events):
    assert clauses(idea) == events


def test_verbs_in_their_forms_and_places_by_their_meaning():
    known = {
        "hurried": "running",
        "swam": "swimming",
        "goes": "walking",
        "stopped": "standing still",
        "hat": "",
    }
    assert {word: action_of(word) for word in known} == known
    assert (place_of("to the ocean shore"), place_of("by moonlight"), place_of("a dog")) == (
        "beach",
        "night",
        "",
    )


@pytest.mark.parametrize(
    ("idea", "given", "said"),
    [
        ("", {}, "an idea says who does what"),
        ("?!", {}, "an idea says who does what"),
        (3, {}, "idea"),
        ("x" * 20_000, {}, "idea of 20,000 characters"),
        ("a dog", {"shots": 500}, "shots=500.*from 1 to 60"),
        ("a dog", {"shots": 0}, "shots=0"),
        ("a dog", {"seconds": -1}, "seconds=-1"),
        ("a dog", {"seed": "x"}, "seed='x'"),
    ],
)
def test_what_is_no_idea_is_refused(idea, given, said):
    with pytest.raises(X2VError, match=said):
        storyboard(idea, **given)
