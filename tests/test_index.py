"""The vector index: the contract on every kind of Chroma, and what happens when Chroma breaks."""

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import chromadb
import httpx
import numpy as np
import pytest
from chromadb.config import Settings
from hypothesis import given, settings
from hypothesis import strategies as st
from programs.chroma_server import ChromaServer, close_connections

from memoryos_integrations.errors import (
    IndexUnavailableError,
    InvalidInputError,
    StoreClosedError,
    StoreUnwritableError,
)
from memoryos_integrations.protocols import IndexRecord, VectorIndex
from memoryos_integrations.storage.chroma.directory import (
    discard,
    is_missing,
    set_aside_directories,
    set_aside_if_unclean,
)
from memoryos_integrations.storage.chroma.index import COLLECTIONS, ChromaIndex
from memoryos_integrations.storage.chroma.seal import seal
from memoryos_integrations.testing.exact_index import ExactIndex, check_index


def points(rows, dimension=16, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)


def records(vectors, scope=1, prefix="r"):
    return [
        IndexRecord(id=f"{prefix}{row}", vector=vector, scope=scope, at=1.5)
        for row, vector in enumerate(vectors)
    ]


def some_store_id():
    return uuid.uuid4().hex[:12]


def names_in(path):
    """Open the directory as a user would, with chromadb alone."""
    with chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False)) as client:
        return sorted(collection.name for collection in client.list_collections())


def size_of(path):
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store" / "chroma"


@pytest.fixture
def index(path):
    with closing(ChromaIndex.in_directory(path)) as opened:
        yield opened


@pytest.fixture(scope="module")
def ephemeral():
    with chromadb.EphemeralClient() as client:
        yield client


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    running = ChromaServer(tmp_path_factory.mktemp("server"))
    yield running
    running.kill()


@pytest.fixture(scope="module")
def http(server):
    with chromadb.HttpClient(host="127.0.0.1", port=server.port) as client:
        yield client
        close_connections(client)


# --- the contract


def test_the_exact_index_keeps_the_contract():
    check_index(ExactIndex)


def test_chroma_in_its_own_directory_keeps_the_contract(tmp_path):
    numbers = itertools.count()
    check_index(lambda: ChromaIndex.in_directory(tmp_path / str(next(numbers))))
    assert not list(tmp_path.glob("*.open"))


def test_chroma_on_a_client_in_memory_keeps_the_contract(ephemeral):
    check_index(lambda: ChromaIndex.on_client(ephemeral, some_store_id()))


@pytest.mark.programs
def test_chroma_on_a_server_keeps_the_contract(http):
    check_index(lambda: ChromaIndex.on_client(http, some_store_id()))


class Mute(ExactIndex):
    def delete(self, collection, ids):
        pass


class Gossip(ExactIndex):
    def search(self, collection, vector, *, scope, limit):
        found = [ExactIndex.search(self, collection, vector, scope=one, limit=limit) for one in (1, 2, 3)]
        return list(itertools.chain.from_iterable(found))


class Blur(ExactIndex):
    def search(self, collection, vector, *, scope, limit):
        return super().search(collection, np.sign(vector), scope=scope, limit=limit)


class Immortal(ExactIndex):
    def close(self):
        pass


@pytest.mark.parametrize("broken", [Mute, Gossip, Blur, Immortal])
def test_the_contract_catches_an_index_that_breaks_it(broken):
    with pytest.raises(AssertionError):
        check_index(broken)


@settings(max_examples=15, deadline=None)
@given(
    sizes=st.dictionaries(st.integers(-3, 2**40), st.integers(1, 40), min_size=1, max_size=4),
    limit=st.integers(1, 60),
    seed=st.integers(0, 99),
)
def test_chroma_finds_what_an_exact_scan_finds_however_the_scopes_share_a_collection(sizes, limit, seed):
    with chromadb.EphemeralClient() as client:
        chroma, exact = ChromaIndex.on_client(client, some_store_id()), ExactIndex()
        for one in (chroma, exact):
            for scope, size in sizes.items():
                one.upsert("mid_term", records(points(size, seed=scope % 7), scope=scope, prefix=f"{scope}:"))
        query = points(1, seed=seed + 100)[0]
        for scope in (*sizes, -9):
            found = dict(chroma.search("mid_term", query, scope=scope, limit=limit))
            wanted = dict(exact.search("mid_term", query, scope=scope, limit=limit))
            assert found == pytest.approx(wanted, abs=1e-3)
            assert chroma.count("mid_term", scope=scope) == exact.count("mid_term", scope=scope)
        chroma.clear()


