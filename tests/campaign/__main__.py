"""This will run a campaign: `python -m tests.campaign --schedules 5000 --seed 1`; it ends with one JSON summary."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign, or replay one schedule; give 0 when every invariant held."""
    parser = argparse.ArgumentParser(prog="tests.campaign", description="Look for a schedule of faults that does harm.")
    parser.add_argument("--schedules", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    parser.add_argument("--seconds", type=float, default=0.0, help="begin no schedule after so long")
    parser.add_argument("--branches", default="", help="ways into which each schedule parts amid trouble, such as 4,4")
    parser.add_argument("--replay", help="play the schedule (or branch) of this name, shrink it when it fails")
    parser.add_argument("--bug", help="play the schedule that catches the seeded bug of this name")
    parser.add_argument("--prove", action="store_true", help="show that every branch is what its troubles alone make")
    parser.add_argument("--first", action="store_true", help="end at the first schedule that does harm")
    parser.add_argument("--singles", nargs="?", const="", help="play every single fault (of the plan of this name)")
    parser.add_argument("--share", type=int, default=1, help="one in so many of the single faults")
    parser.add_argument("--report", type=Path, help="write the summary there too")
    options = parser.parse_args(arguments)
    _set_up()
    from tests.campaign.running import Order, play_for, prove, replay, run, run_singles, until_the_first

    if options.bug is not None:
        return play_for(options.bug)
    if options.replay is not None:
        return replay(options.replay)
    if options.singles is not None:
        return run_singles(only=options.singles, share=options.share, processes=options.jobs, report=options.report)
    order = Order(
        first=options.seed * 1_000_000,
        count=options.schedules,
        widths=tuple(int(ways) for ways in options.branches.split(",") if ways),
        processes=options.jobs,
        seconds=options.seconds,
    )
    if options.prove:
        return prove(order)
    return until_the_first(order) if options.first else run(order, report=options.report)


def _set_up() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.campaign.settings"
    django.setup()
    # Thousands of schedules hurt the service on purpose: what it logs of that is not for people.
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
