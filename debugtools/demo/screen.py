"""This will put the demo on a terminal, or as plain lines where there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

# A pipe has no width; lines are kept whole there, for grep.
_WIDTH_OF_A_PIPE = 200


@dataclass(frozen=True)
class Bar:
    """How far one job is, for the foot of the screen: `seconds` since its start, and what runs just now in words."""

    name: str
    percent: float
    seconds: float
    status: str
    now: Sequence[str]


@dataclass
class Screen:
    """What the story is written on. `console` decides whether there are colours and a moving foot."""

    console: Console
    _foot: Live | None = None

    @classmethod
    def on_stdout(cls) -> Screen:
        """Give the screen of this process; on a pipe it writes lines."""
        console = Console(markup=False, highlight=False, emoji=False)
        if not console.is_terminal:
            console = Console(markup=False, highlight=False, emoji=False, width=_WIDTH_OF_A_PIPE)
        return cls(console)

    @property
    def _marks(self) -> tuple[str, str]:
        return ("✓", "✗") if "utf" in self.console.encoding.lower() else ("ok", "NO")

    def heading(self, text: str) -> None:
        """Begin a part of the story."""
        self.console.print()
        if self.console.is_terminal:
            self.console.print(Rule(Text(f" {text} ", style="bold"), align="left", style="cyan"))
        else:
            self.console.print(f"== {text}")

    def gap(self) -> None:
        """Leave a line empty."""
        self.console.print()

    def fact(self, label: str, text: str, *, style: str = "") -> None:
        """Write a labelled line, below another; what is too long for it goes on below, in its column."""
        if not self.console.is_terminal:
            self.say(f"  {label:13}{text}")
            return
        line = Table.grid()
        line.add_column(width=13, no_wrap=True)
        line.add_column(overflow="fold")
        line.add_row(label, Text(text, style=style))
        self._indented(line, by=4)

    def say(self, text: str, *, style: str = "") -> None:
        """Write a line; on a pipe it stays in one piece, however long."""
        if self.console.is_terminal:
            self._indented(Text(text, style=style))
        else:
            self.console.print(f"  {text}".rstrip(), soft_wrap=True)

    def good(self, text: str) -> None:
        """Write what is as it should be."""
        self._marked(self._marks[0], "green", text)

    def bad(self, text: str) -> None:
        """Write what is not as it should be."""
        self._marked(self._marks[1], "bold red", text, body_style="red")

    def reason(self, text: str) -> None:
        """Write why, below a line."""
        self._below(Text(f"- {text}", style="yellow"))

    def advice(self, text: str) -> None:
        """Write what to do, below a line."""
        self._below(Text.assemble(("to do: ", "bold"), text))

    def error(self, text: str, *, advice: str = "") -> None:
        """Write what went wrong, and what to do about it."""
        self.console.print()
        self.console.print(Text(text, style="bold red"))
        if advice:
            self.console.print(Text(advice))

    def command(self, text: str) -> None:
        """Write a command to copy: in one piece, however narrow the terminal."""
        self.console.print()
        self.console.print(f"  {text}", soft_wrap=True)

    def step(self, *, at: str, took: str, job: str, phase: str, title: str, failed: bool) -> None:
        """Write that a step ended; what is too long for the line goes on below, in its column."""
        mark, style = (self._marks[1], "bold red") if failed else (self._marks[0], "green")
        line = Table.grid(padding=(0, 1), expand=self.console.is_terminal)
        for width in (8, 7):
            line.add_column(width=width, justify="right", style="dim")
        line.add_column(width=14, style="bold", no_wrap=True)
        line.add_column(width=16, style="cyan", no_wrap=True)
        line.add_column(width=2)
        line.add_column(overflow="fold", ratio=1)
        line.add_row(at, took, job, phase, Text(mark, style=style), Text(title, style="red" if failed else ""))
        self.console.print(line)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Write a table."""
        table = Table(box=None, pad_edge=False, padding=(0, 2), header_style="dim")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        if self.console.is_terminal:
            self._indented(table)
            return
        with self.console.capture() as drawn:
            self._indented(table)
        for line in drawn.get().splitlines():
            # The padding of the last column is no part of a line.
            self.console.print(line.rstrip(), soft_wrap=True)

    @contextmanager
    def moving_foot(self) -> Iterator[None]:
        """Keep the foot of a terminal for what is under way; elsewhere do nothing."""
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as self._foot:
            yield
        self._foot = None

    @property
    def has_foot(self) -> bool:
        """Whether the foot shows what is under way."""
        return self._foot is not None

    def show_bars(self, bars: Sequence[Bar]) -> None:
        """Redraw the foot."""
        if self._foot is not None:
            self._foot.update(Group("", *(self._bar(bar) for bar in bars)), refresh=True)

    def _below(self, text: Text) -> None:
        """Write what belongs to the line above; on a pipe it stays in one piece."""
        if self.console.is_terminal:
            self._indented(text, by=6)
        else:
            self.console.print(f"      {text.plain}".rstrip(), soft_wrap=True)

    def _indented(self, what: RenderableType, *, by: int = 2) -> None:
        self.console.print(Padding(what, (0, 0, 0, by), expand=False))

    def _marked(self, mark: str, style: str, text: str, *, body_style: str = "") -> None:
        line = Table.grid(padding=(0, 1))
        line.add_row(Text(mark, style=style), Text(text, style=body_style))
        self._indented(line)

    def _bar(self, bar: Bar) -> RenderableType:
        line = Table.grid(padding=(0, 1))
        line.add_row(
            Text(f"  {bar.name:14}", style="bold"),
            ProgressBar(total=100.0, completed=bar.percent, width=30),
            Text(f"{bar.percent:5.1f} %"),
            Text(f"{bar.seconds:6.1f} s", style="dim"),
            Text(bar.status, style="cyan"),
        )
        return Group(
            line, *(Text(f"      {words}", style="dim", no_wrap=True, overflow="ellipsis") for words in bar.now)
        )
