"""`reelctl watch`: follows the events of a daemon and shows them, on a terminal as a live view."""

import sys
import time

from reeld_client.cli.invocation import Invocation, print_json
from reeld_client.cli.watch_model import WatchModel
from reeld_client.cli.watch_view import line, view
from reeld_client.client import Client
from reeld_proto.codec import to_plain
from reeld_proto.errors import TransportError
from reeld_proto.events import StatsPublished

_LOOK_EVERY_S = 0.5
_RETRY_EVERY_S = 1.0


def watch(invocation: Invocation, count: int | None) -> None:
    """Look on until Ctrl-C, or for `count` reports. Raises TransportError when no daemon runs.

    On a terminal a daemon that goes away later is waited for; elsewhere that is an error, too.
    """
    with invocation.client() as client:
        if invocation.json or not sys.stdout.isatty():
            _lines(invocation, client, count)
        else:
            client.ping()
            _live(client, count)


def _lines(invocation: Invocation, client: Client, count: int | None) -> None:
    model = WatchModel()
    left = count
    with client.events() as events:
        for item in events:
            model.see(item, time.monotonic())
            if not isinstance(item, StatsPublished):
                continue
            if invocation.json:
                invocation.answered = True
                print_json(to_plain(item.stats))
            else:
                print(line(model), flush=True)  # noqa: T201 - the answer itself
            left = None if left is None else left - 1
            if left == 0:
                return


def _live(client: Client, count: int | None) -> None:
    from rich.console import Console  # noqa: PLC0415 - only on a terminal
    from rich.live import Live  # noqa: PLC0415

    model = WatchModel()
    model.heard_s = model.now_s = time.monotonic()
    console = Console(highlight=False)
    with Live(view(model, console.width), console=console, screen=True, auto_refresh=False) as screen:
        left = count
        while left is None or left > 0:
            try:
                with client.events() as events:
                    while left is None or left > 0:
                        item = events.receive(_LOOK_EVERY_S)
                        model.now_s = time.monotonic()
                        if item is not None:
                            model.see(item, model.now_s)
                            left = None if left is None else left - isinstance(item, StatsPublished)
                        screen.update(view(model, console.width), refresh=True)
            except TransportError:
                model.lose(time.monotonic())
                screen.update(view(model, console.width), refresh=True)
                time.sleep(_RETRY_EVERY_S)
