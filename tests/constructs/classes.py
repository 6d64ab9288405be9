"""Calls through objects: methods, special methods, properties, bases, protocols, attributes that are functions."""

from __future__ import annotations

from .model import Construct, construct

CLASSES: list[Construct] = [
    construct(
        "method",
        """
        class Client_N:
            def load(self, key):
                return $a(key)
        """,
        "Client_N().load",
    ),
    construct(
        "method, from a function",
        """
        class Api_N:
            def load(self, key):
                return $a(key)


        # elsewhere
        def loaded_N(key):
            api = Api_N()
            return api.load(key)
        """,
        "loaded_N",
    ),
    construct(
        "instance at module level",
        """
        class Service_N:
            def __init__(self, prefix):
                self.prefix = prefix

            def get(self, key):
                return f"{self.prefix} {$a(key)}"


        service_N = Service_N("service")


        # elsewhere
        def served_N(key):
            return service_N.get(key)
        """,
        "served_N",
    ),
    construct(
        "classmethod and staticmethod",
        """
        class Kinds_N:
            @classmethod
            def by_class(cls, key):
                return f"{cls.__name__} {cls.by_static(key)}"

            @staticmethod
            def by_static(key):
                return $a(key)
        """,
        "Kinds_N.by_class",
    ),
    construct(
        "alternative constructor",
        """
        class Made_N:
            def __init__(self, value):
                self.value = value

            @classmethod
            def fetch(cls, key):
                return cls($a(key))


        def made_value_N(key):
            return Made_N.fetch(key).value
        """,
        "made_value_N",
    ),
    construct(
        "property",
        """
        class Lazy_N:
            def __init__(self, key):
                self.key = key

            @property
            def value(self):
                return $a(self.key)


        def lazy_N(key):
            return f"{Lazy_N(key).value}"
        """,
        "lazy_N",
    ),
    construct(
        "property with a setter",
        """
        class Box_N:
            _value = "empty"

            @property
            def value(self):
                return self._value

            @value.setter
            def value(self, key):
                self._value = $a(key)


        def boxed_N(key):
            box = Box_N()
            box.value = key
            return box.value
        """,
        "boxed_N",
    ),
    construct(
        "cached_property",
        """
        class Cached_N:
            def __init__(self, key):
                self.key = key

            @functools.cached_property
            def value(self):
                return $a(self.key)


        def cached_N(key):
            one = Cached_N(key)
            return f"{one.value} {one.value}"
        """,
        "cached_N",
        "import functools",
    ),
    construct(
        "constructor",
        """
        class Loaded_N:
            def __init__(self, key):
                self.value = $a(key)


        def constructed_N(key):
            return Loaded_N(key).value
        """,
        "constructed_N",
    ),
    construct(
        "__call__",
        """
        class Caller_N:
            def __init__(self, prefix="c"):
                self.prefix = prefix

            def __call__(self, key):
                return f"{self.prefix}{$a(key)}"
        """,
        "Caller_N()",
    ),
    construct(
        "__call__ of a module's object",
        """
        class Callable_N:
            def __call__(self, key):
                return $a(key)


        call_N = Callable_N()


        # elsewhere
        def called_N(key):
            return call_N(key)
        """,
        "called_N",
    ),
    construct(
        "__getitem__ and __contains__",
        """
        class Table_N:
            def __contains__(self, key):
                return bool($a(key))

            def __getitem__(self, key):
                return $b(key)


        def looked_up_N(key):
            table = Table_N()
            return table[key] if key in table else "absent"
        """,
        "looked_up_N",
    ),
    construct(
        "__str__",
        """
        class Shown_N:
            def __init__(self, key):
                self.key = key

            def __str__(self):
                return f"shown {$a(self.key)}"


        def shown_as_N(key):
            return f"{Shown_N(key)} {str(Shown_N(key))}"
        """,
        "shown_as_N",
    ),
    construct(
        "operators",
        """
        class Number_N:
            def __init__(self, key):
                self.key = key

            def __add__(self, other):
                return f"{$a(self.key)}{other}"

            def __eq__(self, other):
                return $b(self.key) == other

            def __bool__(self):
                return True


        def operated_N(key):
            return [Number_N(key) + "x", Number_N(key) == "k1"]
        """,
        "operated_N",
    ),
    construct(
        "attribute that is a function",
        """
        class Holder_N:
            def __init__(self, function):
                self.function = function

            def use(self, key):
                return self.function(key)


        holder_N = Holder_N($a)
        """,
        "holder_N.use",
    ),
    construct(
        "attribute that is an instance",
        """
        class Inner_N:
            def fetch(self, key):
                return $a(key)


        class Outer_N:
            def __init__(self):
                self.inner = Inner_N()

            def fetch(self, key):
                return self.inner.fetch(key)
        """,
        "Outer_N().fetch",
    ),
    construct(
        "class attribute that is an instance",
        """
        class Store_N:
            def read(self, key):
                return $a(key)


        class Shop_N:
            store = Store_N()

            def read(self, key):
                return self.store.read(key)
        """,
        "Shop_N().read",
    ),
    construct(
        "instance passed in",
        """
        class Backend_N:
            def ask(self, key):
                return $a(key)


        class Front_N:
            def __init__(self, backend):
                self.backend = backend

            def ask(self, key):
                return self.backend.ask(key)


        # elsewhere
        def front_N(key):
            return Front_N(Backend_N()).ask(key)
        """,
        "front_N",
    ),
    construct(
        "one of two passed in",
        """
        class Slow_N:
            def ask(self, key):
                return $a(key)


        class Fast_N:
            def ask(self, key):
                return "fast"


        class Desk_N:
            def __init__(self, backend=None):
                self.backend = backend or Fast_N()

            def ask(self, key):
                return self.backend.ask(key)


        # elsewhere
        def desk_N(key):
            return [Desk_N().ask(key), Desk_N(Slow_N()).ask(key)]
        """,
        "desk_N",
    ),
    construct(
        "fluent methods",
        """
        class Query_N:
            def __init__(self):
                self.values = []

            def where(self, key):
                self.values.append($a(key))
                return self

            def all(self):
                return self.values


        def queried_N(key):
            return Query_N().where(key).where("k1").all()
        """,
        "queried_N",
    ),
    construct(
        "base class",
        """
        class Base_N:
            def load(self, key):
                return $a(key)


        # elsewhere
        class Child_N(Base_N):
            def use(self, key):
                return f"child {self.load(key)}"
        """,
        "Child_N().use",
    ),
    construct(
        "super",
        """
        class Parent_N:
            def load(self, key):
                return $a(key)


        # elsewhere
        class Heir_N(Parent_N):
            def load(self, key):
                return f"heir {super().load(key)} {$b(key)}"
        """,
        "Heir_N().load",
    ),
    construct(
        "super in a constructor",
        """
        class Root_N:
            def __init__(self, key):
                self.value = $a(key)


        class Leaf_N(Root_N):
            def __init__(self, key):
                super().__init__(key)
                self.more = "more"


        def rooted_N(key):
            return Leaf_N(key).value
        """,
        "rooted_N",
    ),
    construct(
        "base called by its name",
        """
        class Named_N:
            def load(self, key):
                return $a(key)


        class Calling_N(Named_N):
            def load(self, key):
                return Named_N.load(self, key)
        """,
        "Calling_N().load",
    ),
    construct(
        "template method",
        """
        class Template_N:
            def go(self, key):
                return f"{self.before(key)} {self.step(key)}"

            def before(self, key):
                return "before"

            def step(self, key):
                raise NotImplementedError


        # elsewhere
        class Filled_N(Template_N):
            def step(self, key):
                return $a(key)


        class Plain_N(Template_N):
            def step(self, key):
                return "plain"


        def gone_N(key):
            return [Filled_N().go(key), Plain_N().go(key)]
        """,
        "gone_N",
    ),
    construct(
        "mixin",
        """
        class Mixin_N:
            def mixed(self, key):
                return f"{self.own(key)} mixed"


        class Own_N(Mixin_N):
            def own(self, key):
                return $a(key)
        """,
        "Own_N().mixed",
    ),
    construct(
        "diamond",
        """
        class Top_N:
            def load(self, key):
                return "top"


        class Left_N(Top_N):
            def load(self, key):
                return f"left {$a(key)} {super().load(key)}"


        class Right_N(Top_N):
            def load(self, key):
                return f"right {$b(key)} {super().load(key)}"


        class Bottom_N(Left_N, Right_N):
            pass
        """,
        "Bottom_N().load",
    ),
    construct(
        "abstract base",
        """
        class Source_N(ABC):
            @abstractmethod
            def load(self, key):
                ...


        # elsewhere
        class Web_N(Source_N):
            def load(self, key):
                return $a(key)


        # elsewhere
        def from_source_N(source: Source_N, key):
            return source.load(key)


        def sourced_N(key):
            return from_source_N(Web_N(), key)
        """,
        "sourced_N",
        "from abc import ABC, abstractmethod",
    ),
    construct(
        "protocol",
        """
        class Loads_N(Protocol):
            def load(self, key: str) -> str:
                ...


        class Loader_N:
            def load(self, key: str) -> str:
                return $a(key)


        # elsewhere
        class User_N:
            def __init__(self, loader: Loads_N) -> None:
                self.loader = loader

            def use(self, key: str) -> str:
                return self.loader.load(key)


        # elsewhere
        user_N = User_N(Loader_N())
        """,
        "user_N.use",
        "from typing import Protocol",
    ),
    construct(
        "protocol in a dataclass",
        """
        class Reads_N(Protocol):
            def read(self, key): ...


        class Reader_N:
            def read(self, key):
                return $a(key)


        @dataclass
        class Job_N:
            reader: "Reads_N"
            key: str
            value: str = ""

            def __post_init__(self):
                self.value = self.reader.read(self.key)


        # elsewhere
        def job_N(key):
            return Job_N(Reader_N(), key).value
        """,
        "job_N",
        "from typing import Protocol",
        "from dataclasses import dataclass",
    ),
    construct(
        "dataclass with a string annotation",
        """
        @dataclass
        class Order_N:
            shop: "Seller_N"

            def price(self, key):
                return self.shop.price(key)


        class Seller_N:
            def price(self, key):
                return $a(key)


        def priced_N(key):
            order = Order_N(Seller_N())
            return order.price(key)
        """,
        "priced_N",
        "from dataclasses import dataclass",
    ),
    construct(
        "dataclass with a function",
        """
        @dataclass
        class Task_N:
            function: Callable[[str], str]

            def do(self, key):
                return self.function(key)


        # elsewhere
        task_N = Task_N($a)
        """,
        "task_N.do",
        "from dataclasses import dataclass",
        "from typing import Callable",
    ),
    construct(
        "dataclass with a default factory",
        """
        class Deep_N:
            def dive(self, key):
                return $a(key)


        @dataclass
        class Diver_N:
            deep: Deep_N = field(default_factory=Deep_N)

            def dive(self, key):
                return self.deep.dive(key)
        """,
        "Diver_N().dive",
        "from dataclasses import dataclass, field",
    ),
    construct(
        "NamedTuple",
        """
        class Pair_N(NamedTuple):
            key: str

            def value(self):
                return $a(self.key)


        def paired_N(key):
            return Pair_N(key).value()
        """,
        "paired_N",
        "from typing import NamedTuple",
    ),
    construct(
        "Enum",
        """
        class Mode_N(Enum):
            ON = "on"
            OFF = "off"

            def apply(self, key):
                return f"{self.value} {$a(key)}"


        def applied_mode_N(key):
            return Mode_N.ON.apply(key) if key else Mode_N.OFF.apply(key)
        """,
        "applied_mode_N",
        "from enum import Enum",
    ),
    construct(
        "descriptor",
        """
        class Field_N:
            def __get__(self, instance, owner):
                return $a(instance.key)


        class Record_N:
            value = Field_N()

            def __init__(self, key):
                self.key = key


        def recorded_N(key):
            return Record_N(key).value
        """,
        "recorded_N",
    ),
    construct(
        "__getattr__ that delegates",
        """
        class Real_N:
            def load(self, key):
                return $a(key)


        class Proxy_N:
            def __init__(self, real):
                self._real = real

            def __getattr__(self, name):
                return getattr(self._real, name)


        def proxied_N(key):
            return Proxy_N(Real_N()).load(key)
        """,
        "proxied_N",
    ),
    construct(
        "class from a factory",
        """
        def class_for_N(prefix):
            class Local:
                def load(self, key):
                    return f"{prefix} {$a(key)}"

            return Local


        Local_N = class_for_N("local")
        """,
        "Local_N().load",
    ),
    construct(
        "instance from a factory",
        """
        class One_N:
            def load(self, key):
                return $a(key)


        class Two_N:
            def load(self, key):
                return $b(key)


        def create_N(kind):
            return One_N() if kind == "k1" else Two_N()


        # elsewhere
        def created_N(key):
            return create_N(key).load(key)
        """,
        "created_N",
    ),
    construct(
        "singleton",
        """
        class Single_N:
            _instance = None

            @classmethod
            def instance(cls):
                if cls._instance is None:
                    cls._instance = cls()
                return cls._instance

            def load(self, key):
                return $a(key)


        # elsewhere
        def single_N(key):
            return Single_N.instance().load(key)
        """,
        "single_N",
    ),
    construct(
        "__new__",
        """
        class Fresh_N:
            def __new__(cls, key):
                made = super().__new__(cls)
                made.value = $a(key)
                return made


        def fresh_N(key):
            return Fresh_N(key).value
        """,
        "fresh_N",
    ),
    construct(
        "class that keeps results",
        """
        class Memory_N:
            kept = {}

            def load(self, key):
                if key not in self.kept:
                    self.kept[key] = $a(key)
                return self.kept[key]


        def kept_N(key):
            memory = Memory_N()
            return f"{memory.load(key)} {memory.load(key)}"
        """,
        "kept_N",
    ),
    construct(
        "bound method as a value",
        """
        class Bound_N:
            def load(self, key):
                return $a(key)


        load_N = Bound_N().load


        def bound_load_N(key):
            return load_N(key)
        """,
        "bound_load_N",
    ),
    construct(
        "singledispatchmethod",
        """
        class Shower_N:
            @functools.singledispatchmethod
            def show(self, value):
                return f"any {value}"

            @show.register
            def _(self, value: str):
                return f"text {$a(value)}"


        def dispatched_N(key):
            shower = Shower_N()
            return [shower.show(key), shower.show(1)]
        """,
        "dispatched_N",
        "import functools",
    ),
    construct(
        "generic class",
        """
        T_N = TypeVar("T_N")


        class Repository_N(Generic[T_N]):
            def __init__(self, load: Callable[[str], T_N]):
                self._load = load

            def get(self, key: str) -> T_N:
                return self._load(key)


        repository_N = Repository_N[str]($a)
        """,
        "repository_N.get",
        "from typing import Callable, Generic, TypeVar",
    ),
    construct(
        "class attribute that is a function",
        """
        class Taker_N:
            fetch = staticmethod($a)

            def use(self, key):
                return self.fetch(key)
        """,
        "Taker_N().use",
    ),
    construct(
        "visitor",
        """
        class Visitor_N:
            def visit(self, node):
                return getattr(self, "visit_" + type(node).__name__)(node)

            def visit_str(self, node):
                return $a(node)

            def visit_list(self, node):
                return [self.visit(one) for one in node]


        def visited_N(key):
            return Visitor_N().visit([key, "k1"])
        """,
        "visited_N",
    ),
]
