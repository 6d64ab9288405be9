"""Statements around a call: loops, clauses, comprehensions, generators, context managers, callbacks of builtins."""

from __future__ import annotations

from .model import Construct, construct

FLOW: list[Construct] = [
    construct(
        "try, except, else, finally",
        """
        def tried_N(key):
            done = []
            try:
                value = $a(key)
            except (ValueError, LookupError) as error:
                value = f"caught {error}"
            else:
                done.append("else")
            finally:
                done.append("finally")
            return f"{value} {done}"
        """,
        "tried_N",
    ),
    construct(
        "call in an except clause",
        """
        def fallback_N(key):
            try:
                return {"k9": "known"}[key]
            except KeyError:
                return $a(key)
        """,
        "fallback_N",
    ),
    construct(
        "call in a finally clause",
        """
        def cleaned_N(key):
            value = None
            try:
                value = $a(key)
                return value
            finally:
                $b(key)
        """,
        "cleaned_N",
    ),
    construct(
        "raise with a cause",
        """
        def wrapped_N(key):
            try:
                return $a(key)
            except Exception as error:
                raise RuntimeError(f"wrapped: {$b('k1')}") from error
        """,
        "wrapped_N",
    ),
    construct(
        "for, break, else",
        """
        def looped_N(key):
            for number in range(3):
                value = $a(key)
                if number == 1 and key == "k1":
                    break
            else:
                value = f"all {value}"
            return value
        """,
        "looped_N",
    ),
    construct(
        "while, continue",
        """
        def turned_N(key):
            number, values = 0, []
            while number < 3:
                number += 1
                if number == 2:
                    continue
                values.append($a(key))
            return values
        """,
        "turned_N",
    ),
    construct(
        "retry loop",
        """
        def retried_N(key):
            for attempt in range(2):
                try:
                    return $a(key)
                except Exception as error:
                    last = error
            return f"gave up: {last}"
        """,
        "retried_N",
    ),
    construct(
        "list comprehension",
        """
        def listed_all_N(key):
            return [$a(one) for one in (key, "k1") if one]
        """,
        "listed_all_N",
    ),
    construct(
        "dict comprehension",
        """
        def mapped_N(key):
            return {one: $a(one) for one in [key, "k2"]}
        """,
        "mapped_N",
    ),
    construct(
        "set comprehension",
        """
        def set_of_N(key):
            return sorted({str($a(one)) for one in (key, "k2")})
        """,
        "set_of_N",
    ),
    construct(
        "comprehension with a condition",
        """
        def filtered_N(key):
            return [one for one in (key, "k2") if $a(one)]
        """,
        "filtered_N",
    ),
    construct(
        "nested comprehension",
        """
        def nested_N(key):
            return [[$a(inner) for inner in (outer, "k1")] for outer in [key]]
        """,
        "nested_N",
    ),
    construct(
        "comprehension over the call",
        """
        def letters_N(key):
            return [letter for letter in str($a(key))][:3]
        """,
        "letters_N",
    ),
    construct(
        "generator expression in join",
        """
        def joined_N(key):
            return " ".join(str($a(one)) for one in (key, "k2"))
        """,
        "joined_N",
    ),
    construct(
        "generator expression in any",
        """
        def any_of_N(key):
            return any($a(one) for one in ("k1", key))
        """,
        "any_of_N",
    ),
    construct(
        "generator expression in next",
        """
        def next_of_N(key):
            return next(($a(one) for one in (key, "k2")), None)
        """,
        "next_of_N",
    ),
    construct(
        "sorted with a key",
        """
        def sorted_N(key):
            return sorted([key, "k2", "k1"], key=lambda one: str($a(one)))
        """,
        "sorted_N",
    ),
    construct(
        "sorted with a function as key",
        """
        def ordered_N(key):
            return max([key, "k2"], key=$a)
        """,
        "ordered_N",
    ),
    construct(
        "map",
        """
        def map_N(key):
            return list(map($a, [key, "k1"]))
        """,
        "map_N",
    ),
    construct(
        "map in a loop",
        """
        def map_loop_N(key):
            values = []
            for value in map(lambda one: $a(one), [key, "k1"]):
                values.append(value)
            return values
        """,
        "map_loop_N",
    ),
    construct(
        "filter",
        """
        def filter_N(key):
            return list(filter(lambda one: $a(one), [key, "k1"]))
        """,
        "filter_N",
    ),
    construct(
        "generator function",
        """
        def each_N(keys):
            for key in keys:
                yield $a(key)


        def all_of_N(key):
            return list(each_N([key, "k2"]))
        """,
        "all_of_N",
    ),
    construct(
        "generator function in a loop",
        """
        def pages_N(key):
            yield "first"
            yield $a(key)


        def paged_N(key):
            found = []
            for page in pages_N(key):
                found.append(page)
            return found
        """,
        "paged_N",
    ),
    construct(
        "yield from",
        """
        def inner_N(key):
            yield $a(key)


        def outer_gen_N(key):
            yield from inner_N(key)
            yield "end"


        def drained_N(key):
            return [*outer_gen_N(key)]
        """,
        "drained_N",
    ),
    construct(
        "generator with send",
        """
        def echo_N():
            value = None
            while True:
                key = yield value
                value = $a(key)


        def sent_N(key):
            generator = echo_N()
            next(generator)
            return generator.send(key)
        """,
        "sent_N",
    ),
    construct(
        "iterator class",
        """
        class Items_N:
            def __init__(self, keys):
                self.keys = list(keys)

            def __iter__(self):
                return self

            def __next__(self):
                if not self.keys:
                    raise StopIteration
                return $a(self.keys.pop(0))


        def iterated_N(key):
            return [item for item in Items_N([key, "k1"])]
        """,
        "iterated_N",
    ),
    construct(
        "context manager class",
        """
        class Opened_N:
            def __init__(self, key):
                self.key = key

            def __enter__(self):
                self.value = $a(self.key)
                return self

            def __exit__(self, kind, error, traceback):
                $b(self.key)
                return False


        def entered_N(key):
            with Opened_N(key) as opened:
                return f"in {opened.value}"
        """,
        "entered_N",
    ),
    construct(
        "contextmanager",
        """
        @contextmanager
        def around_N(key):
            value = $a(key)
            try:
                yield value
            finally:
                $b("k1")


        def inside_N(key):
            with around_N(key) as value:
                return f"with {value}"
        """,
        "inside_N",
        "from contextlib import contextmanager",
    ),
    construct(
        "ExitStack callback",
        """
        def stacked_N(key):
            with contextlib.ExitStack() as stack:
                stack.callback($a, key)
                return $b(key)
        """,
        "stacked_N",
        "import contextlib",
    ),
    construct(
        "suppress",
        """
        def suppressed_N(key):
            value = "nothing"
            with contextlib.suppress(Exception):
                value = $a(key)
            return value
        """,
        "suppressed_N",
        "import contextlib",
    ),
    construct(
        "match",
        """
        def matched_N(key):
            match key:
                case "k1":
                    return $a(key)
                case str() if $b(key):
                    return "other"
            return "none"
        """,
        "matched_N",
    ),
    construct(
        "assert",
        """
        def asserted_N(key):
            assert $a(key) is not Ellipsis, $b(key)
            return key
        """,
        "asserted_N",
    ),
    construct(
        "augmented assignment",
        """
        def added_N(key):
            total = ""
            total += str($a(key))
            total += f"{$b(key)!s:>5}"
            return total
        """,
        "added_N",
    ),
    construct(
        "subscripts and stars",
        """
        def spread_N(key):
            values = {"one": [$a(key)], **{"two": $b(key)}}
            return str([*values["one"], values["two"]][0])
        """,
        "spread_N",
    ),
    construct(
        "comparison chain",
        """
        def compared_N(key):
            return "" <= str($a(key)) <= "zzz" or not $b(key)
        """,
        "compared_N",
    ),
    construct(
        "if and elif",
        """
        def branched_N(key):
            if not $a(key):
                return "empty"
            elif $b(key) == "k1":
                return "one"
            return key
        """,
        "branched_N",
    ),
    construct(
        "method of the result",
        """
        def upper_N(key):
            return str($a(key)).upper().strip()[:10]
        """,
        "upper_N",
    ),
    construct(
        "accumulate",
        """
        def summed_N(key):
            return list(itertools.accumulate([key, "k1"], lambda total, one: f"{total}{$a(one)}"))
        """,
        "summed_N",
        "import itertools",
    ),
    construct(
        "enumerate over a generator",
        """
        def numbered_N(key):
            return [f"{n}{value}" for n, value in enumerate($a(one) for one in [key, "k1"])]
        """,
        "numbered_N",
    ),
    construct(
        "global counter around",
        """
        calls_N = []


        def tracked_N(key):
            calls_N.append(key)
            value = $a(key)
            calls_N.append(value)
            return len(calls_N) and value
        """,
        "tracked_N",
    ),
    construct(
        "iter with a sentinel",
        """
        def until_N(key):
            keys = [key, "end", "k1"]
            return list(iter(lambda: $a(keys.pop()) and keys[-1], key))
        """,
        "until_N",
    ),
]
