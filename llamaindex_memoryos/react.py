"""ReActAgent and CodeActAgent drop the first system message, which they take for their own system prompt.

So a memory that is asked from within such an agent puts a message in front that may go. Seen in
llama-index-core 0.14.25, ``take_step`` of both.
"""

from __future__ import annotations

from collections.abc import Iterable

from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.workflow import Context
from llama_index.core.workflow.errors import WorkflowRuntimeError  # type: ignore[attr-defined]  # no __all__

_MAY_GO = ChatMessage(role=MessageRole.SYSTEM, content="What you need to know follows.")


def protected(messages: list[ChatMessage]) -> list[ChatMessage]:
    """Return a prompt whose system message reaches the model of the agent that asks for it."""
    if messages and messages[0].role is MessageRole.SYSTEM and any(map(_drops_first, _asking_agents())):
        return [_MAY_GO.model_copy(deep=True), *messages]
    return messages


def _drops_first(agent: object) -> bool:
    return isinstance(agent, ReActAgent | CodeActAgent) and not agent.system_prompt


def _asking_agents() -> Iterable[object]:
    """Return the agents in one of whose steps this is called; none outside of a step."""
    try:
        context = Context.get_step_context()
    except (AttributeError, WorkflowRuntimeError):
        return ()
    # The step's context does not say publicly whose step it is.
    workflow = getattr(getattr(context, "_face", None), "_workflow", None)
    return workflow.agents.values() if isinstance(workflow, AgentWorkflow) else (workflow,)
