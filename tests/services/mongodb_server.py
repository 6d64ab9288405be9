"""The commands of a MongoDB server that bots use, on documents that mongomock keeps: `-m services.mongodb_server PORT`.

How messages are framed: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/. What isn't
here is refused as a server refuses a command that it doesn't know.
"""

from __future__ import annotations

import itertools
import socketserver
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import bson
import mongomock
from pymongo.errors import OperationFailure

Document = dict[str, Any]
_OP_REPLY, _OP_QUERY, _OP_MSG = 1, 2004, 2013
_MORE_TO_COME = 2  # a flag of OP_MSG: the sender waits for no answer
_COMMAND_NOT_FOUND, _CURSOR_NOT_FOUND, _NOT_IMPLEMENTED = 59, 43, 238
_FIRST_BATCH = 101  # documents, where a command doesn't say


# --- messages ------------------------------------------------------------------------------------


class Connection(socketserver.StreamRequestHandler):
    """One client's connection: a message in, a message out."""

    server: Server

    def handle(self) -> None:
        numbers = itertools.count(1)
        while len(header := self.rfile.read(16)) == 16:
            length, request, _, kind = struct.unpack("<4i", header)
            body = self.rfile.read(length - 16)
            wants_answer, command = _query(body) if kind == _OP_QUERY else _message(body)
            answer = bson.encode(self.server.store.answer(command))
            if not wants_answer:
                continue
            if kind == _OP_QUERY:  # how a client says hello
                kind, head = _OP_REPLY, struct.pack("<iqii", 8, 0, 0, 1)
            else:
                kind, head = _OP_MSG, struct.pack("<ib", 0, 0)
            size = 16 + len(head) + len(answer)
            self.wfile.write(struct.pack("<4i", size, next(numbers), request, kind) + head + answer)


def _query(body: bytes) -> tuple[bool, Document]:
    """The command in an OP_QUERY: after flags, a collection's name and two numbers."""
    start = body.index(b"\0", 4) + 1 + 8
    (size,) = struct.unpack_from("<i", body, start)
    return True, bson.decode(body[start : start + size])


def _message(body: bytes) -> tuple[bool, Document]:
    """Whether an OP_MSG wants an answer, and its command, with the lists that came in sections of their own."""
    (flags,) = struct.unpack_from("<I", body)
    command: Document = {}
    lists: Document = {}
    position = 4
    while position < len(body):
        kind = body[position]
        (size,) = struct.unpack_from("<i", body, position + 1)
        section = body[position + 1 : position + 1 + size]
        position += 1 + size
        if kind == 0:
            command = bson.decode(section)
        else:
            end = section.index(b"\0", 4)
            lists[section[4:end].decode()] = bson.decode_all(section[end + 1 :])
    return not flags & _MORE_TO_COME, {**command, **lists}


# --- commands ------------------------------------------------------------------------------------


class Refused(Exception):
    """A command that can't be carried out; MongoDB's number for why comes first."""


class Store:
    """The databases, and the cursors that clients have not read to their end."""

    def __init__(self) -> None:
        self.client = mongomock.MongoClient()
        self.lock = threading.Lock()
        self.cursors: dict[int, tuple[str, Iterator[Document]]] = {}
        self.numbers = itertools.count(1)

    def answer(self, command: Document) -> Document:
        """Carry out a command. Gives what the server sends back, which may be a refusal."""
        name = next(iter(command)).lower()
        if name not in _COMMANDS:
            return _refusal(_COMMAND_NOT_FOUND, f"no such command: '{name}'")
        if "collation" in command:
            return _refusal(_NOT_IMPLEMENTED, "no collations")
        try:
            with self.lock:
                return {**_COMMANDS[name](self, command), "ok": 1.0}
        except Refused as error:
            return _refusal(*error.args)
        except OperationFailure as error:
            return _refusal(error.code or 1, str(error))
        except Exception as error:
            return _refusal(_NOT_IMPLEMENTED, f"{type(error).__name__}: {error}")

    def collection(self, command: Document) -> Any:
        """The collection that a command's first value names."""
        return self.client[command["$db"]][next(iter(command.values()))]

    def batch(self, command: Document, namespace: str, documents: Iterator[Document], field: str) -> Document:
        """The next documents of a cursor; it is kept while there are more."""
        size = command.get("batchSize", command.get("cursor", {}).get("batchSize", _FIRST_BATCH))
        found = list(itertools.islice(documents, size or None))
        rest = list(documents)
        number = next(self.numbers) if rest and not command.get("singleBatch") else 0
        if number:
            self.cursors[number] = (namespace, iter(rest))
        return {"cursor": {"id": bson.Int64(number), "ns": namespace, field: found}}

    def first_batch(self, command: Document, documents: list[Document], name: str = "") -> Document:
        """The first documents of a new cursor over the collection of that name."""
        namespace = f"{command['$db']}.{name or next(iter(command.values()))}"
        return self.batch(command, namespace, iter(documents), "firstBatch")