# --- what is written where


def test_nothing_is_opened_before_the_first_call(path):
    index = ChromaIndex.in_directory(path)
    assert not path.parent.exists()
    index.close()
    assert not path.parent.exists()


@pytest.mark.programs
def test_making_an_index_does_not_load_chromadb():
    code = (
        "import sys, pathlib; from memoryos_integrations.storage.chroma.index import ChromaIndex;"
        "ChromaIndex.in_directory(pathlib.Path('nowhere')).close(); sys.exit('chromadb' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_user_can_open_the_directory_and_sees_the_tiers_without_texts_or_names(index, path):
    for collection in COLLECTIONS:
        index.upsert(collection, records(points(3), scope=7))
    index.close()
    assert names_in(path) == sorted(COLLECTIONS)
    with chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False)) as client:
        for collection, tier in zip(
            COLLECTIONS, ("short_term", "mid_term", "mid_term", "long_term", "store_items"), strict=True
        ):
            held = client.get_collection(collection, embedding_function=None).get(
                include=["metadatas", "documents"]
            )
            assert held["metadatas"] == [{"scope": 7, "tier": tier, "at": 1.5}] * 3
            assert held["documents"] == [None] * 3


def test_collections_compare_by_cosine_and_look_far(index, ephemeral):
    store = some_store_id()
    ChromaIndex.on_client(ephemeral, store).count("mid_term")
    found = ephemeral.get_collection(f"{store}-mid_term", embedding_function=None).configuration_json["hnsw"]
    assert (found["space"], found["ef_search"], found["sync_threshold"]) == ("cosine", 400, 1000)


def test_only_the_user_may_read_the_directory_and_its_marker(index, path):
    index.count("mid_term")
    assert path.stat().st_mode & 0o777 == 0o700
    assert path.with_name("chroma.open").stat().st_mode & 0o777 == 0o600


def test_vectors_survive_close_and_reopen(path):
    vectors = points(1_200)  # beyond the 1 000 after which Chroma saves its index
    with closing(ChromaIndex.in_directory(path)) as first:
        first.upsert("mid_term", records(vectors))
        first.delete("mid_term", ["r1"])
    assert set_aside_if_unclean(path) is None
    with closing(ChromaIndex.in_directory(path)) as second:
        assert second.count("mid_term") == 1_199
        for row in (0, 999, 1_199):
            assert second.search("mid_term", vectors[row], scope=1, limit=1)[0][0] == f"r{row}"


def test_stores_on_one_client_never_mix(ephemeral):
    mine, yours = (ChromaIndex.on_client(ephemeral, some_store_id()) for _ in range(2))
    for one, rows in ((mine, 3), (yours, 5)):
        one.upsert("mid_term", records(points(rows)))
    assert (mine.count("mid_term"), yours.count("mid_term")) == (3, 5)
    mine.clear()
    assert (mine.count("mid_term"), yours.count("mid_term")) == (0, 5)
    mine.close()
    assert len(yours.search("mid_term", points(1)[0], scope=1, limit=9)) == 5


@pytest.mark.parametrize("store_id", ["", "ada@example.org", "0123456789AB", "0123456789abc"])
def test_a_store_id_that_is_no_12_hexadecimal_digits_is_refused(store_id, ephemeral):
    with pytest.raises(InvalidInputError, match="store_id"):
        ChromaIndex.on_client(ephemeral, store_id)


def test_clearing_leaves_the_collections_of_others_alone_and_no_vector_on_the_disk(index, path):
    vectors = points(1_500)
    index.upsert("mid_term", records(vectors))
    index.close()
    with chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False)) as client:
        client.create_collection("their_own", embedding_function=None).add(ids=["x"], embeddings=points(1, 3))
    needles = [vectors[row].tobytes() for row in (0, 700, 1_499)]
    normal = [(vectors[row] / np.linalg.norm(vectors[row])).tobytes()[:12] for row in (0, 700)]
    assert any(needle in file.read_bytes() for file in path.rglob("*.*") for needle in needles + normal)
    with closing(ChromaIndex.in_directory(path)) as again:
        again.clear()
    assert names_in(path) == sorted([*COLLECTIONS, "their_own"])
    assert not any(needle in file.read_bytes() for file in path.rglob("*.*") for needle in needles + normal)


