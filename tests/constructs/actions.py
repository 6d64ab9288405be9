"""Action classes: where the SDK enters, and actions that call others."""

from __future__ import annotations

from typing import Any

from .model import ActionShape

SDK = "from rasa_sdk import Action"
SLOT = "from rasa_sdk.events import SlotSet"


def shape(name: str, source: str, *imports: str, action: str = "action_N", **call: Any) -> ActionShape:
    """A shape, with its imports in a row and more arguments of `action_call` by name."""
    return ActionShape(name, source, (SDK, *imports), action, call)


ACTIONS: list[ActionShape] = [
    shape(
        "action",
        """
        class Plain_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                value = $a(tracker.get_slot("key"))
                dispatcher.utter_message(text=f"{value}")
                return []
        """,
    ),
    shape(
        "action with types and events",
        """
        class Typed_N(Action):
            def name(self) -> Text:
                return "action_N"

            def run(
                self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Dict[Text, Any]
            ) -> List[Dict[Text, Any]]:
                key = tracker.get_slot("key")
                return [SlotSet("first", str($a(key))), SlotSet("second", str($b(key)))]
        """,
        SLOT,
        "from typing import Any, Dict, List, Text",
        "from rasa_sdk import Tracker",
        "from rasa_sdk.executor import CollectingDispatcher",
    ),
    shape(
        "action with a helper method",
        """
        class Helped_N(Action):
            def name(self):
                return "action_N"

            def _value(self, tracker):
                return $a(tracker.get_slot("key"))

            def run(self, dispatcher, tracker, domain):
                try:
                    dispatcher.utter_message(text=str(self._value(tracker)))
                except ValueError as error:
                    dispatcher.utter_message(text=f"no: {error}")
                return []
        """,
    ),
    shape(
        "action that gives its dispatcher away",
        """
        def say_N(dispatcher, tracker):
            dispatcher.utter_message(text="before")
            dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))


        # elsewhere
        class Giving_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                say_N(dispatcher, tracker)
                return []
        """,
    ),
    shape(
        "actions with a common base",
        """
        class BaseAction_N(Action):
            def name(self):
                return "action_base_N"

            def run(self, dispatcher, tracker, domain):
                events = self.execute(dispatcher, tracker)
                dispatcher.utter_message(text=f"{len(events)} events")
                return events

            def execute(self, dispatcher, tracker):
                raise NotImplementedError


        # elsewhere
        class Concrete_N(BaseAction_N):
            def name(self):
                return "action_N"

            def execute(self, dispatcher, tracker):
                return [SlotSet("first", str($a(tracker.get_slot("key"))))]
        """,
        SLOT,
    ),
    shape(
        "action that overrides by a lambda",
        """
        class Executing_N(Action):
            def name(self):
                return "action_executing_N"

            def run(self, dispatcher, tracker, domain):
                return self.execute(dispatcher, tracker)

            def execute(self, dispatcher, tracker):
                return [SlotSet("first", str($a(tracker.get_slot("key"))))]


        # elsewhere
        class Short_N(Executing_N):
            def name(self):
                return "action_N"

            execute = lambda self, dispatcher, tracker: [SlotSet("first", "short")]
        """,
        SLOT,
    ),
    shape(
        "action with super().run",
        """
        class Under_N(Action):
            def name(self):
                return "action_under_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return [SlotSet("first", "under")]


        # elsewhere
        class Over_N(Under_N):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                events = super().run(dispatcher, tracker, domain)
                return events + [SlotSet("second", str($b(tracker.get_slot("key"))))]
        """,
        SLOT,
    ),
    shape(
        "action with a mixin's run",
        """
        class RunMixin_N:
            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=self.text(tracker.get_slot("key")))
                return []


        class MixedIn_N(RunMixin_N, Action):
            def name(self):
                return "action_N"

            def text(self, key):
                return str($a(key))
        """,
    ),
    shape(
        "static run",
        """
        class Static_N(Action):
            def name(self):
                return "action_N"

            @staticmethod
            def run(dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []
        """,
    ),
    shape(
        "run by assignment",
        """
        def work_N(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
            return []


        # elsewhere
        class Assigned_N(Action):
            def name(self):
                return "action_N"

            run = work_N
        """,
    ),
    shape(
        "action class made by type",
        """
        def run_it_N(self, dispatcher, tracker, domain):
            dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
            return []


        ByType_N = type("ByType_N", (Action,), {"run": run_it_N, "name": lambda self: "action_N"})
        """,
    ),
    shape(
        "action class from a factory",
        """
        def action_for_N(label):
            class Made(Action):
                def name(self):
                    return label

                def run(self, dispatcher, tracker, domain):
                    dispatcher.utter_message(text=f"{label} {$a(tracker.get_slot('key'))}")
                    return []

            return Made


        # elsewhere
        MadeAction_N = action_for_N("action_N")
        """,
    ),
    shape(
        "action with a client in its constructor",
        """
        class Caller_N:
            def ask(self, key):
                return $a(key)


        # elsewhere
        class Constructed_N(Action):
            def __init__(self):
                super().__init__()
                self.caller = Caller_N()

            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str(self.caller.ask(tracker.get_slot("key"))))
                return []
        """,
    ),
    shape(
        "action with a generator of events",
        """
        class Generating_N(Action):
            def name(self):
                return "action_N"

            def events(self, key):
                yield SlotSet("first", str($a(key)))
                yield SlotSet("second", "two")

            def run(self, dispatcher, tracker, domain):
                return list(self.events(tracker.get_slot("key")))
        """,
        SLOT,
    ),
    shape(
        "action with handlers by intent",
        """
        class Handling_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                handler = getattr(self, "on_" + str(tracker.get_slot("key")), self.on_other)
                handler(dispatcher, tracker)
                return []

            def on_k1(self, dispatcher, tracker):
                dispatcher.utter_message(text=str($a("k1")))

            def on_other(self, dispatcher, tracker):
                dispatcher.utter_message(text=str($b(tracker.get_slot("key"))))
        """,
    ),
    shape(
        "action with a property and a loop",
        """
        class Propertied_N(Action):
            @property
            def greeting(self):
                return f"{$a('k1')}"

            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                for key in (tracker.get_slot("key"), "k2"):
                    if not key:
                        continue
                    dispatcher.utter_message(text=f"{self.greeting} {$b(key)}")
                return []
        """,
    ),
    shape(
        "decorated run",
        """
        def guarded_N(function):
            @functools.wraps(function)
            def call(self, dispatcher, tracker, domain):
                try:
                    return function(self, dispatcher, tracker, domain)
                except Exception as error:
                    dispatcher.utter_message(text=f"failed: {error}")
                    return []

            return call


        # elsewhere
        class Guarded_N(Action):
            def name(self):
                return "action_N"

            @guarded_N
            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []
        """,
        "import functools",
    ),
    shape(
        "decorated action class",
        """
        def announced_N(cls):
            plain = cls.run

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text="announced")
                return plain(self, dispatcher, tracker, domain)

            cls.run = run
            return cls


        @announced_N
        class Announced_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []
        """,
    ),
    shape(
        "async action",
        """
        class Async_N(Action):
            def name(self):
                return "action_N"

            async def run(self, dispatcher, tracker, domain):
                await asyncio.sleep(0)
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return [SlotSet("first", str(await self.more(tracker)))]

            async def more(self, tracker):
                return $b(tracker.get_slot("key"))
        """,
        SLOT,
        "import asyncio",
    ),
    shape(
        "async action with callbacks",
        """
        class Gathering_N(Action):
            def name(self):
                return "action_N"

            async def run(self, dispatcher, tracker, domain):
                async def one(key):
                    await asyncio.sleep(0)
                    return str($a(key))

                values = [await one(key) for key in ("k1", tracker.get_slot("key"))]
                dispatcher.utter_message(text=" ".join(values))
                return []
        """,
        "import asyncio",
    ),
    shape(
        "run that is async in the child",
        """
        class SyncBase_N(Action):
            def name(self):
                return "action_sync_N"

            def value(self, key):
                return $a(key)

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str(self.value(tracker.get_slot("key"))))
                return []


        class AsyncChild_N(SyncBase_N):
            def name(self):
                return "action_N"

            async def run(self, dispatcher, tracker, domain):
                await asyncio.sleep(0)
                dispatcher.utter_message(text=f"child {self.value('k1')}")
                return []
        """,
        "import asyncio",
    ),
    shape(
        "action that calls another by its class",
        """
        class First_N(Action):
            def name(self):
                return "action_first_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return [SlotSet("first", "first")]


        # elsewhere
        class Second_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                events = First_N().run(dispatcher, tracker, domain)
                return [*events, SlotSet("second", "second")]
        """,
        SLOT,
    ),
    shape(
        "action that calls another by __subclasses__",
        """
        class Target_N(Action):
            def name(self):
                return "action_target_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []


        # elsewhere
        class Searching_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                for cls in Action.__subclasses__():
                    if cls.__name__ == "Target_N" and cls.__module__ in sys.modules:
                        found = cls
                return found().run(dispatcher, tracker, domain)
        """,
        "import sys",
    ),
    shape(
        "action that calls another by a registry",
        """
        REGISTRY_N = {}


        class Kept_N(Action):
            def name(self):
                return "action_kept_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []


        REGISTRY_N["kept"] = Kept_N


        # elsewhere
        class Keeping_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                return REGISTRY_N["kept"]().run(dispatcher, tracker, domain)
        """,
    ),
    shape(
        "action that calls one of a list",
        """
        class Member_N(Action):
            def name(self):
                return "action_member_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return [SlotSet("first", "member")]


        class Other_N(Action):
            def name(self):
                return "action_other_N"

            def run(self, dispatcher, tracker, domain):
                return []


        # elsewhere
        class Listing_N(Action):
            members = [Member_N(), Other_N()]

            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                events = []
                for member in self.members:
                    events.extend(member.run(dispatcher, tracker, domain))
                return events
        """,
        SLOT,
    ),
    shape(
        "action that calls another by getattr",
        """
        class Pointed_N(Action):
            def name(self):
                return "action_pointed_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []


        class Pointing_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                return getattr(Pointed_N(), "run")(dispatcher, tracker, domain)
        """,
    ),
    shape(
        "action that calls one it was given",
        """
        def delegate_N(action, dispatcher, tracker, domain):
            return action.run(dispatcher, tracker, domain)


        class Delegated_N(Action):
            def name(self):
                return "action_delegated_N"

            def run(self, dispatcher, tracker, domain):
                dispatcher.utter_message(text=str($a(tracker.get_slot("key"))))
                return []


        # elsewhere
        class Delegating_N(Action):
            def name(self):
                return "action_N"

            def run(self, dispatcher, tracker, domain):
                return delegate_N(Delegated_N(), dispatcher, tracker, domain)
        """,
    ),
    shape(
        "validate_<slot> of a form",
        """
        class Form_N(FormValidationAction):
            def name(self):
                return "validate_form_N"

            def validate_key(self, value, dispatcher, tracker, domain):
                dispatcher.utter_message(text="validating")
                return {"key": str($a(value))}
        """,
        "from rasa_sdk import FormValidationAction",
        action="validate_form_N",
        active_loop={"name": "form_N"},
    ),
    shape(
        "validate_<slot> by assignment",
        """
        def validator_N(prefix):
            def validate(self, value, dispatcher, tracker, domain):
                return {"key": f"{prefix} {$a(value)}"}

            return validate


        # elsewhere
        class FormBy_N(FormValidationAction):
            def name(self):
                return "validate_form_N"

            validate_key = validator_N("valid")
        """,
        "from rasa_sdk import FormValidationAction",
        action="validate_form_N",
        active_loop={"name": "form_N"},
    ),
    shape(
        "extract_<slot>",
        """
        class Extracting_N(ValidationAction):
            def name(self):
                return "action_N"

            def extract_more(self, dispatcher, tracker, domain):
                return {"more": str($a(tracker.get_slot("key")))}

            def validate_key(self, value, dispatcher, tracker, domain):
                return {"key": $b(value) and value}
        """,
        "from rasa_sdk import ValidationAction",
        domain={"slots": {"key": {}, "more": {"mappings": []}}},
    ),
    shape(
        "required_slots",
        """
        class Requiring_N(FormValidationAction):
            def name(self):
                return "validate_form_N"

            async def required_slots(self, domain_slots, dispatcher, tracker, domain):
                more = await super().required_slots(domain_slots, dispatcher, tracker, domain)
                return [*more, str($a(tracker.get_slot("key")))]

            def validate_key(self, value, dispatcher, tracker, domain):
                return self.checked(value)

            def checked(self, value):
                return {"key": value}
        """,
        "from rasa_sdk import FormValidationAction",
        action="validate_form_N",
        active_loop={"name": "form_N"},
        domain={"forms": {"form_N": {"required_slots": ["key"]}}, "slots": {}},
    ),
    shape(
        "form with a base's validators",
        """
        class Validators_N:
            def validate_key(self, value, dispatcher, tracker, domain):
                return self.check(value)

            def check(self, value):
                raise NotImplementedError


        # elsewhere
        class FormWith_N(Validators_N, FormValidationAction):
            def name(self):
                return "validate_form_N"

            def check(self, value):
                return {"key": str($a(value))}
        """,
        "from rasa_sdk import FormValidationAction",
        action="validate_form_N",
        active_loop={"name": "form_N"},
    ),
]
