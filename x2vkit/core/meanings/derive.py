"""Derives wordnet.txt from WordNet 3.0, once: words that name a kind of what the world has.

    python -m x2vkit.core.meanings.derive /usr/share/wordnet     # from Debian's wordnet-base, 1:3.0-37

Nouns come by their hypernyms, verbs by their troponyms, names of places by what they are an instance of. A
noun counts by *any* of its senses that lies under a root, but for senses that are people, food, names, or
acts: that rule was right most often on hard words (kitty, crane and bass have other first senses). A person
and a place count by their first sense alone. Verbs count by their first two senses, since each has so many.
What this still reads absurdly stands in STOP.
"""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

FILES = ("data.noun", "index.noun", "noun.exc", "data.verb", "index.verb", "verb.exc")
NOUNS = {
    "dog": "canine.2", "cat": "feline.1", "rabbit": "leporid.1",
    "bird": "bird.1", "fish": "fish.1", "horse": "equine.1",
    "car": "car.1 truck.1 van.5 motor_vehicle.1 bus.1 tractor.1",
    "boat": "vessel.2", "ball": "ball.1 ball.3 sphere.2 balloon.1 balloon.2",
    "box": "box.1 package.2 chest.2 crate.1", "robot": "automaton.2 robot.1",
    "hat": "hat.1 cap.1 helmet.2 headdress.1", "scarf": "scarf.1 neckwear.1",
}  # fmt: skip
"""What it is -> the senses under which every noun is one: lemma and number of the sense."""
FIRST = {
    "face": "person.1", "city": "city.1 town.1 street.1 municipality.1 skyscraper.1 road.1",
    "grass": "grassland.1 forest.1 forest.2 garden.1 park.2 lawn.1 farm.1",
    "beach": "shore.1 beach.1 island.1 harbor.1", "snow": "snow.1 snow.2 ice.1 glacier.1",
    "desert": "desert.1", "space": "celestial_body.1 galaxy.3 outer_space.1",
    "underwater": "ocean_floor.1 reef.1",
}  # fmt: skip
"""The same, by a word's first sense alone."""
INSTANCES = {
    "city": "city.1 town.1 municipality.1 national_capital.1 street.1 borough.1 city_district.1",
    "desert": "desert.1", "beach": "sea.1 island.1 ocean.1 bay.1",
    "snow": "mountain_peak.1 range.4 mountain.1 glacier.1", "space": "planet.1 star.3 galaxy.3",
}  # fmt: skip
"""What it is -> what its names are instances of."""
VERBS = {
    "walking": "walk.1", "running": "run.1 rush.1 race.2 speed.3 gallop.2", "jumping": "jump.1",
    "bouncing": "bounce.1 bounce.3", "rolling": "roll.1 roll.2", "spinning": "spin.1 revolve.1",
    "growing": "grow.2", "flying": "fly.1 soar.3 soar.4", "swimming": "swim.1 float.2 sail.1 sail.3",
    "standing": "stand.1 rest.1 sleep.1 sit.1 lie.1", "talking": "talk.1 talk.2 talk.3 sing.1 sing.2",
    "chasing": "chase.1",
}  # fmt: skip
NEAR = {
    "near rabbit": "rodent.1 marsupial.1", "near horse": "ungulate.1 proboscidean.1",
    "near fish": "cetacean.1 crustacean.1",
    "near bird": "insect.1 bat.1", "near dog": "placental.1 reptile.1 amphibian.3",
    "near car": "aircraft.1 wheeled_vehicle.1",
}  # fmt: skip
"""What comes near -> the senses under which every noun does: too far to be read as meant."""
LEFT_OUT = {18, 13, 4, 10}
"""Lexicographers' files of people, food, acts and words, in which no animal or thing is looked for."""
AGENT = ("er", "or", "ist", "man", "woman", "ian", "eur", "person", "boy", "girl", "ess")
"""Ends of words that name people by what they do: these count even where no text of WordNet's counts them."""
RUDE = (
    "offensive",
    "slur",
    "derog",
    "disparag",
    "vulgar",
    "obscene",
    "homosexual",
    "unable to walk",
    "contempt",
    "prostitut",
    "insult",
)
"""In the explanation of a word that is an insult, or explains one: it is left out."""
STOP = {
    "face": "more have tiger whale bunny beaver other another center quarter number minor major better"
    " matter former latter boxer pointer setter retriever charger water river flower"
    " tower corner summer winter chair member master prior alien",
    "ball": "head bowl foam froth globule bolus bubble air_bubble planet moon shot pellet drop bead",
    "box": "coffin safe deck flat hod bundle bier bale casket cash_register till present caisson",
    "boat": "bottom launch gig bark tender hooker trawl wreck derelict ark",
    "car": "bike tank compact cruiser coach machine amphibian patrol sport scout",
    "horse": "mount bay pinto post gray grey hack jade plug",
    "bird": "cob ruff rail",
    "fish": "dolphin drum roach remains angel sole whiff",
    "dog": "bitch toy",
    "cat": "tom queen",
    "walking": "careen lurch keel toe pace pad mouse foot step process coast",
    "running": "clip crab cross-file butterfly campaign bowl_over romp fleet",
    "talking": "can rap rave level shoot_down bear_down hash_out",
    "standing": "point line front crest cap beard dwarf precede predate practice_bundling orient localize"
    " localise focalise focalize lap intervene overshadow overtop",
    "growing": "age build bud leaf branch come_along find_oneself root stretch regrow",
    "city": "way bend track crossing drive",
    "grass": "common dairy",
}  # fmt: skip
"""What a word is not, whatever its senses say: in a prompt it is nearly always something else."""


