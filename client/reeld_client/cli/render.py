"""Which text a person gets for which answer."""

from collections.abc import Callable
from typing import Any

from rich.console import Console

from reeld_client.cli.access import AuditLines, ConnectionMade, TokenNames
from reeld_client.cli.audio_view import CheckedGraph, SoundView
from reeld_client.cli.enrich import EnrichLines
from reeld_client.cli.incidents import IncidentLines
from reeld_client.cli.jobs import JobLines
from reeld_client.cli.record import Recorded
from reeld_client.cli.render_access import (
    print_audit,
    print_connection,
    print_created,
    print_description,
    print_revoked,
    print_tokens,
)
from reeld_client.cli.render_audio import print_adjusted, print_checked, print_sound, print_timeline
from reeld_client.cli.render_config import (
    print_checked_config,
    print_config,
    print_made_config,
    print_reloaded,
    print_set,
)
from reeld_client.cli.render_copies import print_bundled, print_imported, print_synced
from reeld_client.cli.render_doctor import print_diagnosis
from reeld_client.cli.render_edits import print_deleted, print_derived
from reeld_client.cli.render_enrich import (
    print_enriched,
    print_enrichment,
    print_findings,
    print_moments,
    print_plan,
)
from reeld_client.cli.render_forget import print_forgotten
from reeld_client.cli.render_gc import print_collected
from reeld_client.cli.render_incidents import print_incident, print_incidents
from reeld_client.cli.render_index import print_index
from reeld_client.cli.render_jobs import print_job, print_jobs
from reeld_client.cli.render_library import (
    print_exported,
    print_session,
    print_sessions,
    print_verified,
)
from reeld_client.cli.render_live import (
    print_arranged,
    print_changed,
    print_private,
    print_sources,
    print_started,
    print_status,
    print_stopped,
)
from reeld_client.cli.render_replay import print_replay
from reeld_client.cli.render_review import print_review
from reeld_client.cli.render_service import print_installed, print_logs, print_removed, print_service
from reeld_client.cli.render_settings import print_features, print_profiles
from reeld_client.cli.render_snapshots import print_snapshots
from reeld_client.cli.render_storage import print_budget, print_storage
from reeld_client.cli.render_upkeep import print_repaired, print_upkeep
from reeld_client.cli.snapshots import Snapshots
from reeld_client.cli.watch_model import WatchModel
from reeld_client.cli.watch_view import view
from reeld_client.doctor.diagnosis import Diagnosis
from reeld_client.service.models import ServiceInstalled, ServiceLogs, ServiceRemoved, ServiceStatus
from reeld_proto.commands import (
    BudgetApplied,
    Description,
    EnrichPlanned,
    Exported,
    Findings,
    IndexChecked,
    MomentsFound,
    PictureArranged,
    PrivacyChanged,
    Repaired,
    ReplaySaved,
    SessionChanged,
    SessionStarted,
    SessionStopped,
    SessionTimeline,
    SoundAdjusted,
    Sources,
    Status,
    StorageReport,
    TokenCreated,
    TokenRevoked,
    UpkeepStatus,
    Verified,
)
from reeld_proto.configuration import CheckedConfig, ConfigSet, MadeConfig, ShownConfig
from reeld_proto.copies import Bundled, Imported, Synced
from reeld_proto.edits import Collected, Deleted, Derived, Forgotten
from reeld_proto.enrich import EnrichJob
from reeld_proto.incidents import Incident
from reeld_proto.jobs import JobInfo
from reeld_proto.records import SessionInfo
from reeld_proto.reloading import ConfigReloaded
from reeld_proto.review import ReviewOpened
from reeld_proto.settings import FeatureList, ProfileList
from reeld_proto.stats import Stats


def show(found: Any) -> None:
    """Print an answer on stdout; colours on a terminal only."""
    console = Console(highlight=False)
    for kind, print_it in _PRINTERS.items():
        if isinstance(found, kind):
            print_it(console, found)
            return
    raise TypeError(f"no text for {type(found).__name__}")


def _print_stats(console: Console, found: Stats) -> None:
    model = WatchModel()
    model.see_stats(found)
    console.print(view(model, console.width))


_PRINTERS: dict[type, Callable[[Console, Any], None]] = {
    Status: print_status,
    Sources: print_sources,
    SessionStarted: print_started,
    SessionChanged: print_changed,
    PictureArranged: print_arranged,
    SoundAdjusted: print_adjusted,
    SoundView: print_sound,
    CheckedGraph: print_checked,
    SessionTimeline: print_timeline,
    PrivacyChanged: print_private,
    SessionStopped: print_stopped,
    SessionInfo: print_session,
    Snapshots: print_snapshots,
    AuditLines: print_audit,
    JobLines: print_jobs,
    EnrichLines: print_enrichment,
    EnrichJob: print_enriched,
    EnrichPlanned: print_plan,
    Findings: print_findings,
    MomentsFound: print_moments,
    IncidentLines: print_incidents,
    Incident: print_incident,
    ReviewOpened: print_review,
    JobInfo: print_job,
    TokenNames: print_tokens,
    TokenCreated: print_created,
    ConnectionMade: print_connection,
    TokenRevoked: print_revoked,
    Description: print_description,
    list: print_sessions,
    Exported: print_exported,
    Recorded: print_exported,
    Verified: print_verified,
    Synced: print_synced,
    Bundled: print_bundled,
    Imported: print_imported,
    Derived: print_derived,
    Deleted: print_deleted,
    Collected: print_collected,
    Forgotten: print_forgotten,
    ReplaySaved: print_replay,
    Stats: _print_stats,
    StorageReport: print_storage,
    BudgetApplied: print_budget,
    Repaired: print_repaired,
    UpkeepStatus: print_upkeep,
    IndexChecked: print_index,
    ServiceStatus: print_service,
    ServiceInstalled: print_installed,
    ServiceRemoved: print_removed,
    ServiceLogs: print_logs,
    Diagnosis: print_diagnosis,
    MadeConfig: print_made_config,
    ShownConfig: print_config,
    CheckedConfig: print_checked_config,
    ConfigSet: print_set,
    ProfileList: print_profiles,
    FeatureList: print_features,
    ConfigReloaded: print_reloaded,
}
