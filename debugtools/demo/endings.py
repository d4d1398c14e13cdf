"""This will tell of a job that did not end well: why, and which answers an operator may give."""

from __future__ import annotations

from debugtools.demo.following import Answer
from debugtools.demo.screen import Screen


def show_trouble(screen: Screen, name: str, answer: Answer) -> None:
    """Write the end of a job that did not succeed, or the question with which it waits."""
    ended = f"ended as {answer['outcome']}" if answer["outcome"] else "waits for an operator's answer"
    screen.bad(f"{name} {ended}, {answer['duration'] / 1e9:.1f} s after its start")
    if message := answer["job_details"]["error_message"]:
        screen.reason(message)
    for question in answer["questions"]:
        screen.reason(f"question {question['id']}: {question['question']}")
        for choice in question["choices"]:
            screen.advice(f"answer {' - '.join(str(part) for part in choice.values())}")