class WordNet:
    """The senses of one part of speech and how they lie under each other.

    Args:
        folder: with index.* and data.*.
        part: noun or verb.
    """

    def __init__(self, folder: Path, part: str) -> None:
        self.words: dict[int, list[str]] = {}
        self.file: dict[int, int] = {}
        self.rude: set[int] = set()
        self.above: dict[int, list[int]] = {}
        self.instance_of: dict[int, list[int]] = {}
        for line in _lines(folder / f"data.{part}"):
            data, gloss = line.split(" | ", 1)
            cells = data.split()
            at, count = int(cells[0]), int(cells[3], 16)
            self.file[at] = int(cells[1])
            self.words[at] = [word.split("(")[0] for word in cells[4 : 4 + 2 * count : 2]]
            pointers = cells[5 + 2 * count : 5 + 2 * count + 4 * int(cells[4 + 2 * count])]
            self.rude |= {at} if any(word in gloss for word in RUDE) else set()
            links = list(zip(pointers[::4], pointers[1::4], strict=True))
            self.above[at] = [int(target) for kind, target in links if kind == "@"]
            self.instance_of[at] = [int(target) for kind, target in links if kind == "@i"]
        self.senses: dict[str, list[int]] = {}
        self.counted: dict[str, int] = {}
        for line in _lines(folder / f"index.{part}"):
            cells = line.split()
            self.senses[cells[0]] = [int(at) for at in cells[-int(cells[2]) :]]
            self.counted[cells[0]] = int(cells[-int(cells[2]) - 1])

    def named(self, senses: str) -> set[int]:
        """The senses that a row of the tables above names."""
        pairs = (sense.rsplit(".", 1) for sense in senses.split())
        return {self.senses[lemma][int(number) - 1] for lemma, number in pairs}

    def under(self, at: int) -> set[int]:
        """A sense and all that it is a kind of."""
        found, todo = set(), [at]
        while todo:
            here = todo.pop()
            if here not in found:
                found.add(here)
                todo += self.above[here]
        return found


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file of WordNet's without its licence, which is indented."""
    return (line for line in path.read_text().splitlines() if not line.startswith(" "))


def nouns(folder: Path) -> Iterator[tuple[str, str]]:
    """(word, what it is) of every noun; of a word that comes twice the first holds, and first place name."""
    net = WordNet(folder, "noun")
    words = {word: senses for word, senses in net.senses.items() if _is_word(word, net)}
    others = {line.split()[0] for part in ("adj", "adv", "verb") for line in _lines(folder / f"index.{part}")}
    people = {word for word, target in _first(net, words, FIRST) if target == "face"}
    for most in (1, 9):
        found = _places(net, words, most)
        yield from ((word, f"name {target}") for word, target in found if word not in others)
    yield from ((word, "face") for word in people if word.endswith(AGENT))
    yield from _any(net, words, NOUNS)
    for word, target in _first(net, words, FIRST):
        if target != "face" or net.counted[word]:
            yield word, target
    common = {word: [at for at in senses if not net.instance_of[at]] for word, senses in words.items()}
    yield from _any(net, {word: senses[:1] for word, senses in common.items() if "_" not in word}, NEAR)


