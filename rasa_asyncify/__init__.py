"""Make the custom actions of a Rasa project asynchronous."""

__version__ = "0.1.0"
