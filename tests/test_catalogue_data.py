"""The catalogue's data files: that they follow SCHEMA.md and name things that exist.

The names are looked up in the libraries installed here; one that isn't is skipped, and says so.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from pathlib import Path
from typing import Any

import pytest
from write_shortcuts import SHORTCUTS, shortcuts

import rasa_asyncify

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = Path(rasa_asyncify.__file__).parent / "catalogue"
FILES = sorted(FOLDER.glob("[!_]*.toml"))
BESIDE = FOLDER / "_beside.toml"

FILE_KEYS = {
    "source", "kind", "distribution", "aliases", "functions", "files", "returns", "native", "class",
    "exclusive", "exclusive-where", "effects",
}  # fmt: skip
CLASS_KEYS = {
    "thread", "blocking", "not-blocking", "returns", "attributes", "blocking-attributes",
    "operations", "given", "bases", "cpu", "effects",
}  # fmt: skip
FUNCTION_KEYS = {"blocking", "not-blocking", "cpu"}
EFFECTS = {"none", "asks", "posts"}
FILES_KEYS = {"opens", "reads", "writes"}
DUNDER = {"with": "enter"}  # the other operations are named as their method is
OPERATIONS = {"with", "iter", "getitem", "setitem", "call", "len", "contains"}
REQUIRED_NATIVE = {"asyncio.sleep", "aiohttp", "httpx"}

# Import roots that many distributions share: only what is installed of them is looked up.
NAMESPACES = {"google"}

# Classes that no program can name (generators' context managers, proxies, what a factory makes):
# the catalogue gives them a name, so that what they do can be followed.
UNNAMED = {
    "O365.calendar.Events",
    "O365.message.Messages",
    "builtins.File",
    "builtins.LazyIterator",
    "botocore.response.Parsed",
    "concurrent.futures.Completed",
    "csv.Writer",
    "dill.Loaded",
    "google.cloud.storage.Blobs",
    "google.cloud.storage.Buckets",
    "gspread.Spreadsheets",
    "gspread.Worksheets",
    "httpx.StreamContext",
    "joblib.Loaded",
    "marvel.modules.Endpoint",
    "matplotlib.pyplot.FigureAndAxes",
    "multiprocessing.Ends",
    "openpyxl.ReadOnlyWorkbook",
    "openpyxl.ReadOnlyWorksheet",
    "overpy.Ways",
    "paramiko.ExecResult",
    "pathlib.Found",
    "pathlib.Parents",
    "peewee.Created",
    "peewee.Transaction",
    "pickle.Loaded",
    "psycopg_pool.PooledConnection",
    "pymongo.client_session.Transaction",
    "pypdf.Pages",
    "pytube.Videos",
    "requests.Chunks",
    "requests.StreamedResponse",
    "selenium.webdriver.remote.webelement.WebElements",
    "sklearn.base.Estimator",
    "sqlalchemy.engine.EngineBegin",
    "sqlalchemy.engine.RawConnection",
    "sqlalchemy.engine.RawCursor",
    "sqlalchemy.orm.Entities",
    "sqlalchemy.orm.Entity",
    "sqlalchemy.orm.Result",
    "sqlalchemy.orm.ScalarResult",
    "sqlalchemy.orm.SessionMakerBegin",
    "tensorflow.ThreadsContext",
    "twilio.rest.Resource",
    "urllib3.Chunks",
    "wave.Wave",
    "wikipediaapi.PageItems",
    "wikipediaapi.Pages",
    "yfinance.TickersByName",
}

# Names of another version of the library, or of another platform, are not looked up here.
ELSEWHERE = {
    name: where
    for where, names in {
        "what a metaclass adds": ["mongoengine.Document.objects"],
        "what `__getattr__` finds": [
            "urllib.error.HTTPError.read",
            "wikipediaapi.WikipediaPage.canonicalurl",
            "wikipediaapi.WikipediaPage.displaytitle",
            "wikipediaapi.WikipediaPage.fullurl",
            "wikipediaapi.WikipediaPage.pageid",
        ],
        "Python 3.11 and later": ["sqlite3.Blob", "sqlite3.Connection.blobopen"],
        "POSIX": [
            "os.chown",
            "os.lockf",
            "os.spawnlp",
            "os.spawnlpe",
            "os.spawnvp",
            "os.spawnvpe",
            "os.statvfs",
            "os.wait",
            "os.wait3",
            "os.wait4",
        ],
        "Python before 3.12": ["pathlib.Path.link_to"],
        "Python 3.12 and later": ["pathlib.Path.walk"],
        "Python 3.14 and later": [
            "pathlib.Path.copy",
            "pathlib.Path.copy_into",
            "pathlib.Path.move",
            "pathlib.Path.move_into",
        ],
        "Windows": ["os.startfile"],
        "algoliasearch 4 and later": [
            "algoliasearch.search.client.SearchClientSync",
            "algoliasearch.search.client.SearchClientSync.create_with_config",
        ],
        "firebase-admin before 7": [
            "firebase_admin.messaging.send_all",
            "firebase_admin.messaging.send_multicast",
        ],
        "google-auth-oauthlib before 1": ["google_auth_oauthlib.flow.InstalledAppFlow.run_console"],
        "google-generativeai, one of many distributions in `google`": [
            "google.generativeai.ChatSession",
            "google.generativeai.GenerativeModel",
        ],
        "gspread before 6": ["gspread.models.Spreadsheet", "gspread.models.Worksheet"],
        "langchain before 1": [
            "langchain.ConversationChain",
            "langchain.LLMChain",
            "langchain.LLMMathChain",
            "langchain.OpenAI",
            "langchain.PromptTemplate",
            "langchain.agents.AgentExecutor",
            "langchain.agents.AgentExecutor.from_agent_and_tools",
            "langchain.agents.initialize_agent",
            "langchain.chains.ConversationChain",
            "langchain.chains.ConversationalRetrievalChain",
            "langchain.chains.ConversationalRetrievalChain.from_llm",
            "langchain.chains.LLMChain",
            "langchain.chains.LLMMathChain",
            "langchain.chains.LLMMathChain.from_llm",
            "langchain.chains.RetrievalQA",
            "langchain.chains.RetrievalQA.from_chain_type",
            "langchain.chains.RetrievalQA.from_llm",
            "langchain.chains.llm.LLMChain",
            "langchain.chains.question_answering.load_qa_chain",
            "langchain.chat_models.ChatOpenAI",
            "langchain.document_loaders.CSVLoader",
            "langchain.document_loaders.DirectoryLoader",
            "langchain.document_loaders.PyPDFLoader",
            "langchain.document_loaders.TextLoader",
            "langchain.document_loaders.WebBaseLoader",
            "langchain.embeddings.OpenAIEmbeddings",
            "langchain.llms.OpenAI",
            "langchain.prompts.ChatPromptTemplate",
            "langchain.prompts.PromptTemplate",
            "langchain.schema.BaseRetriever",
            "langchain.schema.StrOutputParser",
            "langchain.schema.output_parser.StrOutputParser",
            "langchain.schema.runnable.RunnablePassthrough",
            "langchain.tools.DuckDuckGoSearchRun",
            "langchain.tools.Tool",
            "langchain.tools.WikipediaQueryRun",
            "langchain.vectorstores.Chroma",
            "langchain.vectorstores.Chroma.from_documents",
            "langchain.vectorstores.Chroma.from_texts",
            "langchain.vectorstores.FAISS",
            "langchain.vectorstores.FAISS.from_documents",
            "langchain.vectorstores.FAISS.from_texts",
            "langchain.vectorstores.FAISS.load_local",
            "langchain.vectorstores.Pinecone",
            "langchain.vectorstores.Pinecone.from_documents",
            "langchain.vectorstores.Pinecone.from_texts",
            "langchain.vectorstores.Qdrant",
            "langchain.vectorstores.Qdrant.from_documents",
            "langchain.vectorstores.Qdrant.from_texts",
        ],
        "langchain-community before 0.4": [
            "langchain_community.chat_models.ChatOllama",
            "langchain_community.chat_models.ChatOpenAI",
            "langchain_community.llms.Ollama.__call__",
            "langchain_community.llms.Ollama.predict",
            "langchain_community.llms.Ollama.predict_messages",
            "langchain_community.retrievers.WikipediaRetriever.get_relevant_documents",
            "langchain_community.vectorstores.Qdrant",
            "langchain_community.vectorstores.Qdrant.from_documents",
            "langchain_community.vectorstores.Qdrant.from_texts",
        ],
        "langchain-core before 1": [
            "langchain_core.language_models.BaseChatModel.__call__",
            "langchain_core.language_models.BaseChatModel.predict",
            "langchain_core.language_models.BaseChatModel.predict_messages",
        ],
        "langchain-openai before 1": [
            "langchain_openai.ChatOpenAI.__call__",
            "langchain_openai.ChatOpenAI.predict",
            "langchain_openai.ChatOpenAI.predict_messages",
        ],
        "mysql-connector-python with its C extension": [
            "mysql.connector.connection_cext.CMySQLConnection",
            "mysql.connector.cursor_cext.CMySQLCursor",
        ],
        "neo4j before 6": ["neo4j.Session.read_transaction", "neo4j.Session.write_transaction"],
        "pandas before 3": ["pandas.DataFrame.to_gbq", "pandas.ExcelWriter.save", "pandas.read_gbq"],
        "pymongo before 4": [
            "pymongo.collection.Collection.count",
            "pymongo.collection.Collection.ensure_index",
            "pymongo.collection.Collection.find_and_modify",
            "pymongo.collection.Collection.inline_map_reduce",
            "pymongo.collection.Collection.insert",
            "pymongo.collection.Collection.map_reduce",
            "pymongo.collection.Collection.reindex",
            "pymongo.collection.Collection.remove",
            "pymongo.collection.Collection.save",
            "pymongo.collection.Collection.update",
            "pymongo.cursor.Cursor.count",
            "pymongo.database.Database.collection_names",
            "pymongo.mongo_client.MongoClient.database_names",
        ],
        "pyowm before 3": [
            "pyowm.OWM.three_hours_forecast",
            "pyowm.OWM.weather_at_coords",
            "pyowm.OWM.weather_at_id",
            "pyowm.OWM.weather_at_place",
            "pyowm.OWM.weather_at_zip_code",
        ],
        "selenium before 4.3": [
            "selenium.webdriver.Remote.find_element_by_class_name",
            "selenium.webdriver.Remote.find_element_by_css_selector",
            "selenium.webdriver.Remote.find_element_by_id",
            "selenium.webdriver.Remote.find_element_by_name",
            "selenium.webdriver.Remote.find_element_by_xpath",
        ],
        "SQLAlchemy before 2": [
            "sqlalchemy.Table.exists",
            "sqlalchemy.engine.Engine.execute",
            "sqlalchemy.engine.Engine.has_table",
            "sqlalchemy.engine.Engine.scalar",
            "sqlalchemy.engine.Engine.table_names",
            "sqlalchemy.orm.Query.from_self",
        ],
        "textblob before 0.18": ["textblob.TextBlob.detect_language", "textblob.TextBlob.translate"],
    }.items()
    for name in names
}

# Members that a constructor or `__getattr__` makes: they are not on the class.
ON_INSTANCES = {
    "boto3.resources.base.ServiceResource": {
        "Bucket", "Instance", "Message", "Object", "Queue", "Table", "Topic", "batch_writer", "content_length",
        "content_type", "create_bucket", "create_queue", "create_table", "create_topic", "creation_date", "get",
        "get_available_subresources", "get_queue_by_name", "item_count", "last_modified", "table_status",
    },
    "boto3.resources.collection.CollectionManager": {"__iter__", "delete"},
    "botocore.client.BaseClient": {
        "generate_presigned_post", "generate_presigned_url", "get_object", "invoke", "synthesize_speech",
    },
    "anthropic._resource.SyncAPIResource": {"create", "list", "stream"},
    "elasticsearch.dsl.Search": {"post_filter", "query"},
    "elasticsearch.dsl.UpdateByQuery": {"query"},
    "openai._resource.SyncAPIResource": {"content", "create", "list", "stream"},
    "stripe._stripe_service.StripeService": {"list", "search"},
    "multiprocessing.synchronize.Condition": {"acquire"},
    "multiprocessing.synchronize.Lock": {"acquire"},
    "multiprocessing.synchronize.Semaphore": {"acquire"},
    "threading.Condition": {"acquire", "release"},
    "tinydb.TinyDB": {
        "all", "contains", "count", "get", "insert", "insert_multiple", "remove", "search", "truncate",
        "update", "update_multiple", "upsert",
    },
    "transformers.PreTrainedModel": {"generate"},
}  # fmt: skip


@functools.cache
def data(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


def classes() -> set[str]:
    return {name for file in FILES for name in data(file).get("class", {})}


def per_file(check: Any) -> Any:
    return pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)(check)


def is_sorted(names: list[str]) -> bool:
    return names == sorted(set(names))


@per_file
def test_only_known_keys_and_values(file: Path) -> None:
    entry = data(file)
    assert set(entry) <= FILE_KEYS
    assert entry["source"].startswith("https://")
    assert entry["kind"] in {"io", "cpu"}
    assert entry.get("effects", "none") in EFFECTS
    assert set(entry.get("functions", {})) <= FUNCTION_KEYS
    assert set(entry.get("files", {})) <= FILES_KEYS
    assert set(entry.get("native", {}).values()) <= REQUIRED_NATIVE
    for name, members in entry.get("class", {}).items():
        assert set(members) <= CLASS_KEYS, name
        assert members, f"{name} says nothing"
        assert members.get("effects", "none") in EFFECTS, name
        assert members.get("thread", "unshared") in {"affine", "unshared"}, name
        assert set(members.get("operations", [])) <= OPERATIONS, name


@per_file
def test_sorted_and_without_duplicates(file: Path) -> None:
    entry = data(file)
    for section in ("aliases", "returns", "native", "class"):
        assert is_sorted(list(entry.get(section, {}))), section
    for key in FILES_KEYS:
        assert is_sorted(list(entry.get("files", {}).get(key, {}))), key
    for key in FUNCTION_KEYS:
        assert is_sorted(entry.get("functions", {}).get(key, [])), key
    for name, members in entry.get("class", {}).items():
        for key in CLASS_KEYS - {"thread", "bases", "effects"}:
            assert is_sorted(list(members.get(key, []))), f"{name}: {key}"


@per_file
def test_names_begin_with_the_import_root(file: Path) -> None:
    entry = data(file)
    functions = entry.get("functions", {})
    names = [
        *functions.get("blocking", []),
        *functions.get("not-blocking", []),
        *entry.get("aliases", {}),
        *entry.get("returns", {}),
        *entry.get("class", {}),
    ]
    assert [name for name in names if name.split(".")[0] != file.stem] == []


@per_file
def test_classes_referred_to_exist(file: Path) -> None:
    """A class without an entry would not be followed: then it need not be named either."""
    entry, known = data(file), classes()
    used = set(entry.get("returns", {}).values())
    for members in entry.get("class", {}).values():
        used.update(members.get("bases", []))
        for key in ("returns", "attributes"):
            used.update(name for name in members.get(key, {}).values() if name != "self")
    assert used - known == set()


@per_file
def test_bases_are_one_level_in_the_same_file(file: Path) -> None:
    """The loader merges a base's members from the same file, once."""
    own = data(file).get("class", {})
    bases = {base for members in own.values() for base in members.get("bases", [])}
    assert bases - set(own) == set()
    assert [base for base in bases if own[base].get("bases")] == []


