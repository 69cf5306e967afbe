"""Everyday words that x2vkit's world has not, and what it has that comes near them in meaning.

A hand-made table for suggestions alone: none of these words is ever read as another. A model suggests what
its own vocabulary holds.
"""

from __future__ import annotations

_TABLE = """
night: evening dusk sunset twilight sunrise dawn starry lamp candle dream sleep
beach: sunset sunrise island lagoon summer sunny holiday vacation palm bay lake river pond sea ocean waves
underwater: sea ocean water wave waves aquarium coral pool lake river deep submarine bubbles
seaside: sea ocean harbor harbour port pier cliff
snow: cold frost frozen arctic antarctic glacier blizzard mountain mountains ski iceberg christmas hail
grass: spring flower flowers hill hills farm countryside valley jungle rainforest bush backyard nature
park: playground picnic autumn jungle rainforest zoo backyard bench
city: house home building room kitchen office school shop store market bridge tower station airport village
street: highway traffic sidewalk alley crosswalk rain rainy
desert: canyon savanna safari hot dry pyramid volcano mars cactus
space: sky planet mars rocket spaceship spacecraft star earth orbit alien astronaut satellite comet
dog: wolf fox animal pet bear pig sheep goat lion
cat: tiger lion leopard panther cheetah fox animal pet
rabbit: hamster mouse squirrel guinea rat hedgehog frog kangaroo
bird: eagle owl penguin chicken hen rooster swan goose pigeon crow bat butterfly bee dragon
fish: whale dolphin octopus crab turtle jellyfish salmon tuna seal
horse: zebra cow donkey deer camel elephant giraffe unicorn bull moose
car: bus van train motorcycle bike bicycle tractor jeep motorbike scooter
boat: canoe kayak submarine ferry raft
ball: basketball soccer tennis balloon apple egg planet marble
box: chest suitcase table chair cupboard brick block dice
robot: astronaut alien toy doll computer
face: boy girl child kid baby people human lady guy king queen clown ghost
purple: pink
brown: black beige copper
white: silver gray grey cream
blue: teal indigo
orange: peach bronze
red: maroon rose pink
running: sprint hurry hurrying escaping
walking: hiking climbing crawling stepping moving
jumping: dancing dance climbing kicking
flying: falling landing
standing: lying lie reading watching looking eating drinking
chasing: hunting catching fighting
talking: laughing whispering shouting barking
spinning: dancing dance whirling
happy: funny laughing
sad: lonely tired
angry: scary evil
hat: crown glasses sunglasses wig
scarf: coat jacket shirt dress tie necklace cape
"""

MEANINGS: dict[str, tuple[str, ...]] = {}
"""Word -> words of the world that are near it in meaning."""
for _line in _TABLE.strip().splitlines():
    _near, _words = _line.split(": ")
    for _word in _words.split():
        MEANINGS[_word] = (*MEANINGS.get(_word, ()), _near)
