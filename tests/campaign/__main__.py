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
    parser.add_argument("--replay", type=int, help="play the schedule of this number, shrink it when it fails")
    parser.add_argument("--bug", help="play the schedule that catches the seeded bug of this name")
    parser.add_argument("--first", action="store_true", help="end at the first schedule that does harm")
    parser.add_argument("--report", type=Path, help="write the summary there too")
    options = parser.parse_args(arguments)
    _set_up()
    from tests.campaign.running import play_for, replay, run

    if options.bug is not None:
        return play_for(options.bug)
    if options.replay is not None:
        return replay(options.replay)
    return run(
        first=options.seed * 1_000_000,
        count=options.schedules,
        processes=options.jobs,
        seconds=options.seconds,
        report=options.report,
        only_first=options.first,
    )


def _set_up() -> None:
    import django

    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.campaign.settings"
    django.setup()
    # Thousands of schedules hurt the service on purpose: what it logs of that is not for people.
    logging.disable(logging.CRITICAL)


if __name__ == "__main__":
    sys.exit(main())