@per_file
def test_aliases_lead_to_an_entry(file: Path) -> None:
    entry = data(file)
    known = classes()
    for other in FILES:
        known |= {*data(other).get("returns", {})}
        known |= {*data(other).get("functions", {}).get("blocking", [])}
    aliases = entry.get("aliases", {})
    assert set(aliases.values()) - known == set()
    assert set(aliases) & known == set(), "an alias is not an entry as well"


@per_file
def test_what_is_native_blocks(file: Path) -> None:
    entry = data(file)
    methods = {
        f"{c}.{m}" for c, members in entry.get("class", {}).items() for m in members.get("blocking", [])
    }
    assert set(entry.get("native", {})) <= {*entry.get("functions", {}).get("blocking", []), *methods}


def resolve(name: str) -> Any:
    """The object a dotted name stands for: the longest importable module, then its attributes."""
    parts = name.split(".")
    found: Any = importlib.import_module(parts[0])
    for index, part in enumerate(parts[1:], start=1):
        try:
            found = getattr(found, part)
        except AttributeError:
            found = importlib.import_module(".".join(parts[: index + 1]))
    return found


def names_of(entry: dict[str, Any]) -> set[str]:
    """Every function and class that the entry names in its own library."""
    functions = entry.get("functions", {})
    names = {*functions.get("blocking", []), *functions.get("not-blocking", [])}
    names |= {*entry.get("returns", {}), *entry.get("aliases", {})}
    return {name.removesuffix(".*") for name in names} | set(entry.get("class", {}))


