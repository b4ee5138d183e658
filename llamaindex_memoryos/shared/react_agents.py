"""Keep the system message for ReActAgent and CodeActAgent, which drop the first one as their own.

For such an agent a message that may be dropped is put in front (llama-index-core 0.14.25, ``take_step``).
"""

from __future__ import annotations

from collections.abc import Iterable

from llama_index.core.agent.workflow import AgentWorkflow, CodeActAgent, ReActAgent
from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.workflow import Context
from llama_index.core.workflow.errors import WorkflowRuntimeError  # type: ignore[attr-defined]  # no __all__

_DROPPED = ChatMessage(role=MessageRole.SYSTEM, content="What you need to know follows.")


def keep_system_message(messages: list[ChatMessage]) -> list[ChatMessage]:
    """Return a prompt of which the calling agent passes the system message to its model."""
    if messages and messages[0].role is MessageRole.SYSTEM and any(map(_drops_first, _calling_agents())):
        return [_DROPPED.model_copy(deep=True), *messages]
    return messages


def _drops_first(agent: object) -> bool:
    return isinstance(agent, ReActAgent | CodeActAgent) and not agent.system_prompt


def _calling_agents() -> Iterable[object]:
    """Return the agents whose step calls this; none outside of a step."""
    try:
        context = Context.get_step_context()
    except (AttributeError, WorkflowRuntimeError):
        return ()
    # The step's context has no public attribute for its workflow.
    workflow = getattr(getattr(context, "_face", None), "_workflow", None)
    return workflow.agents.values() if isinstance(workflow, AgentWorkflow) else (workflow,)
