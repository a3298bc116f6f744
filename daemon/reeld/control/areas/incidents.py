"""Reports of processes that crashed or stalled."""

from msgspec import structs

from reeld.control.parts import Handler, Parts
from reeld_proto import commands as c


def commands(parts: Parts) -> dict[type[c.Command], Handler]:
    """What each command of this area does."""
    shelf = parts.incidents

    def listed(_command: c.ListIncidents, _arrived_ns: int) -> c.Reply:
        return c.IncidentList(incidents=[structs.replace(each, trace=[]) for each in shelf.all()])

    def show(command: c.ShowIncident, _arrived_ns: int) -> c.Reply:
        return c.IncidentDetail(incident=shelf.find(command.id))

    def clear(_command: c.ClearIncidents, _arrived_ns: int) -> c.Reply:
        return c.IncidentList(incidents=[structs.replace(each, trace=[]) for each in shelf.clear()])

    return {c.ListIncidents: listed, c.ShowIncident: show, c.ClearIncidents: clear}