def members_of(entry: dict[str, Any]) -> set[tuple[str, str]]:
    """Every (class, method) and (class, blocking attribute) that the entry names."""
    pairs = set()
    for name, members in entry.get("class", {}).items():
        listed = {*members.get("blocking", []), *members.get("not-blocking", [])}
        listed |= {*members.get("returns", {}), *members.get("blocking-attributes", [])}
        listed |= {f"__{DUNDER.get(what, what)}__" for what in members.get("operations", [])}
        pairs |= {(name, member) for member in listed - {"*"}}
    return pairs


def has_member(owner: str, member: str) -> bool:
    found = resolve(owner)
    if not (inspect.isclass(found) or inspect.ismodule(found)):
        found = type(found())  # `threading.Lock` is a function up to Python 3.12
    own = [vars(cls) for cls in getattr(found, "__mro__", ())]  # every class has `__call__` itself
    if hasattr(found, member) if member != "__call__" else any(member in names for names in own):
        return True
    # what a constructor or `__getattr__` makes is not on the class
    return member in ON_INSTANCES.get(owner, set())


def exists(name: str) -> bool:
    try:
        resolve(name)
    except (AttributeError, ImportError):
        return False
    return True


def package_of(name: str) -> str:
    """The package of a namespace that ``name`` is in: `google.auth`, `google.cloud.storage`."""
    parts = name.split(".")
    return ".".join(parts[: 3 if parts[1] == "cloud" else 2])


