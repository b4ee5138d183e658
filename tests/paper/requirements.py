"""The clauses of the paper (arXiv 2506.06326), what we do about each, and where and why we differ.

A test cites a clause with ``@pytest.mark.requirement("ID")``; test_coverage.py checks the list both ways.
docs/paper.md is this list as a page.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Requirement:
    """One clause."""

    id: str
    section: str
    clause: str
    ours: str
    divergence: str = ""
    """How and why we differ; empty if we do not."""
    later: bool = False
    """Whether it is not implemented yet."""


REQUIREMENTS = (
    Requirement(
        "PAGE-1",
        "3.2",
        "A dialogue page holds the query, the response and the time of the exchange.",
        "Page holds the messages of one exchange with role, speaker, source and time; one side "
        "alone is kept too.",
        "The reference code drops a turn whose answer is empty; nothing said is dropped here.",
    ),
    Requirement(
        "PAGE-2",
        "3.2",
        "Pages that continue each other form a dialogue chain with a summary of its own.",
        "With a model: Chain, a run of pages of one conversation with a summary, made in the call "
        "that sorts a batch of pages and gone on with in the next. It is shown in that prompt and "
        "by chains(), not in a context.",
        "One call for a batch in place of two for each page; the reference code compares with the "
        "last page only and forgets it on restart. By rules there are none: the paper's own "
        "ablation gains little by chains and loses in one category of four.",
    ),
    Requirement(
        "STM-1",
        "3.3",
        "Short-term memory is a queue of fixed length; the oldest page moves to mid-term memory.",
        "short_term_capacity pages per scope (7); the rest moves first in, first out.",
    ),
    Requirement(
        "STM-2",
        "3.3",
        "A page that leaves short-term memory is in mid-term memory.",
        "Both happen in one transaction, after everything that can fail.",
        "The reference code removes the page before the calls that may fail, and loses it with them.",
    ),
    Requirement(
        "MTM-1",
        "3.2",
        "A page joins the segment with the highest F_score = cos(e_s, e_p) + Jaccard(K_s, K_p) if "
        "it reaches θ, "
        "else it opens a segment.",
        "The same, with keywords by rules, a page vector that is the mean of its messages', and the"
        " mean cosine with the segment's pages. A model sorts pages into topics later, and the "
        "topics find their segments in the same way.",
        "Keywords come from the text, not from a chat model: no call on the way of a turn. The cosine with a "
        "segment's mean grows with its size: 131 of 215 pages of a conversation fell into one segment.",
    ),
    Requirement(
        "MTM-2",
        "3.2",
        "A segment has a summary of its pages.",
        "Sentences that say most about its keywords, with their dates; refreshed whenever it grows."
        " With a model, its summary and keywords come first, and are brought up to date with every "
        "batch that goes on with the topic.",
        "The reference code never refreshes summary, keywords and vector after the first page.",
    ),
    Requirement(
        "MTM-3",
        "3.3",
        "Heat = α·N_visit + β·L_interaction + γ·R_recency.",
        "The same, α = β = γ = 1.",
    ),
    Requirement(
        "MTM-4",
        "3.3",
        "R_recency = exp(-Δt/µ), µ = 1e7 s.",
        "The same, counted at the moment of reading from the last visit or the newest page.",
        "The reference code takes 24 h and computes it only at the visit, so that it is always 1.",
    ),
    Requirement(
        "MTM-5",
        "3.3",
        "Over its capacity, mid-term memory evicts the segment with the lowest heat.",
        "The coldest one, never the one that just took a page, loses summary, keywords, vector and lift.",
        "Its pages stay searchable: nothing that was said is lost. 2000 segments as in the "
        "reference code, not "
        "200, since here they cost kilobytes.",
    ),
    Requirement(
        "LPM-1",
        "3.3",
        "A segment whose heat exceeds τ is promoted: persona and knowledge learn from it, L_interaction is "
        "reset.",
        "Every segment with heat ≥ τ is promoted, each page once, by rules immediately and by a chat model "
        "if there is one, a batch of pages per call; page_count is reset.",
        "Each fact keeps the messages it rests on, and what cites none is refused. The reference code "
        "promotes only the hottest segment, so that one busy topic starves the others, and takes a failed "
        "call's text for a profile.",
    ),
    Requirement(
        "LPM-3",
        "3.2",
        "The user's profile holds static attributes such as name, gender and birth year.",
        "Fields of the profile follow from the facts that hold, so that nothing shrinks without evidence; "
        "every change is a version of its own, and restore() goes back to one.",
        "The reference code has no static profile: one text, rewritten each time.",
    ),
    Requirement(
        "LPM-4",
        "3.2",
        "User traits are tendencies along 90 dimensions.",
        "90 dimensions in the paper's three groups, each that a chat model sees with its level, its "
        "evidence and since when; what is not seen again stays.",
        "Two of the 90 are not those of the cited list. The reference code lists 51, and keeps them as text.",
    ),
    Requirement(
        "LPM-5",
        "3.2",
        "The agent's persona has a profile of fixed settings, such as its role, and a queue of 100 agent "
        "traits.",
        "Facts about the agent, which a chat model draws from what users and the agent said; those that "
        "fill a field make agent_profile, and knowledge_capacity counts them apart from the user's.",
        "They belong to one user's memory. In the reference code all users of an assistant share them, so "
        "that what one said reaches the next.",
    ),
    Requirement(
        "LPM-2",
        "3.3",
        "The user's knowledge base is a queue of 100 entries, the oldest out.",
        "knowledge_capacity facts per subject take part in retrieval; older ones stay stored. What holds no "
        "more is closed, and says what took its place.",
        "Shown, not erased: a fact stays traceable until it is forgotten on purpose. What was said before "
        "is not written again.",
    ),
    Requirement(
        "RET-1",
        "3.4",
        "All of short-term memory is recalled.",
        "context(thread_id=...) begins with the thread's newest pages, up to a quarter of the budget.",
        "A budget is a budget: seven long pages must not fill the prompt.",
    ),
    Requirement(
        "RET-2",
        "3.4",
        "Mid-term memory is recalled in two stages: the top m segments, then the top k pages in them.",
        'strategy="paper" does so, m = 5 and k = 10.',
        "The default lets every message compete: the two stages lose 31 points of evidence recall "
        "at 1 000 tokens.",
    ),
    Requirement(
        "RET-3",
        "3.4",
        "A retrieval counts as a visit of the segments it uses and renews their recency.",
        "Counted in memory and written in batches.",
        "Never a write per read.",
    ),
    Requirement(
        "RET-4",
        "3.4",
        "The ten most relevant entries of the knowledge base are recalled.",
        "top_knowledge facts (10) may take up to half of a context.",
        "A fact gives way to the message that it was drawn from, and to the better half of the messages: "
        "evidence is not left out for its repetition.",
    ),
    Requirement(
        "GEN-1",
        "3.5",
        "A response is generated from the query and what the three tiers recalled.",
        "respond() gives a chat model the thread's newest turns, the profile, facts and messages, within "
        "response_tokens, and stores the turn.",
        "The question is stored before the model is asked, and a failure never as an answer; the reference "
        "code stores its own error text as one. It also wants 30 words of English; here the language is the "
        "user's and the style the caller's.",
    ),
)
