"""The names and signatures that others build on. To change a line here is to change the contract."""

import ast
import dataclasses
import inspect
import pickle
import re
from collections.abc import Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest

import memoryos_integrations
from memoryos_integrations import MemoryConfig, MemoryOS, UserMemory, errors, protocols, testing
from memoryos_integrations.errors import ConfigError, MemoryOSError

CORE = Path(memoryos_integrations.__file__).parent
TURN = "thread_id='default', at=None, event_id=None"

SIGNATURES = {
    MemoryOS: "(path=None, *, config=None, embedder=None, llm=None, on_event=None, clock=None, chroma=None)",
    MemoryOS.user: "(self, user_id, agent_id='default')",
    MemoryOS.users: "(self)",
    MemoryOS.flush: "(self)",
    MemoryOS.enrich: "(self, llm=None)",
    MemoryOS.verify: "(self)",
    MemoryOS.stats: "(self)",
    MemoryOS.rebuild_index: "(self)",
    MemoryOS.reindex: "(self, embedder)",
    MemoryOS.close: "(self)",
    UserMemory.add: f"(self, user, assistant='', *, {TURN}, metadata=None)",
    UserMemory.add_message: f"(self, text, *, role, name=None, {TURN}, source=None, metadata=None)",
    UserMemory.remember: "(self, text, *, about='user', at=None, metadata=None)",
    UserMemory.respond: "(self, query, *, thread_id='default', style_hint=None, relationship=None)",
    UserMemory.respond_stream: "(self, query, *, thread_id='default', style_hint=None, relationship=None)",
    UserMemory.retrieve: (
        "(self, query, *, k=10, kinds=('message',), tiers=None, thread_id=None, metadata=None, now=None"
        ", since=None, until=None, sources=None, least_relevance=None)"
    ),
    UserMemory.context: (
        "(self, query, *, max_tokens=2000, thread_id=None, shown=(), now=None"
        ", since=None, until=None, sources=None, least_relevance=None)"
    ),
    UserMemory.pages: "(self, *, thread_id=None, limit=None)",
    UserMemory.segments: "(self)",
    UserMemory.chains: "(self)",
    UserMemory.facts: "(self, *, about=None, at=None)",
    UserMemory.history: "(self, fact_id)",
    UserMemory.persona: "(self, *, version=None)",
    UserMemory.restore: "(self, version)",
    UserMemory.trace: "(self, item_id)",
    UserMemory.forget: "(self, *, ids=None, thread_id=None, everything=False)",
    UserMemory.export: "(self, path)",
    UserMemory.load: "(self, path)",
    protocols.Embedder.embed: "(self, texts)",
    protocols.LLM.reply: "(self, prompt)",
    protocols.StreamingLLM.stream: "(self, prompt)",
    protocols.Clock.now: "(self)",
    protocols.TokenCounter.__call__: "(self, text)",
    testing.FrozenClock.advance: "(self, by)",
    testing.HashEmbedder: "(dimension=256, name=None)",
    testing.OpenAIServer: "(*answers, default=None, by_task=None, dimension=64, port=0)",
    testing.OpenAIServer.script: "(self, *answers)",
    testing.Failure: (
        "(status, message='Scripted failure.', code=None, type='error', headers=<factory>, body=None)"
    ),
    testing.Reply: (
        "(text=None, tool_calls=(), json=None, spoilt=None, refusal=None, finish_reason=None, usage=(10, 5), "
        "breaks_after=None)"
    ),
    testing.ToolCall: "(name, arguments=<factory>, id=None)",
    testing.ScriptedLLM: "(answers)",
    testing.check_embedder: "(make)",
    testing.check_index: "(make)",
    testing.check_llm: "(make, *, texts=('Hello.', '你好。'))",
}

BRIDGES = {
    "langchain_memoryos.llm:from_embeddings": "(embeddings, *, name=None, dimension=None)",
    "langchain_memoryos.llm:from_langchain": "(model, *, method=None)",
    "langchain_memoryos.llm:openai_compatible": (
        "(model, *, base_url=None, api_key=None, timeout=60.0, max_retries=2, method=None, **options)"
    ),
    "llamaindex_memoryos.llm:from_embed_model": "(embed_model)",
    "llamaindex_memoryos.llm:from_llamaindex": "(llm)",
}