def test_nothing_of_the_process_memory_gets_into_the_files(tmp_path):
    """Chroma makes a collection's first files from memory that it never cleared."""
    enough, hold = threading.Barrier(25), threading.Event()

    def chat():
        for size in (50, 500, 3_000, 20_000) * 30:
            "".join([word * size for word in ("Canary sings ", "Canary hums ")])
        enough.wait()
        hold.wait()

    talkers = [threading.Thread(target=chat) for _ in range(24)]  # more than malloc has arenas
    for talker in talkers:
        talker.start()
    enough.wait()
    try:
        for number, dimension in enumerate((16, 64, 384)):
            path = tmp_path / str(number)
            with closing(ChromaIndex.in_directory(path)) as index:
                for collection in COLLECTIONS:
                    index.upsert(collection, records(points(3, dimension)))
                files = [file for file in path.rglob("*") if file.is_file()]
                assert len(files) > 4 * len(COLLECTIONS)
                assert [file.name for file in files if b"Canary" in file.read_bytes()] == []
                assert not any(any(file.read_bytes()) for file in path.rglob("data_level0.bin"))
            with closing(ChromaIndex.in_directory(path)) as index:
                assert index.search("mid_term", points(3, dimension)[1], scope=1, limit=1)[0][0] == "r1"
    finally:
        hold.set()
        for talker in talkers:
            talker.join()


class SmallServer:
    """A client of a server that takes no more than 7 records in a call."""

    def __init__(self, client):
        self._client = client

    def __getattr__(self, name):
        return getattr(self._client, name)

    def get_max_batch_size(self):
        return 7


def test_a_server_that_takes_few_records_in_a_call_gets_few(ephemeral):
    index = ChromaIndex.on_client(SmallServer(ephemeral), some_store_id(), recreate_after=20)
    index.upsert("mid_term", records(points(50)))
    assert index.count("mid_term", scope=1) == 50
    index.delete("mid_term", [f"r{row}" for row in range(30)])  # rewritten
    assert index.count("mid_term", scope=1) == 20
    assert len(index.search("mid_term", points(1)[0], scope=1, limit=50)) == 20


class Listening:
    """A client or collection that records the arguments of ``query()``."""

    def __init__(self, inner, heard):
        self._inner, self._heard = inner, heard

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def get_or_create_collection(self, *args, **arguments):
        return Listening(self._inner.get_or_create_collection(*args, **arguments), self._heard)

    def query(self, **arguments):
        self._heard.append((arguments.get("where"), arguments["n_results"]))
        return self._inner.query(**arguments)


def test_only_a_scope_with_less_than_half_of_a_collection_is_searched_with_a_filter(ephemeral):
    heard = []
    index = ChromaIndex.on_client(Listening(ephemeral, heard), some_store_id())
    query = points(1, seed=5)[0]
    index.upsert("mid_term", records(points(40), scope=1, prefix="a"))
    index.search("mid_term", query, scope=1, limit=10)
    index.upsert("mid_term", records(points(30), scope=2, prefix="b"))
    index.search("mid_term", query, scope=1, limit=10)
    index.search("mid_term", query, scope=2, limit=10)
    index.search("mid_term", query, scope=1, limit=40)
    assert heard == [(None, 20), (None, 20), ({"scope": 2}, 10), (None, 70)]  # never more than there are
    index.upsert("mid_term", records(points(60), scope=2, prefix="b"))
    index.search("mid_term", query, scope=1, limit=10)
    index.search("mid_term", query, scope=2, limit=10)
    assert heard[4:] == [({"scope": 1}, 10), (None, 20)]


def test_an_unfiltered_search_looks_further_until_it_has_enough_of_the_scope(ephemeral):
    heard = []
    index = ChromaIndex.on_client(Listening(ephemeral, heard), some_store_id())
    near, far = np.ones((40, 8), np.float32), -np.ones((60, 8), np.float32)
    index.upsert("mid_term", records(near + points(40, 8) / 10, scope=2, prefix="b"))
    index.upsert("mid_term", records(far + points(60, 8) / 10, scope=1, prefix="a"))
    assert len(index.search("mid_term", near[0], scope=1, limit=5)) == 5
    assert heard == [(None, 10), (None, 20), (None, 40), (None, 80)]


# --- refusals


def test_a_collection_made_with_another_space_is_refused_until_it_is_cleared(ephemeral):
    store = some_store_id()
    ephemeral.create_collection(
        f"{store}-mid_term", embedding_function=None, configuration={"hnsw": {"space": "l2"}}
    )
    index = ChromaIndex.on_client(ephemeral, store)
    with pytest.raises(IndexUnavailableError, match="'l2', not by 'cosine'"):
        index.count("mid_term")
    index.clear()
    assert index.count("mid_term") == 0


