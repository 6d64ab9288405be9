"""What is called is looked up at run time: registries, collections, metaclasses, getattr."""

from __future__ import annotations

from .model import Construct, construct

REGISTRIES: list[Construct] = [
    construct(
        "registry by a decorator",
        """
        HANDLERS_N = {}


        def register_N(name):
            def decorate(function):
                HANDLERS_N[name] = function
                return function

            return decorate


        # elsewhere
        @register_N("one")
        def one_N(key):
            return $a(key)


        @register_N("two")
        def two_N(key):
            return "two"


        # elsewhere
        def handled_N(key):
            return HANDLERS_N["one" if key == "k1" else "two"](key), HANDLERS_N["one"](key)
        """,
        "handled_N",
    ),
    construct(
        "registry by a plain decorator",
        """
        STEPS_N = []


        def step_N(function):
            STEPS_N.append(function)
            return function


        # elsewhere
        @step_N
        def first_N(key):
            return $a(key)


        @step_N
        def last_N(key):
            return "last"


        # elsewhere
        def stepped_N(key):
            return [step(key) for step in STEPS_N]
        """,
        "stepped_N",
    ),
    construct(
        "registry by a method",
        """
        class Registry_N:
            def __init__(self):
                self.functions = {}

            def register(self, name):
                def decorate(function):
                    self.functions[name] = function
                    return function

                return decorate

            def call(self, name, key):
                return self.functions[name](key)


        registry_N = Registry_N()


        # elsewhere
        @registry_N.register("load")
        def load_it_N(key):
            return $a(key)


        # elsewhere
        def registered_N(key):
            return registry_N.call("load", key)
        """,
        "registered_N",
    ),
    construct(
        "dict of functions",
        """
        def other_N(key):
            return f"other {key}"


        FUNCTIONS_N = {"k1": $a, "k2": other_N}


        # elsewhere
        def from_dict_N(key):
            return FUNCTIONS_N.get(key, other_N)(key)
        """,
        "from_dict_N",
    ),
    construct(
        "dict of functions, a constant key",
        """
        TABLE_N = {"a": $a, "b": $b}


        def constant_N(key):
            return TABLE_N["a"](key)
        """,
        "constant_N",
    ),
    construct(
        "dict in a class",
        """
        class Switch_N:
            def __init__(self):
                self.cases = {"k1": self.one, "k2": self.two}

            def one(self, key):
                return $a(key)

            def two(self, key):
                return "two"

            def go(self, key):
                case = self.cases.get(key)
                return case(key) if case else "no case"
        """,
        "Switch_N().go",
    ),
    construct(
        "dict of lambdas",
        """
        LAMBDAS_N = {
            "k1": lambda key: $a(key),
            "k2": lambda key: "two",
        }


        def by_lambda_N(key):
            return LAMBDAS_N.get(key, LAMBDAS_N["k1"])(key)
        """,
        "by_lambda_N",
    ),
    construct(
        "dict of classes",
        """
        class Red_N:
            def paint(self, key):
                return $a(key)


        class Blue_N:
            def paint(self, key):
                return "blue"


        COLOURS_N = {"red": Red_N, "blue": Blue_N}


        # elsewhere
        def painted_N(key):
            return [COLOURS_N[name]().paint(key) for name in sorted(COLOURS_N)]
        """,
        "painted_N",
    ),
    construct(
        "dict filled elsewhere",
        """
        FILLED_N = {}


        def from_filled_N(key):
            return FILLED_N["load"](key)


        # elsewhere
        FILLED_N["load"] = $a


        def filling_N(key):
            return from_filled_N(key)
        """,
        "filling_N",
    ),
    construct(
        "dict filled by update",
        """
        UPDATED_N = {}
        UPDATED_N.update(load=$a)


        def updated_N(key):
            return UPDATED_N["load"](key)
        """,
        "updated_N",
    ),
    construct(
        "list of functions",
        """
        PIPELINE_N = [$a, $b]


        def piped_N(key):
            value = key
            for step in PIPELINE_N:
                value = step(key)
            return value
        """,
        "piped_N",
    ),
    construct(
        "list of pairs",
        """
        RULES_N = [("k1", $a), ("k2", $b)]


        def ruled_N(key):
            for name, rule in RULES_N:
                if name == key:
                    return rule(key)
            return "no rule"
        """,
        "ruled_N",
    ),
    construct(
        "__init_subclass__",
        """
        class Plugin_N:
            plugins = {}

            def __init_subclass__(cls, **kwargs):
                super().__init_subclass__(**kwargs)
                cls.plugins[cls.__name__] = cls


        # elsewhere
        class Weather_N(Plugin_N):
            def load(self, key):
                return $a(key)


        # elsewhere
        def plugged_N(key):
            return Plugin_N.plugins["Weather_N"]().load(key)
        """,
        "plugged_N",
    ),
    construct(
        "steps by __init_subclass__",
        """
        class Stepping_N:
            def __init_subclass__(cls):
                cls.steps = [value for name, value in vars(cls).items() if name.startswith("step_")]

            def go(self, key):
                return [step(self, key) for step in self.steps]


        class Stepped_N(Stepping_N):
            def step_one(self, key):
                return $a(key)

            def step_two(self, key):
                return "two"
        """,
        "Stepped_N().go",
    ),
    construct(
        "metaclass with a registry",
        """
        class Meta_N(type):
            registry = {}

            def __new__(mcs, name, bases, namespace):
                cls = super().__new__(mcs, name, bases, namespace)
                mcs.registry[name] = cls
                return cls


        class Model_N(metaclass=Meta_N):
            def load(self, key):
                return "model"


        # elsewhere
        class Forecast_N(Model_N):
            def load(self, key):
                return $a(key)


        # elsewhere
        def modelled_N(key):
            return Meta_N.registry["Forecast_N"]().load(key)
        """,
        "modelled_N",
    ),
    construct(
        "metaclass that collects steps",
        """
        class Collecting_N(type):
            def __new__(mcs, name, bases, namespace):
                cls = super().__new__(mcs, name, bases, namespace)
                cls.steps = [value for key, value in namespace.items() if key.startswith("step_")]
                return cls


        class Collected_N(metaclass=Collecting_N):
            def step_one(self, key):
                return $a(key)

            def go(self, key):
                return [step(self, key) for step in self.steps]
        """,
        "Collected_N().go",
    ),
    construct(
        "__subclasses__",
        """
        class Shape_N:
            def area(self, key):
                return "none"


        class Circle_N(Shape_N):
            def area(self, key):
                return $a(key)


        class Square_N(Shape_N):
            def area(self, key):
                return "square"


        # elsewhere
        def areas_N(key):
            return [shape().area(key) for shape in Shape_N.__subclasses__()]
        """,
        "areas_N",
    ),
    construct(
        "first that matches of __subclasses__",
        """
        class Format_N:
            suffix = ""

            def read(self, key):
                return "nothing"


        class Json_N(Format_N):
            suffix = "k1"

            def read(self, key):
                return $a(key)


        def format_of_N(key):
            for cls in Format_N.__subclasses__():
                if cls.suffix == key:
                    return cls().read(key)
            return Format_N().read(key)
        """,
        "format_of_N",
    ),
    construct(
        "getattr with a constant",
        """
        class Constant_N:
            def load(self, key):
                return $a(key)


        def by_constant_N(key):
            return getattr(Constant_N(), "load")(key)
        """,
        "by_constant_N",
    ),
    construct(
        "getattr with an f-string",
        """
        class Format_it_N:
            def load_k1(self, key):
                return $a(key)

            def load_k2(self, key):
                return "two"

            def missing(self, key):
                return "missing"

            def go(self, key):
                return getattr(self, f"load_{key}", self.missing)(key)
        """,
        "Format_it_N().go",
    ),
    construct(
        "getattr with an unknown name",
        """
        NAMES_N = {"k1": "one", "k2": "two"}


        class Unknown_N:
            def one(self, key):
                return $a(key)

            def two(self, key):
                return "two"


        def unknown_N(key):
            method = getattr(Unknown_N(), NAMES_N.get(key, "one"))
            return method(key)
        """,
        "unknown_N",
    ),
    construct(
        "methodcaller",
        """
        class Called_N:
            def load(self, key):
                return $a(key)


        def by_caller_N(key):
            return operator.methodcaller("load", key)(Called_N())
        """,
        "by_caller_N",
        "import operator",
    ),
    construct(
        "attrgetter",
        """
        class Gotten_N:
            def load(self, key):
                return $a(key)


        def by_getter_N(key):
            return operator.attrgetter("load")(Gotten_N())(key)
        """,
        "by_getter_N",
        "import operator",
    ),
    construct(
        "globals by name",
        """
        def by_name_k1_N(key):
            return $a(key)


        def from_globals_N(key):
            return globals()["by_name_k1_N"](key)
        """,
        "from_globals_N",
    ),
    construct(
        "class made by type",
        """
        def made_load_N(self, key):
            return $a(key)


        Made_by_type_N = type("Made_by_type_N", (), {"load": made_load_N})
        """,
        "Made_by_type_N().load",
    ),
    construct(
        "command objects",
        """
        class Command_N:
            def __init__(self, function, name):
                self.function = function
                self.name = name

            def execute(self, key):
                return f"{self.name} {self.function(key)}"


        COMMANDS_N = [Command_N($a, "a"), Command_N(str, "b")]


        # elsewhere
        def commanded_N(key):
            return [command.execute(key) for command in COMMANDS_N]
        """,
        "commanded_N",
    ),
    construct(
        "listeners",
        """
        class Signal_N:
            def __init__(self):
                self._listeners = []

            def connect(self, listener):
                self._listeners.append(listener)

            def send(self, key):
                return [listener(key) for listener in self._listeners]


        signal_N = Signal_N()


        # elsewhere
        signal_N.connect($a)


        def signalled_N(key):
            return signal_N.send(key)
        """,
        "signalled_N",
    ),
    construct(
        "queue of calls",
        """
        def queued_N(key):
            todo = deque([(str, key), ($a, key)])
            done = []
            while todo:
                function, argument = todo.popleft()
                done.append(function(argument))
            return done
        """,
        "queued_N",
        "from collections import deque",
    ),
]
