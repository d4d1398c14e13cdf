"""This will print how much of the recordings the simulated cloud answers alike, and fail below 95 per cent."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cloudstack_simulator.conformance.comparing import Difference
from cloudstack_simulator.conformance.recording import read
from cloudstack_simulator.conformance.replay import Outcome, Replay

WANTED_SHARE = 0.95
KNOWN_DIFFERENCES = Path(__file__).parent.parent / "known_differences.yaml"


@dataclass
class Report:
    """This will count alike and justified exchanges, by command, and keep what differs."""

    total: Counter[str] = field(default_factory=Counter)
    alike: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    unjustified: int = 0

    def add(self, outcome: Outcome, known: list[dict[str, Any]]) -> None:
        """This will count one exchange."""
        exchange = outcome.exchange
        self.total[exchange.command] += 1
        if not outcome.differences:
            self.alike[exchange.command] += 1
            return
        reasons = [(difference, reason_for(outcome, difference, known)) for difference in outcome.differences]
        open_ones = [str(difference) for difference, reason in reasons if reason is None]
        self.unjustified += bool(open_ones)
        self.lines.append(f"  {exchange.file}/{exchange.number} {exchange.command} {exchange.note}".rstrip())
        self.lines += [f"      {line}" for line in open_ones]
        for reason, count in Counter(reason for _, reason in reasons if reason is not None).items():
            self.lines.append(f"      known ({count} places): {reason}")

    @property
    def share(self) -> float:
        """This will give the share answered alike, justified differences not counted in."""
        count = sum(self.total.values())
        return sum(self.alike.values()) / count if count else 1.0


def reason_for(outcome: Outcome, difference: Difference, known: list[dict[str, Any]]) -> str | None:
    """This will find the reason that the list of known differences gives for one."""
    exchange = outcome.exchange
    for entry in known:
        if entry.get("file", exchange.file) != exchange.file:
            continue
        if "n" in entry and exchange.number not in entry["n"]:
            continue
        if entry.get("command", exchange.command) != exchange.command:
            continue
        if re.search(entry.get("where", ""), difference.where):
            return str(entry["reason"])
    return None


def main(arguments: list[str] | None = None) -> int:
    """This will replay the recordings up to the last one asked for, and report those asked for."""
    parser = argparse.ArgumentParser(prog="cloudstack_simulator.conformance")
    parser.add_argument("files", nargs="*", help="names of recordings, or how they begin (02); all when left out")
    parser.add_argument("--recordings", type=Path, default=Path("tests/recordings"))
    options = parser.parse_args(arguments)
    known = yaml.safe_load(KNOWN_DIFFERENCES.read_text())
    wanted = [Path(name).name for name in options.files]
    paths = sorted(options.recordings.glob("*.jsonl"))
    asked = [path for path in paths if not wanted or any(path.name.startswith(name) for name in wanted)]
    if not asked:
        sys.stderr.write(f"No recording in {options.recordings} is called {', '.join(wanted) or '*.jsonl'}\n")
        return 2
    replay, good = Replay(unrecorded={entry["before"]: entry for entry in known["unrecorded"]}), True
    for path in paths[: paths.index(asked[-1]) + 1]:
        # the files were recorded one after the other in one zone: later ones see what earlier ones left
        outcomes = replay.run(read(path))
        if path in asked:
            good = _tell(path.name, outcomes, known["differences"]) and good
    sys.stdout.write(f"rows that were there before any line shows how: {replay.adopted} taken over; ")
    sys.stdout.write(f"rows gone between two files: {replay.forgotten} removed\n")
    return 0 if good else 1


def _tell(name: str, outcomes: list[Outcome], known: list[dict[str, Any]]) -> bool:
    report = Report()
    for outcome in outcomes:
        report.add(outcome, known)
    out = sys.stdout.write
    out(f"{name}: {sum(report.alike.values())} of {sum(report.total.values())} alike ({report.share:.1%})")
    out(f", {report.unjustified} with differences that no reason is given for\n")
    for command in sorted(report.total):
        out(f"  {report.alike[command]:4d} of {report.total[command]:4d}  {command}\n")
    for line in report.lines:
        out(f"{line}\n")
    return report.share >= WANTED_SHARE and report.unjustified == 0


if __name__ == "__main__":
    raise SystemExit(main())
