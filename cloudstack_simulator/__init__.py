"""This will be a CloudStack that fits in a test: its rules, its time, its faults, and the truth beneath its answers."""

from cloudstack_simulator.answers import AnswerLost, CallHangs, HttpAnswer, ServerDown
from cloudstack_simulator.clock import Clock, SteppedClock, SystemClock
from cloudstack_simulator.faults import Fault
from cloudstack_simulator.simulator import Simulator

__all__ = [
    "AnswerLost",
    "CallHangs",
    "Clock",
    "Fault",
    "HttpAnswer",
    "ServerDown",
    "Simulator",
    "SteppedClock",
    "SystemClock",
]
