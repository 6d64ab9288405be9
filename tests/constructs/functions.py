"""Functions that call functions: arguments, closures, names for them, conditions."""

from __future__ import annotations

from .model import Construct, construct

FUNCTIONS: list[Construct] = [
    construct(
        "helper",
        """
        def helper_N(key):
            return $a(key)
        """,
        "helper_N",
    ),
    construct(
        "helper with a type",
        """
        def typed_N(key: str) -> str:
            value: str = $a(key)
            return f"<{value}>"
        """,
        "typed_N",
    ),
    construct(
        "two one after the other",
        """
        def both_N(key):
            first = $a(key)
            second = $b(key)
            return f"{first} {second}"
        """,
        "both_N",
    ),
    construct(
        "one given to the other",
        """
        def after_N(key):
            return $a($b(key))
        """,
        "after_N",
    ),
    construct(
        "default arguments",
        """
        def given_N(key, prefix="p", *, suffix="s"):
            return f"{prefix}{$a(key)}{suffix}"


        def defaults_N(key):
            return given_N(key, suffix="t")
        """,
        "defaults_N",
    ),
    construct(
        "a function as a default argument",
        """
        def fetched_N(key, fetch=$a):
            return fetch(key)
        """,
        "fetched_N",
    ),
    construct(
        "star arguments passed on",
        """
        def forwarded_N(*args, **kwargs):
            return $a(*args, **kwargs)
        """,
        "forwarded_N",
    ),
    construct(
        "star arguments passed on to a parameter",
        """
        def applied_N(function, *args):
            return function(*args)


        def apply_N(key):
            return applied_N($a, key)
        """,
        "apply_N",
    ),
    construct(
        "function inside",
        """
        def outer_N(key):
            def inner(suffix):
                return f"{$a(key)}{suffix}"

            return inner("!") + inner("?")
        """,
        "outer_N",
    ),
    construct(
        "nonlocal",
        """
        def counted_N(key):
            count = 0

            def once():
                nonlocal count
                count += 1
                return $a(key)

            values = [once(), once()]
            return f"{count} {values}"
        """,
        "counted_N",
    ),
    construct(
        "lambda by name",
        """
        quick_N = lambda key: $a(key)
        """,
        "quick_N",
    ),
    construct(
        "lambda in a function",
        """
        def by_lambda_N(key):
            fetch = lambda: $a(key)
            return fetch()
        """,
        "by_lambda_N",
    ),
    construct(
        "lambda with a default",
        """
        def bound_N(key):
            calls = [lambda key=key, n=n: f"{n}{$a(key)}" for n in range(2)]
            return [call() for call in calls]
        """,
        "bound_N",
    ),
    construct(
        "other name",
        """
        other_N = $a
        """,
        "other_N",
    ),
    construct(
        "local name",
        """
        def local_N(key):
            fetch = $a
            return fetch(key)
        """,
        "local_N",
    ),
    construct(
        "either name",
        """
        def either_N(key):
            fetch = $a if key else $b
            return fetch(key)
        """,
        "either_N",
    ),
    construct(
        "either, called at once",
        """
        def at_once_N(key):
            return ($a if key != "k1" else $b)(key)
        """,
        "at_once_N",
    ),
    construct(
        "names by unpacking",
        """
        def unpacked_N(key):
            first, second = $a, $b
            return f"{first(key)} {second(key)}"
        """,
        "unpacked_N",
    ),
    construct(
        "conditional expression",
        """
        def conditional_N(key):
            return $a(key) if key == "k1" else $b(key)
        """,
        "conditional_N",
    ),
    construct(
        "short circuit",
        """
        def short_N(key):
            return (key == "k2" and $a(key)) or $b(key)
        """,
        "short_N",
    ),
    construct(
        "walrus",
        """
        def walrus_N(key):
            if (value := $a(key)) and key:
                return value
            return f"none but {value}"
        """,
        "walrus_N",
    ),
    construct(
        "walrus in a while",
        """
        def waning_N(key):
            left = 2
            while (value := $a(key)) and left:
                left -= 1
            return value
        """,
        "waning_N",
    ),
    construct(
        "recursion",
        """
        def again_N(key, times=2):
            if not times:
                return $a(key)
            return again_N(key, times - 1)
        """,
        "again_N",
    ),
    construct(
        "mutual recursion",
        """
        def ping_N(key, times=3):
            return pong_N(key, times - 1) if times else "ping"


        def pong_N(key, times):
            return f"{$a(key)} {ping_N(key, times - 1)}" if times > 0 else "pong"
        """,
        "ping_N",
    ),
    construct(
        "partial",
        """
        def two_N(prefix, key):
            return f"{prefix} {$a(key)}"


        prefixed_N = functools.partial(two_N, "pre")
        """,
        "prefixed_N",
        "import functools",
    ),
    construct(
        "partial in a function",
        """
        def partly_N(key):
            call = functools.partial($a, key)
            return call()
        """,
        "partly_N",
        "import functools",
    ),
    construct(
        "closure from a factory",
        """
        def make_N(prefix):
            def made(key):
                return f"{prefix} {$a(key)}"

            return made


        made_N = make_N("made")
        """,
        "made_N",
    ),
    construct(
        "closure from a factory, called at once",
        """
        def build_N(prefix):
            def built(key):
                return f"{prefix} {$a(key)}"

            return built


        def building_N(key):
            return build_N("built")(key)
        """,
        "building_N",
    ),
    construct(
        "lambda from a factory",
        """
        def factory_N(suffix):
            return lambda key: f"{$a(key)} {suffix}"


        def produce_N(key):
            call = factory_N("end")
            return call(key)
        """,
        "produce_N",
    ),
    construct(
        "factory that chooses",
        """
        def chosen_N(kind):
            if kind == "k1":
                return $a
            return $b


        def choose_N(key):
            return chosen_N(key)(key)
        """,
        "choose_N",
    ),
    construct(
        "compose",
        """
        def compose_N(*functions):
            def composed(value):
                for function in functions:
                    value = function(value)
                return value

            return composed


        composed_N = compose_N($a, $b)
        """,
        "composed_N",
    ),
    construct(
        "callback",
        """
        def with_callback_N(key, callback):
            return f"back {callback(key)}"


        def calling_back_N(key):
            return with_callback_N(key, callback=$a)
        """,
        "calling_back_N",
    ),
    construct(
        "callback, a lambda",
        """
        def taking_N(key, action):
            return action() + "."


        def giving_N(key):
            return taking_N(key, lambda: str($a(key)))
        """,
        "giving_N",
    ),
    construct(
        "optional callback",
        """
        def perhaps_N(key, on_done=None):
            if on_done is not None:
                return on_done(key)
            return key


        def done_N(key):
            return [perhaps_N(key), perhaps_N(key, $a)]
        """,
        "done_N",
    ),
    construct(
        "function with an attribute",
        """
        def holder_N(key):
            return holder_N.fetch(key)


        holder_N.fetch = $a
        """,
        "holder_N",
    ),
    construct(
        "global",
        """
        last_N = None


        def remember_N(key):
            global last_N
            last_N = $a(key)
            return last_N
        """,
        "remember_N",
    ),
    construct(
        "function set by another",
        """
        fetch_N = None


        def setup_N():
            global fetch_N
            fetch_N = $a


        def late_N(key):
            setup_N()
            return fetch_N(key)
        """,
        "late_N",
    ),
    construct(
        "keyword arguments in a dict",
        """
        def keyed_N(key):
            options = {"key": key}
            return $a(**options)
        """,
        "keyed_N",
    ),
    construct(
        "singledispatch",
        """
        @functools.singledispatch
        def shown_N(value):
            return f"value {$a(value)}"


        @shown_N.register
        def _(value: int):
            return value


        @shown_N.register(list)
        def _(value):
            return [shown_N(one) for one in value]


        def show_N(key):
            return [shown_N(key), shown_N(1), shown_N([key])]
        """,
        "show_N",
        "import functools",
    ),
    construct(
        "reduce",
        """
        def reduced_N(key):
            return functools.reduce(lambda total, one: f"{total}{$a(one)}", [key, key], "")
        """,
        "reduced_N",
        "import functools",
    ),
    construct(
        "used elsewhere too, at import",
        """
        def twice_N(key):
            return f"{$a(key)} twice"


        AT_IMPORT_N = twice_N("k1")


        def with_import_N(key):
            return f"{AT_IMPORT_N} {twice_N(key)}"
        """,
        "with_import_N",
    ),
]