DEFAULTS = {
    "search": "auto",
    "strategy": "hybrid",
    "session_gap": timedelta(hours=6),
    "short_term_capacity": 7,
    "segment_threshold": 0.6,
    "heat_alpha": 1.0,
    "heat_beta": 1.0,
    "heat_gamma": 1.0,
    "promotion_heat": 5.0,
    "recency_time_constant": 1e7,
    "mid_term_capacity": 2000,
    "top_segments": 5,
    "top_pages": 10,
    "knowledge_capacity": 100,
    "top_knowledge": 10,
    "full_scan_threshold": 20_000,
    "consolidation_batch_pages": 20,
    "promotion_batch_pages": 20,
    "refine_idle": timedelta(minutes=5),
    "prompt_tokens": 8000,
    "daily_tokens": None,
    "response_tokens": 2000,
    "inline_embed_limit": 64,
    "cache_mb": 512,
    "token_counter": None,
}

VALUES = {
    "Chain": "id thread_id summary page_ids method",
    "Context": "text tokens items left_out",
    "MemoryItem": "id tier kind text role name at score tokens thread_id page_id segment_id source_page_ids "
    "metadata parts source",
    "Page": "id thread_id at tier segment_id messages metadata chain_id",
    "Persona": "version profile traits knowledge updated_at method agent_profile",
    "Prompt": "task system user schema",
    "Retrieved": "query items dense relevance",
    "Trait": "dimension group level since source_page_ids",
}


def exported():
    return {name: getattr(memoryos_integrations, name) for name in memoryos_integrations.__all__}


def shape_of(function):
    """Return a signature without its types, which mypy checks, and without what refuses unknown arguments."""
    signature = inspect.signature(function)
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
        if parameter.name != "unknown"
    ]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


def drawn_tree():
    """Return parent by name, read from the tree in the docstring of ``errors``."""
    parents, above = {}, []
    for line in errors.__doc__.splitlines():
        drawn = re.fullmatch(r"    ((?:[│ ]   )*(?:[├└]── )?)(\w+)( .*)?", line)
        if drawn and drawn[2].endswith(
            ("Error", "LLMUnavailable", "LLMBudgetSpent", "LLMRefused", "LLMBadOutput")
        ):
            depth = len(drawn[1]) // 4
            parents[drawn[2]] = above[depth - 1] if depth else "Exception"
            above[depth:] = [drawn[2]]
    return parents


def public_members(owner):
    """Yield what our own code gives a class to its users, inherited or not."""
    ours = (base for base in inspect.getmro(owner) if base.__module__.startswith("memoryos_integrations"))
    for base in ours:
        for name, member in vars(base).items():
            if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property)):
                yield name, member


def test_every_public_name_can_be_imported_and_is_called_what_it_is():
    for name, value in exported().items():
        assert value.__name__ == name
        assert value.__module__.startswith("memoryos_integrations.")


def test_dir_lists_the_public_names_and_nothing_else():
    assert dir(memoryos_integrations) == sorted(memoryos_integrations.__all__)


def test_a_name_that_is_not_there_raises_attribute_error_naming_it():
    with pytest.raises(AttributeError, match="has no attribute 'Memoryos'"):
        _ = memoryos_integrations.Memoryos


