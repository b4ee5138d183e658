"""Where a store is: the argument, the environment, or the account's own folder for data."""

from __future__ import annotations

import gc
import pickle
import threading
from pathlib import Path

import platformdirs
import pytest

from memoryos_integrations import ConfigError, InvalidInputError, MemoryOS
from memoryos_integrations.testing import HashEmbedder


def opened(path: Path | str | None = None) -> MemoryOS:
    return MemoryOS(path, embedder=HashEmbedder())


def test_without_a_path_the_store_is_in_the_accounts_folder_for_data():
    with opened() as memory:
        assert memory.path == Path(platformdirs.user_data_dir("memoryos"))


@pytest.mark.parametrize("variable", ["MEMORYOS_PATH", "MEMORYOS_URL"])
def test_a_variable_of_the_environment_names_the_store(variable, tmp_path, monkeypatch):
    monkeypatch.setenv(variable, str(tmp_path / "store"))
    with opened() as memory:
        assert memory.path == tmp_path / "store"


def test_what_is_given_wins_over_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORYOS_PATH", str(tmp_path / "other"))
    with opened(tmp_path / "store") as memory:
        assert memory.path == tmp_path / "store"


def test_two_variables_that_differ_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORYOS_URL", str(tmp_path / "one"))
    monkeypatch.setenv("MEMORYOS_PATH", str(tmp_path / "two"))
    with pytest.raises(ConfigError, match=r"MEMORYOS_URL and MEMORYOS_PATH .* unset one"):
        opened()
    assert list(tmp_path.iterdir()) == []


def test_two_variables_that_agree_are_one(tmp_path, monkeypatch):
    for variable in ("MEMORYOS_URL", "MEMORYOS_PATH"):
        monkeypatch.setenv(variable, str(tmp_path / "one"))
    with opened() as memory:
        assert memory.path == tmp_path / "one"


def test_a_path_is_expanded_and_stays_the_same_when_the_program_changes_its_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    with opened("~/store") as memory:
        assert memory.path == tmp_path / "store"
    monkeypatch.chdir(tmp_path)
    with opened("relative") as memory:
        memory.user("ada").add("I keep bees.")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        memory.flush()
        assert memory.path == tmp_path / "relative"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_url_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="folder"):
        opened("postgresql://user:secret@localhost/memory")
    assert list(tmp_path.iterdir()) == []


def test_a_store_in_the_current_folder_that_is_not_opened_is_named(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    with opened("memory"):
        pass
    with opened() as memory:
        assert memory.path == Path(platformdirs.user_data_dir("memoryos"))
    assert [record.message for record in caplog.records if str(tmp_path / "memory") in record.message]


def test_a_store_nobody_refers_to_any_more_is_closed_with_a_warning(tmp_path):
    before = threading.active_count()
    memory = opened(tmp_path / "store")
    memory.user("ada").add("I keep bees.")
    with pytest.warns(ResourceWarning, match="was not closed"):
        del memory
        gc.collect()
    assert threading.active_count() <= before
    with opened(tmp_path / "store") as again:
        assert again.user("ada").retrieve("bees").items


def test_a_store_stays_open_as_long_as_a_part_of_it_is_in_use(tmp_path):
    user = opened(tmp_path / "store").user("ada")
    items = user.memory.items
    del user
    gc.collect()
    assert items.get([(("notes",), "1")]) == [None]
    items._keep.close()


def test_pickling_says_how_another_process_opens_the_store(memory, ada):
    for value in (memory, ada):
        with pytest.raises(TypeError, match=r"memory\.path.*MemoryOS\(path\)"):
            pickle.dumps(value)


def test_no_answer_may_be_given_as_none(ada):
    assert [message.role for message in ada.add("I keep bees.", None).messages] == ["user"]


@pytest.mark.parametrize(
    ("role", "ours"), [("human", "'user'"), ("ai", "'assistant'"), ("system", "remember")]
)
def test_the_roles_of_frameworks_are_told_which_of_ours_to_use(ada, role, ours):
    with pytest.raises(InvalidInputError, match=ours):
        ada.add_message("Hello", role=role)
    assert ada.pages() == []


@pytest.mark.parametrize(
    ("verb", "argument", "hint"),
    [
        ("retrieve", "limit", "use k"),
        ("retrieve", "top_k", "use k"),
        ("context", "limit", "use max_tokens"),
        ("context", "nonsense", "no argument 'nonsense'"),
    ],
)
def test_an_argument_of_another_library_is_told_which_of_ours_to_use(ada, verb, argument, hint):
    with pytest.raises(InvalidInputError, match=hint):
        getattr(ada, verb)("bees", **{argument: 5})


def test_one_text_is_no_collection_of_what_is_shown(ada):
    ada.add("I keep bees.")
    with pytest.raises(InvalidInputError, match="shown must be a collection"):
        ada.context("bees", shown="I keep bees.")
