"""Decorators of the project's own, and threads."""

from __future__ import annotations

from .model import Construct, construct

DECORATORS: list[Construct] = [
    construct(
        "decorator with wraps",
        """
        def logged_N(function):
            @functools.wraps(function)
            def call(*args, **kwargs):
                value = function(*args, **kwargs)
                return f"logged {value}"

            return call


        # elsewhere
        @logged_N
        def decorated_N(key):
            return $a(key)
        """,
        "decorated_N",
        "import functools",
    ),
    construct(
        "decorator without wraps",
        """
        def bare_N(function):
            def call(key):
                return f"bare {function(key)}"

            return call


        @bare_N
        def barely_N(key):
            return $a(key)
        """,
        "barely_N",
    ),
    construct(
        "decorator with arguments",
        """
        def repeat_N(times):
            def decorate(function):
                @functools.wraps(function)
                def call(*args):
                    return [function(*args) for _ in range(times)]

                return call

            return decorate


        # elsewhere
        @repeat_N(2)
        def repeated_N(key):
            return $a(key)
        """,
        "repeated_N",
        "import functools",
    ),
    construct(
        "decorator that retries",
        """
        def retry_N(function):
            @functools.wraps(function)
            def call(*args, **kwargs):
                for _ in range(2):
                    try:
                        return function(*args, **kwargs)
                    except ValueError as error:
                        last = error
                raise last

            return call


        @retry_N
        def retrying_N(key):
            return $a(key)
        """,
        "retrying_N",
        "import functools",
    ),
    construct(
        "decorator that blocks itself",
        """
        def audited_N(function):
            @functools.wraps(function)
            def call(key):
                $a(key)
                return function(key)

            return call


        @audited_N
        def audit_N(key):
            return f"audit {key}"
        """,
        "audit_N",
        "import functools",
    ),
    construct(
        "decorator as a class",
        """
        class Counting_N:
            def __init__(self, function):
                self.function = function
                self.count = 0

            def __call__(self, key):
                self.count += 1
                return self.function(key)


        @Counting_N
        def counting_N(key):
            return $a(key)
        """,
        "counting_N",
    ),
    construct(
        "decorator on a method",
        """
        def method_logged_N(method):
            @functools.wraps(method)
            def call(self, *args):
                return f"method {method(self, *args)}"

            return call


        class Decorated_N:
            @method_logged_N
            def load(self, key):
                return $a(key)
        """,
        "Decorated_N().load",
        "import functools",
    ),
    construct(
        "two decorators",
        """
        def first_deco_N(function):
            @functools.wraps(function)
            def call(key):
                return f"1 {function(key)}"

            return call


        def second_deco_N(function):
            @functools.wraps(function)
            def call(key):
                return f"2 {function(key)}"

            return call


        @first_deco_N
        @second_deco_N
        def doubly_N(key):
            return $a(key)
        """,
        "doubly_N",
        "import functools",
    ),
    construct(
        "decorator that only marks",
        """
        def marked_N(function):
            function.marked = True
            return function


        @marked_N
        def marking_N(key):
            return f"{marking_N.marked} {$a(key)}"
        """,
        "marking_N",
    ),
    construct(
        "decorator applied by hand",
        """
        def by_hand_N(function):
            @functools.wraps(function)
            def call(key):
                return f"hand {function(key)}"

            return call


        handmade_N = by_hand_N($a)
        """,
        "handmade_N",
        "import functools",
    ),
    construct(
        "lru_cache",
        """
        @functools.lru_cache(maxsize=None)
        def remembered_N(key):
            return $a(key)


        def twice_remembered_N(key):
            return f"{remembered_N(key)} {remembered_N(key)}"
        """,
        "twice_remembered_N",
        "import functools",
    ),
    construct(
        "decorator with an optional argument",
        """
        def optional_N(function=None, *, word="word"):
            def decorate(function):
                @functools.wraps(function)
                def call(key):
                    return f"{word} {function(key)}"

                return call

            return decorate(function) if function else decorate


        @optional_N
        def opted_N(key):
            return $a(key)


        @optional_N(word="other")
        def chosen_word_N(key):
            return opted_N(key)
        """,
        "chosen_word_N",
        "import functools",
    ),
]

THREADS: list[Construct] = [
    construct(
        "thread",
        """
        def threaded_N(key):
            thread = threading.Thread(target=$a, args=("k1",))
            thread.start()
            thread.join()
            return key
        """,
        "threaded_N",
        "import threading",
    ),
    construct(
        "thread with a result",
        """
        def in_thread_with_N(key):
            found = []
            thread = threading.Thread(target=lambda: found.append($a("k1")))
            thread.start()
            thread.join()
            return found
        """,
        "in_thread_with_N",
        "import threading",
    ),
    construct(
        "thread class",
        """
        class Worker_N(threading.Thread):
            def __init__(self, key):
                super().__init__()
                self.key = key
                self.value = None

            def run(self):
                self.value = $a("k1")


        def worked_N(key):
            worker = Worker_N(key)
            worker.start()
            worker.join()
            return worker.value
        """,
        "worked_N",
        "import threading",
    ),
    construct(
        "executor, map",
        """
        def pooled_N(key):
            with ThreadPoolExecutor(1) as pool:
                return list(pool.map($a, ["k1", "k2"]))
        """,
        "pooled_N",
        "from concurrent.futures import ThreadPoolExecutor",
    ),
    construct(
        "executor, submit",
        """
        def submitted_N(key):
            with ThreadPoolExecutor(1) as pool:
                future = pool.submit($a, "k1")
            return future.result()
        """,
        "submitted_N",
        "from concurrent.futures import ThreadPoolExecutor",
    ),
    construct(
        "atexit",
        """
        def at_end_N():
            $a("k1")


        atexit.register(at_end_N)


        def ended_N(key):
            atexit.unregister(at_end_N)
            return $b(key)
        """,
        "ended_N",
        "import atexit",
    ),
    construct(
        "in a thread and on its own",
        """
        def shared_N(key):
            return $a(key)


        def both_ways_N(key):
            thread = threading.Thread(target=shared_N, args=("k1",))
            thread.start()
            thread.join()
            return shared_N(key)
        """,
        "both_ways_N",
        "import threading",
    ),
    construct(
        "weakref finalizer",
        """
        class Owner_N:
            pass


        def finalized_N(key):
            owner = Owner_N()
            finalizer = weakref.finalize(owner, $a, "k1")
            return finalizer()
        """,
        "finalized_N",
        "import weakref",
    ),
]