def _any(net: WordNet, words: dict[str, list[int]], table: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What words are by any of their senses that is an animal or a thing, and no name."""
    roots = {target: net.named(senses) for target, senses in table.items()}
    for word, senses in words.items():
        for at in senses:
            if net.file[at] not in LEFT_OUT and not net.instance_of[at]:
                yield from ((word, target) for target, named in roots.items() if net.under(at) & named)


def _is_word(word: str, net: WordNet) -> bool:
    """Not a Latin name: the last word of two is a noun by itself."""
    return "_" not in word or word.rsplit("_", 1)[1] in net.senses


def _first(net: WordNet, words: dict[str, list[int]], table: dict[str, str]) -> Iterator[tuple[str, str]]:
    """What words are by their first sense."""
    roots = {target: net.named(senses) for target, senses in table.items()}
    for word, senses in words.items():
        if not net.instance_of[senses[0]] and not net.rude & set(senses):
            yield from ((word, target) for target, named in roots.items() if net.under(senses[0]) & named)


def _places(net: WordNet, words: dict[str, list[int]], most: int) -> Iterator[tuple[str, str]]:
    """What names of places are, by so many of their senses."""
    roots = {target: net.named(senses) for target, senses in INSTANCES.items()}
    for word, senses in words.items():
        for at in senses[:most]:
            over = {higher for kind in net.instance_of[at] for higher in net.under(kind)}
            yield from ((word, target) for target, named in roots.items() if over & named)


def verbs(folder: Path) -> Iterator[tuple[str, str]]:
    """(word, what it does) of every verb."""
    net = WordNet(folder, "verb")
    roots = {target: net.named(senses) for target, senses in VERBS.items()}
    for word, senses in net.senses.items():
        for at in senses[:2]:
            yield from ((word, target) for target, named in roots.items() if net.under(at) & named)


def table(folder: Path) -> str:
    """The text of wordnet.txt."""
    rows: dict[str, list[str]] = defaultdict(list)
    taken: dict[str, str] = {}
    for part, found in (("noun", nouns), ("verb", verbs)):
        for word, target in found(folder):
            key = f"{target.startswith('name ')} {part} {word}"
            single = "_" not in word or (part == "noun" and word.count("_") == 1 and target != "face")
            fits = single and word.replace("_", "").replace("-", "").isalpha() and len(word) > 2
            if fits and key not in taken and word not in STOP.get(target, "").split():
                taken[key] = target
                rows[target].append(word)
    forms = [f"irregular {line}" for part in ("noun", "verb") for line in _irregular(folder, part, taken)]
    hashes = [f"# {name} {hashlib.sha256((folder / name).read_bytes()).hexdigest()}" for name in FILES]
    body = [f"{target}: {' '.join(sorted(words))}" for target, words in rows.items()]
    return "\n".join(
        ["# Derived from WordNet 3.0 by derive.py; see WORDNET-LICENSE.", *hashes, *body, *forms, ""]
    )


def _irregular(folder: Path, part: str, taken: dict[str, str]) -> Iterator[str]:
    """Irregular forms of the words that were taken: "swim: swam swum"."""
    forms: dict[str, list[str]] = defaultdict(list)
    for line in _lines(folder / f"{part}.exc"):
        form, *stems = line.split()
        for stem in stems:
            if f"False {part} {stem}" in taken and "_" not in form:
                forms[stem].append(form)
    return (f"{stem}: {' '.join(found)}" for stem, found in sorted(forms.items()))


def main(args: Sequence[str]) -> int:
    """Write wordnet.txt beside this file."""
    out = Path(__file__).with_name("wordnet.txt")
    out.write_text(table(Path(args[0] if args else "/usr/share/wordnet")))
    print(f"wrote {out}, {out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
