"""The one table of what each command needs, and whether it changes anything."""

from dataclasses import dataclass
from typing import get_args

from reeld_proto import commands as c
from reeld_proto.access import Scope
from reeld_proto.errors import ErrorCode, RequestRejected

_OBSERVE, _CONTROL, _READ, _ADMIN = Scope

_LOOKS: dict[Scope, tuple[type[c.Command], ...]] = {
    _OBSERVE: (
        c.Ping,
        c.GetHello,
        c.Identify,
        c.Describe,
        c.GetStatus,
        c.GetStats,
        c.GetSnapshot,
        c.GetSoundGraph,
        c.GetStorage,
        c.GetUpkeep,
        c.ListProfiles,
        c.ListFeatures,
    ),
    # It tells titles of windows, which only who is to choose among them needs.
    _CONTROL: (c.ListSources,),
    _READ: (
        c.ListSessions,
        c.ShowSession,
        c.GetTimeline,
        c.GetEnrichPlan,
        c.WaitEnrichment,
        c.ListEnrichment,
        c.WantEnrichment,
        c.ListMoments,
        c.GetTranscript,
        c.GetFindings,
        c.ListJobs,
        c.ShowJob,
        c.WaitJob,
        c.ListIncidents,
        c.ShowIncident,
    ),
    _ADMIN: (c.ListTokens, c.GetAudit),
}
_CHANGES: dict[Scope, tuple[type[c.Command], ...]] = {
    _CONTROL: (
        c.StartSession,
        c.ArrangePictures,
        c.AdjustSound,
        c.EditSound,
        c.PauseSession,
        c.ResumeSession,
        c.SetPaused,
        c.StopSession,
        c.AddMarker,
        c.SetPrivate,
        c.SaveReplay,
    ),
    # They write files. What a job needs is what its command needs.
    _READ: (c.ExportSession, c.ListSnapshots, c.StartJob, c.CancelJob, c.OpenReview),
    _ADMIN: (
        c.VerifyStore,
        c.ClipSession,
        c.TrimSession,
        c.MergeSessions,
        c.RedactSession,
        c.ForgetRange,
        c.EditSession,
        c.EnrichSession,
        c.SteerEnrichment,
        c.DeleteSession,
        c.CollectGarbage,
        c.ApplyBudget,
        c.SyncStore,
        c.BundleSession,
        c.ImportMedia,
        c.RepairStore,
        c.SteerUpkeep,
        c.CheckIndex,
        c.ReloadConfig,
        c.CreateToken,
        c.RevokeToken,
        c.ClearIncidents,
    ),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """scope: what a caller needs. changes: whether it is worth a line in the audit, and must not be done twice."""

    scope: Scope
    changes: bool


RULES: dict[type[c.Command], Rule] = {
    kind: Rule(scope, changes)
    for changes, table in ((False, _LOOKS), (True, _CHANGES))
    for scope, kinds in table.items()
    for kind in kinds
}
"""Every command of the protocol has one; a test asserts it."""

ALL_SCOPES = frozenset(Scope)


def granted(scopes: list[Scope]) -> frozenset[Scope]:
    """All that these scopes contain."""
    return ALL_SCOPES if _ADMIN in scopes else frozenset({_OBSERVE, *scopes})


def check(command: c.Command, scopes: frozenset[Scope]) -> None:
    """Raises RequestRejected(DENIED) naming the scope that is missing."""
    if isinstance(command, c.StartJob):
        command = command.command
    check_kind(type(command), scopes)


def check_kind(kind: type[c.Command], scopes: frozenset[Scope]) -> None:
    """As `check`, of any command of this type."""
    scope = rule_of(kind).scope
    if scope not in scopes:
        raise RequestRejected(
            f"{kind.__struct_config__.tag} needs the scope `{scope}`",
            code=ErrorCode.DENIED,
            remedy=f"Use a token made with `reelctl token create --scope {scope}`.",
        )


def rule_of(kind: type[c.Command]) -> Rule:
    """The rule of a command. One that nobody ruled on is for admins."""
    return RULES.get(kind, Rule(_ADMIN, changes=True))


def unruled() -> set[type[c.Command]]:
    """Commands of the protocol that the table lacks."""
    return set(get_args(c.AnyCommand)) - set(RULES)
