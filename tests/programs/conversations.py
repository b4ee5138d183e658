"""Talk that has topics, people, places and dates, as real talk has, made from a seed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

_TOPICS = {
    "bees": "hive honey queen swarm frames smoker nectar wax meadow sting",
    "trains": "platform ticket timetable carriage conductor tunnel delay sleeper signal junction",
    "baking": "dough oven yeast crust flour rye starter crumb kneading loaf",
    "climbing": "rope harness summit ridge chalk belay crag route grip ledge",
    "music": "cello rehearsal quartet bow score concert strings tempo encore tuning",
    "work": "deadline meeting project manager budget contract client report promotion desk",
    "family": "sister nephew wedding grandmother birthday cousin reunion twins anniversary uncle",
    "garden": "tomatoes compost seedlings pruning hedge roses greenhouse slugs watering mulch",
    "health": "doctor knee allergy prescription physiotherapy appointment checkup vaccine sleep headache",
    "travel": "passport ferry hostel luggage itinerary border museum sunset harbour souvenir",
    "cycling": "saddle puncture gears helmet gravel sprint chain pannier headwind pedals",
    "books": "novel chapter author library poem biography sequel paperback translation bookshop",
    "pets": "puppy vet leash kitten aquarium parrot kennel treats whiskers fur",
    "cooking": "saucepan garlic broth simmer recipe spices noodles skillet lemon stew",
    "study": "exam lecture thesis professor seminar notes scholarship laboratory grade semester",
    "home": "landlord plumbing sofa curtains leak balcony radiator neighbour rent painting",
    "sport": "goalkeeper league penalty coach stadium training referee season trophy injury",
    "money": "savings mortgage tax invoice pension insurance loan interest account refund",
    "sailing": "mast anchor tide keel regatta knots crew compass breeze marina",
    "film": "director premiere subtitles plot actress scene trailer cinema script festival",
}
_PEOPLE = ("Maria", "Jonas", "Aiko", "Priya", "Tom", "Elena", "Kofi", "Lena", "Diego", "Ruth", "Omar", "Ines")
_PLACES = ("Lisbon", "Bergen", "Kyoto", "Graz", "Leeds", "Porto", "Accra", "Quito", "Delft", "Cork")
_SAID = (
    "I spent the morning on the {0}, and {person} came over to help with the {1} before the {2} was ready.",
    "Did I tell you that {person} moved to {place}? We still talk about the {0} and the {1} every week.",
    "My {0} is finally sorted out. It took {number} days, one {1}, and a long call about the {2}.",
    "Next month I want to go to {place} for the {0}; {person} says that the {1} there is worth the trip.",
    "I am a bit worried about the {0}. The {1} was fine in spring, but the {2} has changed since then.",
    "{person} gave me a {0} for my birthday, so now I have {number} of them and no room for the {1}.",
)
_ANSWERED = (
    "That sounds good. How did the {0} go in the end, and what did {person} think of the {1}?",
    "I remember the {0} that you had in {place}. Shall I note the {1} for next time?",
    "Noted: {number} days for the {0}. Take care with the {2}.",
)
_ASKED = (
    "What did {person} say about the {0} and the {1}?",
    "When was I in {place} for the {0}?",
    "How many days did the {0} take, with the {1}?",
    "Why was I worried about the {0}?",
    "Who gave me the {0}?",
)
_TURNS_OF_A_THREAD = 12


class Conversation:
    """Turns of one user with an assistant: threads of twelve turns on one topic, a day apart.

    Args:
        seed: the same seed gives the same talk.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._turns = 0
        self._words: list[str] = []
        self.at = datetime(2024, 1, 1, 9, tzinfo=UTC)
        """When the last turn was said."""
        self.thread = ""
        """The thread of the last turn."""

    def turn(self) -> tuple[str, str]:
        """Return what was said and what was answered."""
        if self._turns % _TURNS_OF_A_THREAD == 0:
            topic = self._chance.choice(list(_TOPICS))
            self._words = [topic, *_TOPICS[topic].split()]
            self.thread = f"{topic} {self._turns // _TURNS_OF_A_THREAD}"
            self.at += timedelta(hours=20)
        self._turns += 1
        self.at += timedelta(minutes=2)
        return self._filled(self._chance.choice(_SAID)), self._filled(self._chance.choice(_ANSWERED))

    def questions(self, count: int) -> list[str]:
        """Return questions about the topics, in other words than the turns."""
        asked = []
        for _ in range(count):
            topic = self._chance.choice(list(_TOPICS))
            self._words = [topic, *_TOPICS[topic].split()]
            asked.append(self._filled(self._chance.choice(_ASKED)))
        return asked

    def _filled(self, template: str) -> str:
        person, place = self._chance.choice(_PEOPLE), self._chance.choice(_PLACES)
        words = self._chance.sample(self._words, 3)
        return template.format(*words, person=person, place=place, number=self._chance.randrange(2, 40))
