"""The demo on a screen of 100 columns."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from memoryos_integrations.apps import render
from memoryos_integrations.apps.demo import run
from memoryos_integrations.apps.terminal import one_line
from memoryos_integrations.language.dates import day
from memoryos_integrations.reports import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console, RenderableType

    from memoryos_integrations.apps.demo.model import LearningReport
    from memoryos_integrations.apps.demo.run import Answer, Erasure, Sample, Tiers
    from memoryos_integrations.types import Segment

_BAR = 34
_TEXT = 200
_SEGMENTS = 6
_CONTEXT_LINES = 14
_FACTS = 12
_ALL_HERE = "No API key, no server, no network: everything runs here."


class DemoView:
    """Prints each part of the demo as it finishes.

    Args:
        out: where to.
        sample: the conversation.
    """

    def __init__(self, out: Console, sample: Sample) -> None:
        self._out, self._sample = out, sample
        self._parts = 0

    def opening(self, model: str | None) -> None:
        """Print the title, and the chat model in use."""
        turns = self._sample.turns
        who = f"{self._sample.user_name} and {self._sample.agent_name}"
        title = f"{len(turns)} turns between {who}, {day(turns[0].at)} to {day(turns[-1].at)}"
        self._out.print(Text("MemoryOS", style="bold red").append(f"  {title}", style="bold not red"))
        where = f"Everything runs here but {one_line(model)}." if model else _ALL_HERE
        self._out.print(Text(where, style="dim"))

    @contextmanager
    def remembering(self) -> Iterator[Callable[[int, Tiers], None]]:
        """Show turns coming in and tiers filling; without a terminal, only the end state."""
        self._part("Remembering, turn by turn")
        state: list[tuple[int, Tiers]] = [(0, run.Tiers(0, 0, 0, 0))]
        if not self._out.is_interactive:
            yield lambda done, tiers: state.append((done, tiers))
            self._out.print(self._tiers(*state[-1]))
            return
        with Live(self._tiers(*state[-1]), console=self._out, refresh_per_second=12) as live:
            yield lambda done, tiers: live.update(self._tiers(done, tiers))

    def latency(self, milliseconds: float) -> None:
        """Print how long ``add`` took."""
        self._note(
            f"A turn is on disk and can be found after {milliseconds:.1f} ms (median); embedding and sorting "
            "into topics follow in the background."
        )

    def heat(self, segments: Sequence[Segment]) -> None:
        """Show the hottest topic segments."""
        self._part("Mid-term memory: topics by heat")
        self._out.print(render.segments(segments, most=_SEGMENTS))

    def learnt(self, learnt: LearningReport | None) -> None:
        """Show what a model, if there is one, learnt, and what it cost."""
        if learnt is None:
            return
        self._part("Long-term memory: what the model learnt, with evidence")
        self._out.print(replace(learnt.persona, knowledge=()))
        self._out.print()
        self._out.print(render.facts(learnt.facts[:_FACTS], learnt.evidence, ids=False))
        self._out.print(render.superseded(learnt.superseded, learnt.successors))
        self._out.print(render.usage(learnt.bill))
        calls, turns = learnt.bill["calls"], len(self._sample.turns)
        self._note(f"{calls} calls for {turns} turns, {calls / turns:.2f} a turn; no turn waited for one.")

    def answers(self, shown: Sequence[Answer], every: Sequence[Answer]) -> None:
        """Show some questions with their sources, and how well all of them went."""
        self._part(f"Asking: {len(shown)} of {len(every)} questions, evenly spread")
        turns = {turn.id: turn for turn in self._sample.turns}
        for answer in shown:
            expected = Text(f"answer: {one_line(answer.question.answer)}", "dim")
            self._out.print(Text(one_line(answer.question.text), style="bold"))
            self._out.print(Padding(expected, (0, 0, 0, 2)))
            for turn_id in sorted(answer.question.evidence):
                self._out.print(self._source(answer, turn_id, turns[turn_id]))
        self._out.print(self._recall(every))
        self._note(
            f"found: in a context of {run.CONTEXT_TOKENS:,} tokens · no.: place among the best "
            f"{run.K} messages · recall: share of a question's source turns"
        )

    def heat_change(self, before: Sequence[Segment], after: Sequence[Segment]) -> None:
        """Show how questions raised the heat of the hottest topic."""
        if not before or not after:
            return
        top, then = after[0], {segment.id: segment.heat for segment in before}
        words = one_line(", ".join(top.keywords[:3]))
        was = then.get(top.id, 0.0)
        self._note(
            f"Topics that are asked about get hotter: '{words}' went from {was:.1f} to {top.heat:.1f}."
        )

    def context(self, answer: Answer, whole: int, *, exact: bool) -> None:
        """Show the beginning of a context, and its tokens."""
        self._part("What a model would be given")
        call = f'context("{one_line(answer.question.text)}")'
        self._out.print(Text(call, style="bold"))
        text = clean(answer.context.text).split("\n")
        shown = "\n".join(text[:_CONTEXT_LINES])
        if more := len(text) - _CONTEXT_LINES:
            shown += f"\n... {more} more lines" if more > 0 else ""
        self._out.print(Padding(Text(shown, style="green"), (0, 0, 0, 2)))
        used, unit = answer.context.tokens, "tokens" if exact else "tokens (estimated)"
        self._out.print(
            f"{used:,} of {run.CONTEXT_TOKENS:,} {unit} used. The whole conversation has {whole:,}: "
            f"the prompt saves {100 * (1 - used / whole):.0f} %."
        )

    def erasure(self, erased: Erasure | None) -> None:
        """Show what is left of a forgotten turn."""
        self._part("Forgetting for good")
        if erased is None:
            self._note("No question found its source as the best message, so there is nothing to show.")
            return
        first = erased.page.messages[0]
        self._out.print(Text(f"forget: {first.name}: {one_line(first.text, _TEXT)}", style="bold"))
        receipt = erased.receipt
        self._out.print(
            f"  receipt: {len(receipt.message_ids)} messages, {len(receipt.page_ids)} page, "
            f"{len(receipt.segment_ids)} segment gone or blanked, {len(receipt.fact_ids)} facts"
        )
        self._out.print(
            f"  bytes of its text in the store's {erased.files} files: "
            f"{erased.bytes_before} before, {erased.bytes_after} after"
        )
        again = "still found" if erased.found_again else "not found any more"
        self._out.print(f"  asked again: {one_line(erased.answer.question.text)}  {again}")

    def closing(self, calls: int, connections: int, seconds: float, kept: str | None) -> None:
        """Print calls, connections and seconds."""
        asked = calls or "0 (none was given)"
        self._out.print(Rule(style="dim"))
        self._out.print(
            f"calls of a chat model: {asked} · network connections of Python code: {connections} "
            f"(counted) · {seconds:.1f} s"
        )
        if kept is None:
            self._note("The store was in a temporary folder and is gone. Keep one with --path DIR.")
        else:
            self._note(f"Look around: memoryos show --user {self._sample.user_id} --path {one_line(kept)}")

    def _part(self, title: str) -> None:
        self._parts += 1
        self._out.print()
        self._out.print(Rule(Text(f"{self._parts}  {title}", style="bold red"), align="left", style="dim"))

    def _note(self, text: str) -> None:
        self._out.print(Text(text, style="dim"))

    def _tiers(self, done: int, tiers: Tiers) -> RenderableType:
        total = len(self._sample.turns)
        table = Table.grid(padding=(0, 2))
        rows = (
            ("turns stored", done, f"{done} of {total}", "green"),
            ("short-term", tiers.short_pages, f"{tiers.short_pages} pages", "yellow"),
            ("mid-term", tiers.mid_pages, f"{tiers.mid_pages} pages in {tiers.segments} segments", "red"),
            ("long-term", tiers.facts, f"{tiers.facts} facts", "magenta"),
        )
        for name, amount, words, colour in rows:
            table.add_row(name, ProgressBar(total, amount, width=_BAR, complete_style=colour), words)
        return Group(table)

    def _source(self, answer: Answer, turn_id: str, turn: run.Turn) -> RenderableType:
        rank = answer.rank_of(turn_id)
        found = answer.in_context(turn_id)
        grid = Table.grid(padding=(0, 1))
        for width in (8, 6, None):
            grid.add_column(width=width)
        grid.add_row(
            Text("  found", "green") if found else Text("  missed", "red"),
            Text(f"no. {rank}" if rank else "-", "dim"),
            Text(f"{day(turn.at)}, {self._sample.user_name}: ", "cyan").append(
                one_line(turn.user, _TEXT), "default"
            ),
        )
        return grid

    def _recall(self, every: Sequence[Answer]) -> RenderableType:
        kinds = list(run.by_kind(every))
        table = Table.grid(padding=(0, 3))
        table.add_row(
            Text("evidence recalled", "bold"), *(Text(f"{kind} ({len(of)})", "bold") for kind, of in kinds)
        )
        recalls = [run.mean_recall(of) for _, of in kinds]
        table.add_row(f"in the best {run.K} messages", *(f"{share:.2f}" for share, _ in recalls))
        table.add_row(
            f"in a context of {run.CONTEXT_TOKENS:,} tokens", *(f"{share:.2f}" for _, share in recalls)
        )
        return Padding(table, (1, 0, 0, 0))