@per_file
@pytest.mark.filterwarnings("ignore")
def test_names_exist_in_the_library(file: Path) -> None:
    """A name that doesn't exist is worse than a missing one: nothing would ever be found by it."""
    try:
        importlib.import_module(file.stem)
    except ImportError as error:
        pytest.skip(f"{file.stem} is not installed here: {error}")
    names = names_of(data(file)) - UNNAMED - set(ELSEWHERE)
    if file.stem in NAMESPACES:
        names = {name for name in names if exists(package_of(name))}
    assert sorted(name for name in names if not exists(name)) == []
    members = {
        (owner, member)
        for owner, member in members_of(data(file))
        if owner in names and f"{owner}.{member}" not in ELSEWHERE
    }
    assert sorted(f"{o}.{m}" for o, m in members if not has_member(o, m)) == []


def test_every_exception_is_still_needed() -> None:
    """What the tests above leave out is in the catalogue: no exception outlives its entry."""
    named = set().union(*(names_of(data(file)) for file in FILES))
    members = {f"{owner}.{member}" for file in FILES for owner, member in members_of(data(file))}
    assert UNNAMED - classes() == set()
    assert set(ELSEWHERE) - named - members == set()
    assert set(ON_INSTANCES) - classes() == set()


def test_shortcuts_are_generated() -> None:
    assert SHORTCUTS.read_text(encoding="utf-8") == shortcuts(), "run `python tests/write_shortcuts.py`"


def test_beside_is_sorted_and_about_what_has_no_file() -> None:
    entry, roots = data(BESIDE), {file.stem for file in FILES}
    assert set(entry) == {"brief", "awaited", "effects", "process-wide", "signals", "seeds"}
    assert [key for key, names in entry.items() if not is_sorted(list(names))] == []
    assert set(entry["effects"].values()) <= EFFECTS
    assert {*entry["brief"], *entry["effects"]} & roots == set()
    assert set(entry["brief"]) & set(entry["awaited"]) == set()


def test_functions_of_the_process_exist() -> None:
    entry = data(BESIDE)
    named = {*entry["process-wide"], *entry["signals"], *entry["seeds"]}
    stdlib = {name for name in named if name.partition(".")[0] in sys.stdlib_module_names}
    elsewhere = {"os.fchdir", "signal.alarm", "signal.setitimer", "time.tzset"}  # POSIX
    elsewhere |= {"contextlib.chdir"}  # Python 3.11 and later
    assert {name for name in stdlib if not exists(name)} <= elsewhere