def _refusal(code: int, text: str) -> Document:
    return {"ok": 0.0, "code": code, "errmsg": text}


def _hello(store: Store, command: Document) -> Document:
    limits = {"maxBsonObjectSize": 16 << 20, "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000}
    versions = {"minWireVersion": 0, "maxWireVersion": 21, "logicalSessionTimeoutMinutes": 30}
    return {"isWritablePrimary": True, "ismaster": True, "helloOk": True, **limits, **versions}


def _nothing(store: Store, command: Document) -> Document:
    return {}


def _build_info(store: Store, command: Document) -> Document:
    return {"version": "7.0.0", "versionArray": [7, 0, 0, 0]}


def _find(store: Store, command: Document) -> Document:
    found = store.collection(command).find(command.get("filter"), command.get("projection"))
    if sort := command.get("sort"):
        found = found.sort(list(sort.items()))
    found = found.skip(command.get("skip", 0)).limit(abs(command.get("limit", 0)))
    return store.first_batch(command, list(found))


def _get_more(store: Store, command: Document) -> Document:
    try:
        namespace, documents = store.cursors.pop(command["getMore"])
    except KeyError:
        raise Refused(_CURSOR_NOT_FOUND, f"cursor id {command['getMore']} not found") from None
    size = {"batchSize": command.get("batchSize", sys.maxsize)}
    answer = store.batch(size, namespace, documents, "nextBatch")
    if number := answer["cursor"]["id"]:  # a cursor keeps its number
        store.cursors[command["getMore"]] = store.cursors.pop(number)
        answer["cursor"]["id"] = bson.Int64(command["getMore"])
    return answer


def _kill_cursors(store: Store, command: Document) -> Document:
    killed = [number for number in command["cursors"] if store.cursors.pop(number, None)]
    return {"cursorsKilled": killed}


def _aggregate(store: Store, command: Document) -> Document:
    return store.first_batch(command, list(store.collection(command).aggregate(command["pipeline"])))


def _count(store: Store, command: Document) -> Document:
    options = {name: command[name] for name in ("skip", "limit") if command.get(name)}
    return {"n": store.collection(command).count_documents(command.get("query", {}), **options)}


def _distinct(store: Store, command: Document) -> Document:
    found = store.collection(command).distinct(command["key"], command.get("query", {}))
    return {"values": sorted(found, key=str)}  # mongomock gives them in the order of a set


def _each(command: Document, parts: list[Document], work: Callable[[Document], Document]) -> Document:
    """Do the parts of a write in turn and add their counts up; a part that fails ends an ordered write."""
    total: Document = {"n": 0}
    errors: list[Document] = []
    for index, part in enumerate(parts):
        try:
            done = work(part)
        except OperationFailure as error:
            errors.append({"index": index, "code": error.code or 1, "errmsg": str(error)})
            if command.get("ordered", True):
                break
            continue
        if "upserted" in done:
            total.setdefault("upserted", []).append({"index": index, "_id": done.pop("upserted")})
        for name, number in done.items():
            total[name] = total.get(name, 0) + number
    return {**total, "writeErrors": errors} if errors else total


def _insert(store: Store, command: Document) -> Document:
    collection = store.collection(command)

    def insert(document: Document) -> Document:
        collection.insert_one(document)
        return {"n": 1}

    return _each(command, command["documents"], insert)


def _update(store: Store, command: Document) -> Document:
    collection = store.collection(command)

    def update(part: Document) -> Document:
        change = part["u"]
        if _is_replacement(change):
            method = collection.replace_one
        else:
            method = collection.update_many if part.get("multi") else collection.update_one
        result = method(part["q"], change, upsert=part.get("upsert", False))
        if result.upserted_id is None:
            return {"n": result.matched_count, "nModified": result.modified_count}
        return {"n": 1, "nModified": 0, "upserted": result.upserted_id}

    return _each(command, command["updates"], update)


def _is_replacement(change: Any) -> bool:
    return isinstance(change, dict) and not any(name.startswith("$") for name in change)


def _delete(store: Store, command: Document) -> Document:
    collection = store.collection(command)

    def delete(part: Document) -> Document:
        method = collection.delete_one if part.get("limit") else collection.delete_many
        return {"n": method(part["q"]).deleted_count}

    return _each(command, command["deletes"], delete)


def _find_and_modify(store: Store, command: Document) -> Document:
    collection = store.collection(command)
    options: Document = {"projection": command.get("fields")}
    if sort := command.get("sort"):
        options["sort"] = list(sort.items())
    if command.get("remove"):
        return {"value": collection.find_one_and_delete(command.get("query", {}), **options)}
    options["upsert"] = command.get("upsert", False)
    options["return_document"] = bool(command.get("new"))
    change = command["update"]
    method = collection.find_one_and_replace if _is_replacement(change) else collection.find_one_and_update
    return {"value": method(command.get("query", {}), change, **options)}


# --- collections, indexes, databases -------------------------------------------------------------


def _create_indexes(store: Store, command: Document) -> Document:
    collection = store.collection(command)
    for index in command["indexes"]:
        options = {name: index[name] for name in ("unique", "sparse", "expireAfterSeconds") if name in index}
        collection.create_index(list(index["key"].items()), name=index["name"], **options)
    return {}


def _list_indexes(store: Store, command: Document) -> Document:
    known = store.collection(command).index_information()
    indexes = [{"v": 2, "name": name, **about, "key": dict(about["key"])} for name, about in known.items()]
    return store.first_batch(command, indexes)


def _drop_indexes(store: Store, command: Document) -> Document:
    collection = store.collection(command)
    if command["index"] == "*":
        collection.drop_indexes()
    else:
        collection.drop_index(command["index"])
    return {}


def _create(store: Store, command: Document) -> Document:
    store.client[command["$db"]].create_collection(command["create"])
    return {}


def _drop(store: Store, command: Document) -> Document:
    store.collection(command).drop()
    return {}


def _list_collections(store: Store, command: Document) -> Document:
    wanted = command.get("filter", {}).get("name")
    names = [name for name in store.client[command["$db"]].list_collection_names() if wanted in (None, name)]
    documents = [{"name": name, "type": "collection", "options": {}, "info": {}} for name in sorted(names)]
    return store.first_batch(command, documents, "$cmd.listCollections")


def _list_databases(store: Store, command: Document) -> Document:
    names = sorted(store.client.list_database_names())
    return {
        "databases": [{"name": name, "sizeOnDisk": 1, "empty": False} for name in names],
        "totalSize": len(names),
    }


def _drop_database(store: Store, command: Document) -> Document:
    store.client.drop_database(command["$db"])
    return {}


_COMMANDS: dict[str, Callable[[Store, Document], Document]] = {
    "aggregate": _aggregate,
    "buildinfo": _build_info,
    "count": _count,
    "create": _create,
    "createindexes": _create_indexes,
    "delete": _delete,
    "distinct": _distinct,
    "drop": _drop,
    "dropdatabase": _drop_database,
    "dropindexes": _drop_indexes,
    "endsessions": _nothing,
    "find": _find,
    "findandmodify": _find_and_modify,
    "getmore": _get_more,
    "hello": _hello,
    "insert": _insert,
    "ismaster": _hello,
    "killcursors": _kill_cursors,
    "listcollections": _list_collections,
    "listdatabases": _list_databases,
    "listindexes": _list_indexes,
    "ping": _nothing,
    "update": _update,
}


class Server(socketserver.ThreadingTCPServer):
    """Listens on 127.0.0.1; a thread for each connection."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Connection)
        self.store = Store()


if __name__ == "__main__":
    with Server(int(sys.argv[1])) as server:
        server.serve_forever()
