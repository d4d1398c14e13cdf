"""This will give the demo from beginning to end, and say as an exit status whether the world was right."""

from __future__ import annotations

import signal
from types import FrameType

from debugtools.demo.client import Refused, Unreachable
from debugtools.demo.following import NeverEnds
from debugtools.demo.ground import CannotStart, Ground, Wishes, prepared, shown
from debugtools.demo.processes import ChildFailed
from debugtools.demo.screen import Screen
from debugtools.demo.stage import Stage
from debugtools.demo.story import tell
from failover_project.processes.ending import ENDING_SIGNALS

RIGHT, WRONG = 0, 1
_LOOK_AFTER_CHILDREN_SECONDS = 0.5


class _Left(BaseException):
    """Somebody ended the demo: no handler of an error may catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def perform(*, ground: Ground, wishes: Wishes, screen: Screen) -> int:
    """Give the demo; 0 when the world ended as it must, 1 when not, 128 + signal when it was ended before that."""
    for number in ENDING_SIGNALS:
        signal.signal(number, _leave)
    try:
        return _performed(ground, wishes, screen)
    except _Left as left:
        screen.error("Ended before the story was over.", advice="All processes of the demo are stopped.")
        return left.status
    except CannotStart as error:
        screen.error(str(error), advice=error.advice)
    except (ChildFailed, Refused, Unreachable, NeverEnds) as error:
        screen.error(str(error), advice=f"The logs of this demo lie in {shown(ground.state)}.")
    return WRONG


def _performed(ground: Ground, wishes: Wishes, screen: Screen) -> int:
    with prepared(ground, wishes, screen) as stage:
        is_right = all(claim.holds for claim in tell(stage))
        screen.gap()
        if is_right:
            screen.say("The world is as it must be.", style="bold green")
        else:
            screen.say("The world is NOT as it must be: see above.", style="bold red")
        if not wishes.once:
            _stay(stage, ground)
    return RIGHT if is_right else WRONG


def _stay(stage: Stage, ground: Ground) -> None:
    """Keep everything up until Ctrl-C (or SIGTERM); that is how this demo is meant to end."""
    screen, base = stage.screen, stage.operator.base
    screen.heading("It stays up: look around, press Ctrl-C to end it")
    screen.table(
        ("", "where", "how"),
        (
            ("API", f"{base}/api/v1/", f"token of an operator in {shown(ground.token_file)}"),
            ("Swagger", f"{base}/swagger/index.html", ""),
            ("Admin", f"{base}/admin/", f"user admin, password {ground.password_file.read_text().strip()}"),
            ("Cloud", f"{stage.cloud.base}/simulator/world", "the simulated cloud's own truth"),
            ("Logs", shown(ground.state), "service.log, simulator.log"),
        ),
    )
    token = f'-H "Authorization: Bearer $(cat {shown(ground.token_file)})"'
    screen.command(f"curl {token} {base}/api/v1/failover/jobs")
    try:
        while True:
            stage.pause(_LOOK_AFTER_CHILDREN_SECONDS)
    except _Left:
        screen.gap()
        screen.say("Ending the service and the simulated cloud.")


def _leave(number: int, _frame: FrameType | None) -> None:
    raise _Left(number)
