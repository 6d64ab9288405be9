"""What keeps the processor busy."""

# ruff: noqa: PTH123

from rasa_sdk import Action


def total(path):
    with open(path) as file:
        size = int(file.read())
    return sum(number % 7 for number in range(size))


class ActionCompute(Action):
    def name(self):
        return "action_compute"

    def run(self, dispatcher, tracker, domain):
        result = total("size.txt")
        dispatcher.utter_message(text=f"{tracker.get_slot('number')}" if result else "nothing")
        return []
