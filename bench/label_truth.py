"""True labels of the test photos, as seen by eye, for bench/labels.py.

A photo of ImageNet is named by its class, since there is one of each in the sample; one of COCO by
its number. Photos that a person could label either way stand under `unsure` and are not judged.
Labels that nearly every photo has something of (photography, travel), and those of which the
sample has next to none, are not judged at all.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Truth:
    """To which photos a label applies.

    Attributes
    ----------
    yes : str
        Photos it applies to, separated by commas.
    unsure : str
        Photos that are not judged.
    no : str or None
        Photos it does not apply to; None for all others.
    """

    yes: str
    unsure: str = ""
    no: str | None = None

    def judge(self, photo: str) -> bool | None:
        """Return whether the label applies to a photo, or None if it is not judged."""
        if photo in self.yes.split(", "):
            return True
        if photo in self.unsure.split(", "):
            return None
        return None if self.no is not None and photo not in self.no.split(", ") else False


_INDOOR = (
    "Maltese dog, West Highland white terrier, schipperke, miniature pinscher, barber chair, "
    "basketball, bookcase, bow tie, carpenter's kit, cash machine, chiffonier, cocktail shaker, "
    "crib, desktop computer, file, jack-o'-lantern, lab coat, laptop, measuring cup, mouse, "
    "organ, pajama, paper towel, photocopier, planetarium, quilt, radiator, refrigerator, "
    "saltshaker, shopping basket, slot, stove, throne, vase, volleyball, wine bottle, comic book, "
    "1993, 6818, 7574, 8021, 9483, 10092, 10707, 790, 84284, 114174, 174632, 177977, 196393, "
    "212679, 358083, 408805, 516008, 30213, 116479, 117425, 215778, 229358, 255165, 262440, "
    "290843, 347254, 397133, 403353, 427034, 475678, 553664, 557172, 565776"
)

_OUTDOOR = (
    "aircraft carrier, ambulance, apiary, balloon, beacon, bobsled, breakwater, castle, church, "
    "cliff dwelling, container ship, crane, crutch, dogsled, drilling platform, electric "
    "locomotive, flagpole, football helmet, go-kart, guillotine, hammer, horse cart, limousine, "
    "mailbox, manhole cover, missile, mobile home, monastery, mortarboard, motor scooter, oxcart, "
    "paddle, park bench, pickup, plow, pole, recreational vehicle, schooner, snowplow, solar "
    "dish, steam locomotive, stretcher, submarine, swing, tank, thatch, tobacco shop, totem pole, "
    "trailer truck, tricycle, triumphal arch, unicycle, washer, water tower, wreck, traffic "
    "light, pineapple, alp, sandbar, volcano, 285, 785, 872, 885, 1000, 1268, 2153, 2473, 3553, "
    "5001, 6723, 7281, 7511, 8690, 8762, 11149, 11511, 12120, 78499, 107438, 129648, 159269, "
    "174375, 216794, 231460, 234748, 252639, 433998, 442450, 525891, 20247, 126107, 161044, "
    "165518, 183709, 189775, 205401, 214753, 229997, 252332, 269314, 349860, 361919, 377575, "
    "405279, 423617, 431848, 434204, 458045, 460229, 463690, 511599, 519208, 551780, 568290, "
    "577932"
)

TRUTH = {
    "animal": Truth(
        (
            "tench, tiger shark, cock, brambling, junco, jay, water ouzel, vulture, eft, "
            "bullfrog, loggerhead, box turtle, American chameleon, frilled lizard, African "
            "chameleon, American alligator, ringneck snake, garter snake, night snake, Indian "
            "cobra, diamondback, harvestman, barn spider, wolf spider, black grouse, prairie "
            "chicken, African grey, lorikeet, hornbill, drake, black swan, platypus, flatworm, "
            "snail, fiddler crab, spiny lobster, white stork, flamingo, bittern, American coot, "
            "red-backed sandpiper, oystercatcher, grey whale, sea lion, Maltese dog, papillon, "
            "Afghan hound, bloodhound, English foxhound, Irish wolfhound, Ibizan hound, Scottish "
            "deerhound, American Staffordshire terrier, Kerry blue terrier, Yorkshire terrier, "
            "Sealyham terrier, Australian terrier, giant schnauzer, Tibetan terrier, West "
            "Highland white terrier, golden retriever, German short-haired pointer, Irish setter, "
            "English springer, Sussex spaniel, schipperke, kelpie, Shetland sheepdog, Bouvier des "
            "Flandres, miniature pinscher, Appenzeller, bull mastiff, Saint Bernard, Siberian "
            "husky, basenji, Great Pyrenees, chow, Pembroke, standard poodle, white wolf, dingo, "
            "red fox, grey fox, Persian cat, lynx, jaguar, cheetah, sloth bear, tiger beetle, "
            "long-horned beetle, weevil, ant, walking stick, leafhopper, damselfly, monarch, "
            "starfish, wood rabbit, hamster, beaver, zebra, warthog, bison, ibex, gazelle, mink, "
            "otter, armadillo, chimpanzee, guenon, macaque, marmoset, titi, Madagascar cat, "
            "lesser panda, eel, anemone fish, puffer, dogsled, horse cart, oxcart, coral reef, "
            "285, 7281, 8690, 12062, 78499, 196393, 358083, 20247, 126107, 214753, 229997, "
            "269314, 290843, 377575, 427034, 519208"
        ),
        "jellyfish, chambered nautilus, apiary, teddy, scuba diver, 1268, 10092",
    ),
    "people": Truth(
        (
            "bloodhound, Kerry blue terrier, West Highland white terrier, English springer, "
            "Appenzeller, bull mastiff, Great Pyrenees, academic gown, basketball, bathing cap, "
            "bobsled, bow tie, candle, carpenter's kit, chain mail, crutch, dumbbell, football "
            "helmet, go-kart, hammer, lab coat, laptop, loupe, mortarboard, motor scooter, "
            "paddle, pajama, paper towel, photocopier, shower cap, sleeping bag, stretcher, "
            "thatch, tricycle, triumphal arch, unicycle, vestment, volleyball, wig, wreck, "
            "sandbar, scuba diver, 785, 872, 885, 1000, 1268, 1296, 2153, 2473, 5001, 7281, 7511, "
            "8021, 8690, 8844, 9483, 10707, 12120, 12280, 790, 129648, 174375, 234748, 256353, "
            "433998, 442450, 117425, 165518, 183709, 189775, 199055, 214753, 229358, 347254, "
            "349860, 361919, 397133, 431848, 434204, 458045, 463690, 511599, 519208, 577932"
        ),
        (
            "African chameleon, grey whale, Afghan hound, Sussex spaniel, hamster, banjo, butcher "
            "shop, dogsled, horse cart, mask, mouse, nail, oxcart, prison, recreational vehicle, "
            "running shoe, 3553, 11149, 11511, 125870, 231460, 252639, 160012, 290843, 405279, "
            "423617, 427034, 568290"
        ),
    ),
    "food": Truth(
        (
            "butcher shop, frying pan, spatula, plate, trifle, French loaf, cheeseburger, "
            "broccoli, spaghetti squash, orange, pomegranate, chocolate sauce, pizza, 2149, 3501, "
            "6012, 7991, 8844, 13004, 790, 114174, 121647, 213148, 62554, 99053, 117425, 160012, "
            "359219, 369771, 397133"
        ),
        (
            "cheetah, beer bottle, cocktail shaker, espresso maker, jack-o'-lantern, measuring "
            "cup, paper towel, pop bottle, shopping basket, slot, wine bottle, cucumber, "
            "mushroom, pineapple, espresso, corn, buckeye, gyromitra, bolete, 2592, 7574, 12667, "
            "174632, 196393, 212679"
        ),
    ),
    "beach": Truth(
        "sea lion, wreck, pineapple, sandbar, 7281, 7511, 159269, 126107, 214753",
        "black swan, red-backed sandpiper, starfish, breakwater, bucket, 511599",
    ),
    "ocean": Truth(
        (
            "tiger shark, loggerhead, grey whale, aircraft carrier, breakwater, container ship, "
            "drilling platform, missile, submarine, wreck, coral reef, sandbar, scuba diver, "
            "7281, 126107, 214753"
        ),
        (
            "drake, flatworm, spiny lobster, red-backed sandpiper, oystercatcher, sea lion, "
            "otter, anemone fish, puffer, paddle, schooner, pineapple, 7511, 107438, 159269, "
            "205401"
        ),
    ),
    "flower": Truth(
        "weevil, leafhopper, damselfly, monarch, greenhouse, thatch, vase, 525891, 249025",
        "brambling, Great Pyrenees, vestment, bolete",
    ),
    "building": Truth(
        (
            "vulture, beacon, breakwater, castle, church, flagpole, guillotine, mobile home, "
            "monastery, oxcart, triumphal arch, 6723, 231460, 234748, 252639, 183709, 551780, "
            "568290, 577932"
        ),
        (
            "Scottish deerhound, Siberian husky, cash machine, cliff dwelling, crane, crutch, "
            "greenhouse, horse cart, limousine, motor scooter, organ, pay-phone, planetarium, "
            "prison, recreational vehicle, solar dish, thatch, tobacco shop, tricycle, unicycle, "
            "water tower, 8762, 8844, 11511, 12280, 125870, 129648, 216794, 423617, 434204, "
            "458045, 463690"
        ),
    ),
    "sports": Truth(
        (
            "basketball, football helmet, go-kart, volleyball, 785, 872, 885, 2153, 2473, 3553, "
            "12120, 129648, 174375, 433998, 442450, 189775, 349860, 361919, 431848, 434204, "
            "458045, 463690"
        ),
        (
            "bathing cap, bobsled, dogsled, dumbbell, paddle, punching bag, running shoe, "
            "schooner, sports car, tricycle, unicycle, scuba diver, 1000, 7281, 7511, 165518, "
            "199055, 214753, 405279"
        ),
    ),
    "indoor": Truth(_INDOOR, no=_OUTDOOR),
    "outdoor": Truth(_OUTDOOR, no=_INDOOR),
    "road": Truth(
        (
            "Pembroke, ambulance, horse cart, motor scooter, snowplow, tank, 6723, 8762, 252639, "
            "165518, 183709, 423617, 568290, 577932"
        ),
        (
            "Shetland sheepdog, crutch, go-kart, limousine, oxcart, pickup, plow, recreational "
            "vehicle, sports car, trailer truck, tricycle, triumphal arch, unicycle, washer, "
            "traffic light, 11149, 107438, 231460, 234748, 252332, 460229"
        ),
    ),
    "mountain": Truth(
        "alp, volcano, 78499, 205401, 361919",
        "ibex, cliff dwelling, totem pole, pineapple, 785, 2473, 107438, 216794",
    ),
    "night": Truth(
        "red fox, 8762, 231460",
        (
            "barber chair, candle, digital clock, jack-o'-lantern, pole, schooner, 1268, 11511, "
            "84284, 403353, 463690"
        ),
    ),
    "sunset": Truth(
        "pole, 159269",
        "castle, monastery, 8762",
    ),
    "black and white": Truth(
        (
            "church, crutch, hook, loupe, milk can, nail, paddle, sunglasses, swing, washer, "
            "205401, 431848, 551780"
        ),
        (
            "African grey, black swan, bloodhound, Scottish deerhound, bison, beacon, pencil "
            "sharpener, corn, 11511, 12280, 463690"
        ),
    ),
    "urban": Truth(
        (
            "crutch, motor scooter, triumphal arch, unicycle, 6723, 231460, 252639, 183709, "
            "423617, 568290, 577932"
        ),
        (
            "vulture, beacon, breakwater, cash machine, castle, church, flagpole, guillotine, "
            "horse cart, limousine, mobile home, monastery, oxcart, pay-phone, tricycle, traffic "
            "light, 1268, 5001, 8762, 11149, 11511, 12280, 125870, 234748, 199055, 377575, "
            "434204, 460229, 463690, 551780"
        ),
    ),
}