@pytest.mark.parametrize("file", ["types.py", "config.py"])
def test_every_public_value_is_frozen_and_says_what_each_field_is(file):
    found = 0
    for node in ast.parse((CORE / file).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found += 1
            assert "frozen=True" in ast.unparse(node.decorator_list[0]), node.name
            for field, after in zip(node.body, [*node.body[1:], None], strict=True):
                if isinstance(field, ast.AnnAssign):
                    documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
                    assert documented, f"{node.name}.{field.target.id}"
    assert found


@pytest.mark.parametrize(
    ("function", "shape"), SIGNATURES.items(), ids=lambda value: getattr(value, "__qualname__", "")
)
def test_the_signatures_of_the_contract_stand(function, shape):
    assert shape_of(function) == shape


@pytest.mark.parametrize(("place", "shape"), BRIDGES.items())
def test_the_signatures_of_the_bridges_to_frameworks_models_stand(place, shape):
    module, _, name = place.partition(":")
    assert shape_of(getattr(import_module(module), name)) == shape


def test_the_names_of_the_test_kit_are_all_there():
    assert all(getattr(testing, name).__doc__ for name in testing.__all__)
    with pytest.raises(AttributeError, match="OpenAiServer"):
        _ = testing.OpenAiServer


def test_every_public_method_of_a_store_and_of_a_user_has_its_line_in_the_contract():
    for owner in (MemoryOS, UserMemory):
        methods = {member for _, member in public_members(owner) if inspect.isfunction(member)}
        assert len(methods) > 5
        assert methods <= set(SIGNATURES)


@pytest.mark.parametrize(("name", "fields"), VALUES.items())
def test_the_fields_of_the_values_stand_in_their_order(name, fields):
    assert [
        field.name for field in dataclasses.fields(getattr(memoryos_integrations, name))
    ] == fields.split()


def test_what_was_found_is_a_sequence_of_its_items_and_false_when_there_are_none(ada):
    assert not ada.retrieve("bees")
    for text in ("I keep bees.", "Bees like thyme."):
        ada.add(text, "")
    found = ada.retrieve("bees")
    assert found
    assert len(found) == 2
    assert tuple(found) == found.items
    assert (found[0], found[-1], found[:1]) == (found.items[0], found.items[1], found.items[:1])
    assert found.items[1] in found
    assert isinstance(found, Sequence)
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(IndexError):
        found[2]


def test_a_context_as_a_string_is_its_text(ada):
    assert str(ada.context("bees")) == ""
    ada.add("I keep bees.", "")
    context = ada.context("bees")
    assert "I keep bees." in str(context) == f"{context}" == context.text


def test_no_verb_of_a_user_takes_a_user_id():
    for _, member in public_members(UserMemory):
        if inspect.isfunction(member):
            assert not {"user_id", "agent_id"} & set(inspect.signature(member).parameters)


def test_the_tree_of_errors_is_the_one_that_its_module_draws():
    real = {
        name: value.__bases__[0].__name__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert drawn_tree() == real
    assert len(real) == 19


def test_every_public_error_is_one_of_the_tree_and_can_be_caught_as_one():
    raised = [
        value for value in exported().values() if inspect.isclass(value) and issubclass(value, Exception)
    ]
    assert len(raised) >= 8
    assert all(issubclass(error, MemoryOSError) for error in raised)


def test_bad_arguments_are_value_errors_and_a_missing_package_an_import_error():
    assert issubclass(errors.InvalidInputError, ValueError)
    assert issubclass(errors.ConfigError, ValueError)
    assert issubclass(errors.MissingDependencyError, ImportError)


def test_the_defaults_are_those_of_the_contract():
    config = MemoryConfig()
    assert {field.name: getattr(config, field.name) for field in dataclasses.fields(config)} == DEFAULTS


def test_a_config_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        MemoryConfig().search = "exact"


WHOLE = [field.name for field in dataclasses.fields(MemoryConfig) if field.type == "int"]
NUMBERS = [field.name for field in dataclasses.fields(MemoryConfig) if field.type == "float"]
BAD = [
    ("search", "fast"),
    ("search", None),
    ("strategy", "paper "),
    ("strategy", []),
    ("session_gap", 6),
    ("session_gap", timedelta(0)),
    ("session_gap", timedelta(hours=-1)),
    ("recency_time_constant", 0),
    ("token_counter", 4),
    *((name, value) for name in WHOLE for value in (-1, 1.5, True, "7", None)),
    *((name, 0) for name in WHOLE if name != "inline_embed_limit"),
    *((name, value) for name in NUMBERS for value in (-0.1, float("nan"), float("inf"), True, "1", None)),
]


def test_a_bad_setting_is_refused_by_an_error_that_names_the_field():
    for name, value in BAD:
        with pytest.raises(ConfigError, match=rf"\b{name}\b"):
            MemoryConfig(**{name: value})


GOOD = [
    ("search", "chroma"),
    ("search", "exact"),
    ("strategy", "paper"),
    ("session_gap", timedelta(microseconds=1)),
    ("inline_embed_limit", 0),
    ("token_counter", len),
    *((name, 1) for name in WHOLE),
    *((name, 0.5) for name in NUMBERS),
    ("heat_alpha", 0),
]


def test_a_good_setting_is_kept_as_it_was_given():
    assert [getattr(MemoryConfig(**{name: value}), name) for name, value in GOOD] == [v for _, v in GOOD]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"path": ""}, "path"),
        ({"path": 7}, "path"),
        ({"config": {"search": "exact"}}, "config"),
        ({"clock": 12}, "clock"),
        ({"embedder": "fastest"}, "embedder"),
        ({"embedder": 384}, "embedder"),
    ],
)
def test_a_bad_argument_of_the_store_is_refused_before_anything_is_written(tmp_path, arguments, named):
    with pytest.raises(ConfigError, match=named):
        MemoryOS(**({"path": tmp_path / "store"} | arguments))
    assert not (tmp_path / "store").exists()


def test_a_misspelt_argument_of_the_store_raises_type_error_naming_it(tmp_path):
    with pytest.raises(TypeError, match="embeder"):
        MemoryOS(tmp_path, embeder=None)