def test_vectors_of_another_embedder_are_refused_with_both_dimensions(path):
    with closing(ChromaIndex.in_directory(path)) as first:
        first.upsert("mid_term", records(points(2, 16)))
    with closing(ChromaIndex.in_directory(path)) as index:
        with pytest.raises(IndexUnavailableError, match="16 numbers, not of 8"):
            index.upsert("mid_term", records(points(2, 8)))
        with pytest.raises(IndexUnavailableError, match="16 numbers, not of 8"):
            index.search("mid_term", points(1, 8)[0], scope=1, limit=1)
    assert set_aside_if_unclean(path) is None  # a refusal leaves no doubt about the contents


@pytest.mark.parametrize("bad", [[np.nan, 1.0], [np.inf, 1.0], [], [[1.0, 2.0]]])
def test_a_vector_that_is_no_row_of_finite_numbers_is_refused(index, bad):
    vector = np.array(bad, dtype=np.float32)
    with pytest.raises(InvalidInputError, match="vector"):
        index.upsert("mid_term", records([vector]))
    with pytest.raises(InvalidInputError, match="vector"):
        index.search("mid_term", vector, scope=1, limit=1)


def test_a_call_after_close_says_that_it_is_closed(index):
    index.close()
    with pytest.raises(StoreClosedError, match="closed"):
        index.count("mid_term")


# --- churn


def test_after_many_removals_a_collection_is_rewritten_and_its_files_shrink(path):
    stay, dimension = points(20, 64, seed=1), 64
    with closing(ChromaIndex.in_directory(path, recreate_after=1_000)) as index:
        index.upsert("short_term", records(stay, prefix="stay"))
        index.upsert("mid_term", records(stay, prefix="other"))
        for turn in range(3):
            passing = records(points(1_100, dimension, seed=turn + 2), prefix=f"{turn}-")
            index.upsert("short_term", passing)
            full = size_of(path)
            index.delete("short_term", [record.id for record in passing])
            assert size_of(path) < full / 3
        assert index.count("short_term") == 20
        assert index.count("mid_term") == 20
        for collection, prefix in (("short_term", "stay"), ("mid_term", "other")):
            found = [index.search(collection, vector, scope=1, limit=1)[0][0] for vector in stay]
            assert found == [f"{prefix}{row}" for row in range(20)]
    assert names_in(path) == ["mid_term", "short_term"]


def test_removals_are_counted_across_short_sessions(path):
    for session in range(4):
        with closing(ChromaIndex.in_directory(path, recreate_after=100)) as index:
            index.upsert("short_term", records(points(30, seed=session)))
            index.delete("short_term", [f"r{row}" for row in range(60)])  # 30 of them are there
            index.delete("short_term", ["nobody"])
        with chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False)) as client:
            kept = client.get_collection("short_term", embedding_function=None).metadata
        assert kept == (None if session == 3 else {"removed": 30 * (session + 1)})


def test_a_collection_is_not_copied_while_most_of_it_is_alive(ephemeral):
    store = some_store_id()
    index = ChromaIndex.on_client(ephemeral, store, recreate_after=5)
    index.upsert("mid_term", records(points(40)))
    made = ephemeral.get_collection(f"{store}-mid_term", embedding_function=None).id
    index.delete("mid_term", [f"r{row}" for row in range(10)])
    assert ephemeral.get_collection(f"{store}-mid_term", embedding_function=None).id == made
    index.delete("mid_term", [f"r{row}" for row in range(10, 20)])
    assert ephemeral.get_collection(f"{store}-mid_term", embedding_function=None).id != made
    assert index.count("mid_term") == 20


def test_leftovers_of_an_interrupted_rewrite_are_replaced(ephemeral):
    store = some_store_id()
    index = ChromaIndex.on_client(ephemeral, store)
    index.upsert("mid_term", records(points(3)))
    half = ephemeral.create_collection(f"{store}-mid_term-fresh", embedding_function=None)
    half.add(ids=["stale"], embeddings=points(1, 5))
    index.rewrite("mid_term")
    assert index.count("mid_term") == 3
    assert f"{store}-mid_term-fresh" not in [collection.name for collection in ephemeral.list_collections()]


