"""Comparing statements, and synonyms of profile fields and traits."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from memoryos_integrations.embedders import resolve
from memoryos_integrations.language.statements.reader import _LANGUAGES
from memoryos_integrations.tiers.profile_fields import FIELDS, field_of, value_key
from memoryos_integrations.traits import DIMENSIONS, GROUPS, MEANING, dimension_of
from memoryos_integrations.writing.same_statement import adds_nothing, form_of

SAME = [
    ("The user lives in Lisbon.", "The user's home is in Lisbon."),
    ("The user lives in Lisbon.", "The user resides in Lisbon."),
    ("The user works as a data scientist.", "The user's job is data scientist."),
    ("The user works as a data scientist.", "The user is a data scientist by profession."),
    ("The user has a dog named Rex.", "The user owns a dog called Rex."),
    ("The user has a dog named Rex.", "The user's dog is called Rex."),
    ("The user is allergic to peanuts.", "The user has a peanut allergy."),
    ("The user plays the violin.", "The user is a violin player."),
    ("The user plays the violin.", "The user can play violin."),
    ("The user is learning Japanese.", "The user studies Japanese."),
    ("The user is learning Japanese.", "The user has started to learn the Japanese language."),
    ("The user's sister Ana lives in Porto.", "The user has a sister, Ana, who lives in Porto."),
    ("The user runs every morning.", "The user goes for a run each morning."),
    ("The user is vegetarian.", "The user follows a vegetarian diet."),
    ("The user is vegetarian.", "The user is a vegetarian."),
    ("The user likes hiking in the mountains.", "The user enjoys mountain hiking."),
    ("The user likes hiking in the mountains.", "The user loves to hike in the mountains."),
    ("The user is planning to adopt a child.", "The user plans to adopt a child."),
    (
        "The user attended an LGBTQ support group on 7 May 2023.",
        "On 7 May 2023 the user went to an LGBTQ support group.",
    ),
    (
        "The user ran a charity race for mental health on 20 May 2023.",
        "The user took part in a charity race for mental health on 20 May 2023.",
    ),
    ("The user is researching adoption agencies.", "The user is looking into adoption agencies."),
    ("The user wants to become a counselor.", "The user would like to be a counsellor."),
    (
        "The user has been friends with Maria for 10 years.",
        "The user and Maria have been friends for 10 years.",
    ),
    ("The user works at Shell.", "The user is employed by Shell."),
    ("The user is married to Anna.", "The user's wife is Anna."),
    ("The user drives an electric car.", "The user has an electric car."),
    ("The user prefers short answers.", "The user likes answers to be short."),
    ("The user painted a sunset in 2022.", "The user made a painting of a sunset in 2022."),
    ("The user's birthday is on 3 May.", "The user was born on 3 May."),
    ("The user moved from Sweden four years ago.", "Four years ago the user moved here from Sweden."),
    (
        "The user goes camping with their family every summer.",
        "Every summer the user's family goes camping together.",
    ),
    ("The user bought a house in Leeds in 2021.", "In 2021 the user purchased a house in Leeds."),
    ("The user is preparing for a marathon.", "The user is training for a marathon."),
    ("The user has two children.", "The user is a parent of two children."),
    ("The user has two children.", "The user has two kids."),
    ("The user does not drink coffee.", "The user never drinks coffee."),
    ("The user does not eat meat.", "The user doesn't eat meat."),
    ("The user is afraid of spiders.", "The user fears spiders."),
    ("The user teaches mathematics at a high school.", "The user is a high school maths teacher."),
    ("The user writes poetry in their free time.", "In their spare time the user writes poems."),
]
"""Pairs of statements that say the same in other words."""

DIFFERENT = [
    ("The user lives in Lisbon.", "The user lives in Porto."),
    ("The user lives in Lisbon.", "The user was born in Lisbon."),
    ("The user lives in Lisbon.", "The user visited Lisbon."),
    ("The user lives in Lisbon.", "The user's sister lives in Lisbon."),
    ("The user works as a data scientist.", "The user works as a data engineer."),
    ("The user works as a data scientist.", "The user wants to become a data scientist."),
    ("The user has a dog named Rex.", "The user has a cat named Rex."),
    ("The user has a dog named Rex.", "The user had a dog named Rex."),
    ("The user is allergic to peanuts.", "The user is not allergic to peanuts."),
    ("The user is allergic to peanuts.", "The user is allergic to pollen."),
    ("The user is allergic to peanuts.", "The user's son is allergic to peanuts."),
    ("The user plays the violin.", "The user plays the viola."),
    ("The user plays the violin.", "The user used to play the violin."),
    ("The user plays the violin.", "The user stopped playing the violin."),
    ("The user is learning Japanese.", "The user is learning Chinese."),
    ("The user is learning Japanese.", "The user likes Japanese food."),
    ("The user's sister Ana lives in Porto.", "The user's sister Ana lives in Lisbon."),
    ("The user's sister Ana lives in Porto.", "The user's brother lives in Porto."),
    ("The user runs every morning.", "The user runs every evening."),
    ("The user is vegetarian.", "The user is no longer vegetarian."),
    ("The user is vegetarian.", "The user is vegan."),
    ("The user likes hiking in the mountains.", "The user dislikes hiking in the mountains."),
    ("The user likes hiking in the mountains.", "The user likes skiing in the mountains."),
    ("The user is planning to adopt a child.", "The user adopted a child."),
    ("The user is planning to adopt a child.", "The user is planning to adopt a dog."),
    (
        "The user attended an LGBTQ support group on 7 May 2023.",
        "The user attended an LGBTQ pride parade on 7 May 2023.",
    ),
    (
        "The user attended an LGBTQ support group on 7 May 2023.",
        "The user attended an LGBTQ support group on 14 May 2023.",
    ),
    (
        "The user ran a charity race for mental health on 20 May 2023.",
        "The user ran a charity race for cancer research on 20 May 2023.",
    ),
    ("The user is researching adoption agencies.", "The user contacted an adoption agency."),
    ("The user wants to become a counselor.", "The user wants to see a counselor."),
    (
        "The user has been friends with Maria for 10 years.",
        "The user has been friends with Maria for 5 years.",
    ),
    ("The user works at Shell.", "The user left Shell."),
    ("The user works at Shell.", "The user works at BP."),
    ("The user is married to Anna.", "The user is divorced from Anna."),
    ("The user is married to Anna.", "The user's friend is married to Anna."),
    ("The user drives an electric car.", "The user wants to buy an electric car."),
    ("The user drives an electric car.", "The user sold their electric car."),
    ("The user prefers short answers.", "The user prefers detailed answers."),
    ("The user prefers short answers.", "The user prefers short hair."),
    ("The user painted a sunset in 2022.", "The user painted a sunrise in 2022."),
    ("The user painted a sunset in 2022.", "The user painted a sunset in 2023."),
    ("The user's birthday is on 3 May.", "The user's wedding is on 3 May."),
    ("The user moved from Sweden four years ago.", "The user moved from Sweden two years ago."),
    (
        "The user goes camping with their family every summer.",
        "The user goes skiing with their family every winter.",
    ),
    ("The user bought a house in Leeds in 2021.", "The user sold a house in Leeds in 2021."),
    ("The user bought a house in Leeds in 2021.", "The user rented a house in Leeds in 2021."),
    ("The user is preparing for a marathon.", "The user finished a marathon."),
    ("The user has two children.", "The user has three children."),
    ("The user has two children.", "The user wants two children."),
    ("The user does not drink coffee.", "The user drinks coffee."),
    ("The user does not drink coffee.", "The user does not drink tea."),
    ("The user is afraid of spiders.", "The user is not afraid of spiders."),
    ("The user is afraid of spiders.", "The user is afraid of heights."),
    ("The user teaches mathematics at a high school.", "The user teaches physics at a high school."),
    ("The user writes poetry in their free time.", "The user reads poetry in their free time."),
    ("The user likes tea.", "The user likes coffee."),
    ("The user loves jazz.", "The user loves rock."),
    ("The user's mother is ill.", "The user's father is ill."),
    ("The user speaks Dutch.", "The user speaks Danish."),
    ("The user started a new job in March 2023.", "The user lost a job in March 2023."),
]
"""Pairs that differ by a word or two and in meaning."""


def test_no_two_statements_that_differ_in_what_they_say_are_taken_for_one():
    both_ways = [pair for one, other in DIFFERENT for pair in ((one, other), (other, one))]
    assert [pair for pair in both_ways if adds_nothing(form_of(pair[0]), form_of(pair[1]))] == []


def test_half_of_the_paraphrases_are_seen_without_a_model():
    both_ways = [pair for one, other in SAME for pair in ((one, other), (other, one))]
    seen = [pair for pair in both_ways if adds_nothing(form_of(pair[0]), form_of(pair[1]))]
    assert len(seen) >= len(both_ways) / 2


def test_vectors_do_not_tell_what_was_bought_from_what_was_sold():
    sentences = [
        "The user bought a house in Leeds in 2021.",
        "The user sold a house in Leeds in 2021.",
        "The user plays the violin.",
        "The user is a violin player.",
    ]
    bought, sold, plays, player = np.asarray(resolve(None).embed(sentences))
    assert bought @ sold > plays @ player


@pytest.mark.parametrize(
    ("new", "stored", "same"),
    [
        ("The user likes tea.", "The user likes tea and cakes and old books and long walks.", False),
        ("The user likes tea, cakes, books, walks.", "The user likes tea, cakes, books, walks, rain.", True),
        ("The user likes tea, cakes, books, walks, rain.", "The user likes tea, cakes, books, walks.", False),
        ("The user lent Maria money.", "Maria lent the user money.", False),
        ("O usuário mora em Lisboa.", "O usuário vive em Lisboa.", True),
        ("O usuário mora em Lisboa.", "O usuário mora no Porto.", False),
        ("O usuário come carne.", "O usuário não come carne.", False),
        ("用户住在北京。", "用户住在北京。", True),
        ("用户住在北京。", "用户住在上海。", False),
        ("用户喜欢猫。", "用户不喜欢猫。", False),
        ("", "", False),
        ("The user.", "The user.", False),
    ],
)
def test_a_statement_adds_nothing_to_one_that_contains_all_its_words(new, stored, same):
    assert adds_nothing(form_of(new), form_of(stored)) is same


def test_the_fields_that_rules_read_are_fields_of_the_profile_and_as_single():
    single: dict[str, set[bool]] = {}
    for language in _LANGUAGES:
        for rule in language.rules:
            if rule.field is not None:
                single.setdefault(rule.field, set()).add(rule.single)
    assert set(single) < set(FIELDS["user"])
    del single["diet"]  # "vegan" takes the place of another diet, "no honey" stands beside it
    assert single == {name: {FIELDS["user"][name].single} for name in single}


def test_fields_have_other_words_and_values_other_spellings():
    assert field_of("user", "Year of birth") is FIELDS["user"]["birth_year"]
    assert field_of("agent", "tone") is FIELDS["agent"]["style"]
    assert field_of("agent", "employer") is None
    assert value_key(" A Data  Scientist.") == value_key("data scientist")
    assert value_key("A") == "a"


def test_there_are_ninety_dimensions_in_the_three_groups_of_the_paper():
    assert len(DIMENSIONS) == 90
    assert Counter(DIMENSIONS.values()) == {GROUPS[0]: 38, GROUPS[1]: 9, GROUPS[2]: 43}
    assert {group for name, group in DIMENSIONS.items() if name in MEANING} == set(GROUPS[:2])


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("Extraversion", "extraversion"),
        ("need_for_order", "order"),
        ("Music Interest", "interest in music"),
        ("interest in music", "interest in music"),
        ("HEALTH", "interest in health"),
        ("luck", None),
        ("", None),
        ("interest in ", None),
    ],
)
def test_a_dimension_is_known_by_what_models_call_it(name, dimension):
    assert dimension_of(name) == dimension
