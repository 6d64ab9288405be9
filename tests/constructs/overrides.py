"""Methods and functions that are replaced: by def, by assignment, on an instance, by a decorator."""

from __future__ import annotations

from .model import Construct, construct

OVERRIDES: list[Construct] = [
    construct(
        "override by def",
        """
        class Asked_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        # elsewhere
        class Answering_N(Asked_N):
            def answer(self, key):
                return "answered"


        def answered_N(key):
            return [Asked_N().go(key), Answering_N().go(key)]
        """,
        "answered_N",
    ),
    construct(
        "override by a lambda",
        """
        class Lambda_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        # elsewhere
        class ByLambda_N(Lambda_N):
            answer = lambda self, key: f"lambda {key}"


        def by_lambdas_N(key):
            return [Lambda_N().go(key), ByLambda_N().go(key)]
        """,
        "by_lambdas_N",
    ),
    construct(
        "override by a lambda that blocks",
        """
        class Quiet_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "quiet"


        # elsewhere
        class Loud_N(Quiet_N):
            answer = lambda self, key: $a(key)


        def loud_N(key):
            return [Quiet_N().go(key), Loud_N().go(key)]
        """,
        "loud_N",
    ),
    construct(
        "override by partial",
        """
        def said_N(word, key):
            return f"{word} {key}"


        class Partial_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        # elsewhere
        class ByPartial_N(Partial_N):
            answer = functools.partial(said_N, "partial")


        def by_partial_N(key):
            return [Partial_N().go(key), ByPartial_N().go(key)]
        """,
        "by_partial_N",
        "import functools",
    ),
    construct(
        "override by partialmethod",
        """
        class Method_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)

            def say(self, word, key):
                return f"{word} {key}"


        # elsewhere
        class ByMethod_N(Method_N):
            answer = functools.partialmethod(Method_N.say, "method")


        def by_method_N(key):
            return [Method_N().go(key), ByMethod_N().go(key)]
        """,
        "by_method_N",
        "import functools",
    ),
    construct(
        "override by partialmethod that blocks",
        """
        class Whole_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "whole"


        class Part_N(Whole_N):
            def say(self, word, key):
                return f"{word} {$a(key)}"

            answer = functools.partialmethod(say, "part")


        def part_N(key):
            return [Whole_N().go(key), Part_N().go(key)]
        """,
        "part_N",
        "import functools",
    ),
    construct(
        "override by a function from elsewhere",
        """
        def outside_N(self, key):
            return f"outside {$a(key)}"


        # elsewhere
        class Inside_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "inside"


        class Taken_N(Inside_N):
            answer = outside_N


        def taken_N(key):
            return [Inside_N().go(key), Taken_N().go(key)]
        """,
        "taken_N",
    ),
    construct(
        "override by a plain function from elsewhere",
        """
        def dry_N(self, key):
            return f"dry {key}"


        # elsewhere
        class Wet_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        class Dried_N(Wet_N):
            answer = dry_N


        def dried_N(key):
            return [Wet_N().go(key), Dried_N().go(key)]
        """,
        "dried_N",
    ),
    construct(
        "override with a decorator",
        """
        def loudly_N(function):
            @functools.wraps(function)
            def call(self, key):
                return str(function(self, key)).upper()

            return call


        class Soft_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        class Shouting_N(Soft_N):
            @loudly_N
            def answer(self, key):
                return $b(key)


        def shouted_N(key):
            return [Soft_N().go(key), Shouting_N().go(key)]
        """,
        "shouted_N",
        "import functools",
    ),
    construct(
        "override by setattr",
        """
        class Settled_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        class Unsettled_N(Settled_N):
            pass


        setattr(Unsettled_N, "answer", lambda self, key: f"set {key}")


        def unsettled_N(key):
            return [Settled_N().go(key), Unsettled_N().go(key)]
        """,
        "unsettled_N",
    ),
    construct(
        "override by setattr that blocks",
        """
        class Still_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "still"


        def moving_N(self, key):
            return $a(key)


        setattr(Still_N, "answer", moving_N)
        """,
        "Still_N().go",
    ),
    construct(
        "override by assignment to the class",
        """
        class Patched_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "unpatched"


        # elsewhere
        Patched_N.answer = lambda self, key: $a(key)


        def patched_N(key):
            return Patched_N().go(key)
        """,
        "patched_N",
    ),
    construct(
        "override on the instance",
        """
        class Instance_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)


        def instance_N(key):
            one = Instance_N()
            one.answer = lambda key: f"own {key}"
            return [one.go(key), Instance_N().go(key)]
        """,
        "instance_N",
    ),
    construct(
        "override on the instance that blocks",
        """
        class Mute_N:
            def __init__(self, fetch=None):
                if fetch:
                    self.answer = fetch

            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "mute"


        def unmuted_N(key):
            return [Mute_N().go(key), Mute_N($a).go(key)]
        """,
        "unmuted_N",
    ),
    construct(
        "override by None",
        """
        class Hook_N:
            hook = None

            def go(self, key):
                return self.hook(key) if self.hook else "no hook"


        class Hooked_N(Hook_N):
            def hook(self, key):
                return $a(key)


        def hooked_N(key):
            return [Hook_N().go(key), Hooked_N().go(key)]
        """,
        "hooked_N",
    ),
    construct(
        "override in a mixin",
        """
        class Mixed_N:
            def answer(self, key):
                return f"mixed {$a(key)}"


        class Unmixed_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return "unmixed"


        class Combined_N(Mixed_N, Unmixed_N):
            pass


        def combined_N(key):
            return [Combined_N().go(key), Unmixed_N().go(key)]
        """,
        "combined_N",
    ),
    construct(
        "override by a property",
        """
        class Field_N:
            answer = "field"

            def go(self, key):
                return f"{self.answer} {key}"


        class Computed_N(Field_N):
            @property
            def answer(self):
                return $a("k1")


        def computed_N(key):
            return [Field_N().go(key), Computed_N().go(key)]
        """,
        "computed_N",
    ),
    construct(
        "override by a class decorator",
        """
        def answering_N(cls):
            plain = cls.answer

            def answer(self, key):
                return f"decorated {plain(self, key)}"

            cls.answer = answer
            return cls


        @answering_N
        class Answered_N:
            def go(self, key):
                return self.answer(key)

            def answer(self, key):
                return $a(key)
        """,
        "Answered_N().go",
    ),
    construct(
        "override by an attribute of another class",
        """
        class Lender_N:
            def answer(self, key):
                return $a(key)


        class Borrower_N:
            answer = Lender_N.answer

            def go(self, key):
                return self.answer(key)
        """,
        "Borrower_N().go",
    ),
    construct(
        "a function of a module replaced",
        """
        def replaced_N(key):
            return "not replaced"


        def uses_replaced_N(key):
            return replaced_N(key)


        globals()["replaced_N"] = $a
        """,
        "uses_replaced_N",
    ),
]