def test_rewriting_leaves_nothing_of_a_removed_vector_on_the_disk(index, path):
    vectors = points(1_100)
    index.upsert("long_term", records(vectors))
    index.delete("long_term", ["r5"])
    needles = [vectors[5].tobytes(), (vectors[5] / np.linalg.norm(vectors[5])).tobytes()[:12]]
    assert any(needle in file.read_bytes() for file in path.rglob("*.*") for needle in needles)
    index.rewrite("long_term")
    assert index.count("long_term") == 1_099
    assert not any(needle in file.read_bytes() for file in path.rglob("*.*") for needle in needles)


# --- unclean ends


@pytest.mark.programs
def test_an_index_that_was_not_closed_is_set_aside_unopened_and_rebuilt(path, tmp_path):
    code = (
        "import os, signal, pathlib, numpy as np\n"
        "from memoryos_integrations.protocols import IndexRecord\n"
        "from memoryos_integrations.storage.chroma.index import ChromaIndex\n"
        f"index = ChromaIndex.in_directory(pathlib.Path({json.dumps(str(path))}))\n"
        "index.upsert('mid_term', [IndexRecord('a', np.ones(4, np.float32), 1, 0.0)])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    before = {file.relative_to(path): file.read_bytes() for file in path.rglob("*") if file.is_file()}
    with (
        closing(ChromaIndex.in_directory(path)) as careless,
        pytest.raises(IndexUnavailableError, match="set_aside"),
    ):
        careless.count("mid_term")
    broken = set_aside_if_unclean(path)
    assert broken == path.with_name("chroma.broken-1")
    assert before == {
        file.relative_to(broken): file.read_bytes() for file in broken.rglob("*") if file.is_file()
    }
    assert is_missing(path)
    with closing(ChromaIndex.in_directory(path)) as index:
        assert index.count("mid_term") == 0
        index.upsert("mid_term", records(points(3)))
    assert set_aside_directories(path) == [broken]
    discard(broken)
    discard(broken)
    assert set_aside_directories(path) == []
    assert set_aside_if_unclean(path) is None


@pytest.mark.parametrize("content", [None, b"", b"SQLite format 2\0" + bytes(500), b"SQLite"])
def test_a_directory_without_a_sqlite_file_is_set_aside(path, content):
    path.mkdir(parents=True)
    (path / "something").write_bytes(b"x")
    if content is not None:
        (path / "chroma.sqlite3").write_bytes(content)
    assert set_aside_if_unclean(path) == path.with_name("chroma.broken-1")
    assert is_missing(path)


def test_several_that_were_set_aside_are_told_apart_and_kept_in_order(path):
    (path.parent / "chroma.broken-9").mkdir(parents=True)
    (path.parent / "other.broken-3").mkdir()
    for number in (10, 11):
        path.mkdir()
        (path / "chroma.sqlite3").touch()
        assert set_aside_if_unclean(path) == path.with_name(f"chroma.broken-{number}")
    assert [found.name[-2:] for found in set_aside_directories(path)] == ["-9", "10", "11"]


def test_a_directory_that_was_never_made_is_missing_and_nothing_is_set_aside(path):
    assert is_missing(path)
    assert set_aside_if_unclean(path) is None
    path.mkdir(parents=True)
    path.with_name("chroma.open").touch()  # died before Chroma wrote anything
    assert is_missing(path)
    assert set_aside_if_unclean(path) is None
    with closing(ChromaIndex.in_directory(path)) as index:
        assert index.count("mid_term") == 0
    assert not is_missing(path)


def test_only_what_was_set_aside_can_be_discarded(index, path):
    index.count("mid_term")
    with pytest.raises(InvalidInputError, match="broken"):
        discard(path)
    assert path.exists()


@pytest.mark.parametrize("tries", [1, 2])
def test_an_index_that_cannot_be_opened_is_unavailable_and_a_new_one_takes_its_place(path, tries):
    path.mkdir(parents=True)
    (path / "chroma.sqlite3").write_bytes(b"SQLite format 3\0" + os.urandom(8_000))
    seal(path)
    assert set_aside_if_unclean(path) is None  # it looks sound
    with closing(ChromaIndex.in_directory(path)) as index:
        for _ in range(tries):
            with pytest.raises(IndexUnavailableError) as caught:
                index.count("mid_term")
            assert caught.value.__cause__ is not None
    assert set_aside_if_unclean(path) == path.with_name("chroma.broken-1")  # though it was closed
    with closing(ChromaIndex.in_directory(path)) as index:
        index.upsert("mid_term", records(points(3)))
        assert index.count("mid_term") == 3
    assert set_aside_if_unclean(path) is None


def test_an_index_dropped_without_close_does_not_stand_in_the_way_of_the_next(path):
    dropped = ChromaIndex.in_directory(path)
    dropped.upsert("mid_term", records(points(3)))
    del dropped
    assert set_aside_if_unclean(path) is not None
    with closing(ChromaIndex.in_directory(path)) as index:
        assert index.count("mid_term") == 0


def test_an_old_client_of_a_user_on_a_directory_set_aside_is_named(path):
    with closing(ChromaIndex.in_directory(path)) as index:
        index.count("mid_term")
        settings = Settings(anonymized_telemetry=False)
        with chromadb.PersistentClient(str(path), settings=settings):
            path.rename(path.with_name("moved"))
            path.with_name("chroma.open").unlink()
            with (
                closing(ChromaIndex.in_directory(path)) as other,
                pytest.raises(IndexUnavailableError, match="older"),
            ):
                other.count("mid_term")


def test_a_folder_that_cannot_be_written_is_named(path):
    path.parent.parent.joinpath("store").write_text("a file where the folder should be")
    with (
        closing(ChromaIndex.in_directory(path)) as index,
        pytest.raises(StoreUnwritableError, match="cannot be created"),
    ):
        index.count("mid_term")


# --- failures of Chroma


class Failing:
    """A client whose every call raises."""

    def __init__(self, error):
        self._error = error

    def __getattr__(self, name):
        raise self._error


Panic = type("PanicException", (BaseException,), {"__module__": "pyo3_runtime"})


@pytest.mark.parametrize(
    "error", [Panic("range start index 10"), ValueError("no"), httpx.ConnectError("refused"), Exception("{}")]
)
def test_whatever_chroma_raises_becomes_one_error_with_its_cause(error):
    index: VectorIndex = ChromaIndex.on_client(Failing(error), "0123456789ab")
    for call in (
        lambda: index.upsert("mid_term", records(points(1))),
        lambda: index.delete("mid_term", ["r0"]),
        lambda: index.search("mid_term", points(1)[0], scope=1, limit=1),
        lambda: index.count("mid_term"),
        index.clear,
    ):
        with pytest.raises(IndexUnavailableError, match="ledger still has every memory") as caught:
            call()
        assert caught.value.__cause__ is error


def test_an_interrupt_stays_an_interrupt():
    with pytest.raises(KeyboardInterrupt):
        ChromaIndex.on_client(Failing(KeyboardInterrupt()), "0123456789ab").count("mid_term")


def test_a_collection_deleted_by_someone_else_is_an_error_once_and_then_empty(ephemeral):
    store = some_store_id()
    index = ChromaIndex.on_client(ephemeral, store)
    index.upsert("mid_term", records(points(3)))
    ephemeral.delete_collection(f"{store}-mid_term")
    with pytest.raises(IndexUnavailableError):
        index.count("mid_term")
    assert index.count("mid_term") == 0


@pytest.mark.programs
def test_a_killed_server_makes_the_index_unavailable_until_it_is_back(server, http):
    index = ChromaIndex.on_client(http, some_store_id())
    index.upsert("mid_term", records(points(5)))
    server.kill()
    for _ in range(2):
        with pytest.raises(IndexUnavailableError, match="ledger still has every memory"):
            index.search("mid_term", points(1)[0], scope=1, limit=3)
    server.start()
    assert index.count("mid_term") == 5
    assert index.search("mid_term", points(5)[2], scope=1, limit=1)[0][0] == "r2"
    index.close()


# --- threads and processes


def test_threads_share_an_index(index):
    vectors = points(160)

    def write_and_find(row):
        index.upsert("mid_term", records(vectors[row : row + 1], prefix=f"{row}-"))
        return index.search("mid_term", vectors[row], scope=1, limit=1)[0][0]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(write_and_find, range(160)))
    assert found == [f"{row}-0" for row in range(160)]
    assert index.count("mid_term") == 160


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_is_told_to_reopen_and_leaves_the_parents_index_alone(index, path):
    index.upsert("mid_term", records(points(3)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is tested
        child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(30)  # should it hang, as Chroma does in a forked process
        message = ""
        try:
            index.count("mid_term")
        except IndexUnavailableError as error:
            message = str(error)
        finally:
            index.close()
            os._exit(0 if "open the store again" in message else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert path.with_name("chroma.open").exists()
    assert index.count("mid_term") == 3
