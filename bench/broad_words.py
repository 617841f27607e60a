"""Classes of the labelled photos that each broad word stands for.

After WordNet's hierarchy for animals, and by what a person would accept for things. The lists name
the classes of ImageNet that are in the sample; a word with fewer than 8 photos is judged by as
many hits as there are.
"""

from __future__ import annotations

_CLASSES = {
    "dog": (
        "Maltese dog, papillon, Afghan hound, bloodhound, English foxhound, Irish wolfhound, "
        "Ibizan hound, Scottish deerhound, American Staffordshire terrier, Kerry blue terrier, "
        "Yorkshire terrier, Sealyham terrier, Australian terrier, giant schnauzer, Tibetan "
        "terrier, West Highland white terrier, golden retriever, German short-haired pointer, "
        "Irish setter, English springer, Sussex spaniel, schipperke, kelpie, Shetland sheepdog, "
        "Bouvier des Flandres, miniature pinscher, Appenzeller, bull mastiff, Saint Bernard, "
        "Siberian husky, basenji, Great Pyrenees, chow, Pembroke, standard poodle"
    ),
    "bird": (
        "cock, brambling, junco, jay, water ouzel, vulture, black grouse, prairie chicken, "
        "African grey, lorikeet, hornbill, drake, black swan, white stork, flamingo, bittern, "
        "American coot, red-backed sandpiper, oystercatcher"
    ),
    "snake": ("ringneck snake, garter snake, night snake, Indian cobra, diamondback"),
    "insect": (
        "tiger beetle, long-horned beetle, weevil, ant, walking stick, leafhopper, damselfly, "
        "monarch"
    ),
    "fish": ("tench, tiger shark, eel, anemone fish, puffer"),
    "monkey": ("guenon, macaque, marmoset, titi"),
    "vehicle": (
        "ambulance, recreational vehicle, pickup, limousine, sports car, trailer truck, "
        "tricycle, unicycle, motor scooter, go-kart, electric locomotive, steam locomotive, "
        "tank, snowplow, horse cart, oxcart, bobsled, dogsled, mobile home, aircraft carrier, "
        "container ship, schooner, submarine, wreck, balloon"
    ),
    "boat": ("aircraft carrier, container ship, schooner, submarine, wreck"),
    "musical instrument": ("banjo, cornet, gong, harmonica, oboe, organ"),
    "clothing": (
        "academic gown, bathing cap, bib, jersey, lab coat, pajama, vestment, mortarboard, bow "
        "tie, shower cap, running shoe, Loafer"
    ),
    "building": (
        "castle, church, greenhouse, monastery, planetarium, prison, cliff dwelling, beacon, "
        "mobile home, thatch, butcher shop, tobacco shop"
    ),
    "fruit": ("orange, pineapple, pomegranate"),
}

BROAD_WORDS = {word: tuple(names.split(", ")) for word, names in _CLASSES.items()}

#: The same things in other words: a check that no single word was learnt by heart.
PHRASINGS = {
    "puppy": "dog",
    "dogs playing": "dog",
    "birds": "bird",
    "a wild bird": "bird",
    "serpent": "snake",
    "bugs": "insect",
    "a fish": "fish",
    "monkeys": "monkey",
    "means of transport": "vehicle",
    "ships": "boat",
    "ship": "boat",
    "instrument": "musical instrument",
    "music instruments": "musical instrument",
    "clothes": "clothing",
    "garment": "clothing",
    "buildings": "building",
    "house": "building",
    "architecture": "building",
    "fruits": "fruit",
    "tropical fruit": "fruit",
    "a photo of a dog": "dog",
    "a photo of a bird": "bird",
    "photo of a vehicle": "vehicle",
    "cars and trucks": "vehicle",
}
