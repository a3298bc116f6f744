"""The daemon put together: starts its parts in order, stops them in the reverse order."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import zmq.asyncio

from reeld import __version__
from reeld.access.door import Door
from reeld.access.gate import Gate
from reeld.config import Config
from reeld.control import chores
from reeld.control.collecting import Collector
from reeld.control.enforcer import Enforcer
from reeld.control.following import followed
from reeld.control.handlers import Handlers
from reeld.control.job_desk import JobDesk
from reeld.control.library import Library
from reeld.control.parts import Parts
from reeld.control.publisher import Publisher
from reeld.control.server import ControlServer
from reeld.control.sound_watch import SoundWatch
from reeld.control.stats import StatsSampler
from reeld.enrich import worker_names
from reeld.enrich.conditions import Conditions
from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.searcher import MeaningSearch
from reeld.enrich.settings import WORKERS_MAX
from reeld.enrich.staff import Staff
from reeld.enrich.unasked import Unasked
from reeld.hooks.runner import HookRunner
from reeld.incidents.keeper import IncidentKeeper
from reeld.obs.keeper import ObsKeeper
from reeld.privacy.house import PrivateHouse
from reeld.privacy.keeper import PrivacyKeeper
from reeld.privacy.watching import lock_watch
from reeld.replay.keeper import ReplayKeeper
from reeld.review.keeper import ReviewKeeper
from reeld.runtime.clock import monotonic_ns
from reeld.runtime.log_file import LogFile
from reeld.runtime.logs import get_logger
from reeld.runtime.terminal import has_terminal
from reeld.sessions import SessionService
from reeld.settings.reloading import reloaded
from reeld.supervisor import Limits, Listeners, Premises, Role, Supervisor
from reeld.supervisor import jobs as jobs_module
from reeld.supervisor.notify import ServiceManager
from reeld.supervisor.supervisor import MODULES
from reeld.upkeep.keeper import Upkeep
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from reeld_proto.events import Event, ExportProgress, StatsPublished
from reeld_proto.records import SessionBrief, WorkerInfo
from reeld_proto.reloading import ConfigReloaded
from reeld_proto.workers import JobProgress, WorkerReady

ReadConfig = Callable[[], tuple[Path, Config]]
"""Gives the config file's path and settings; from any thread. Raises RequestRejected with every fault."""

STATS_EVERY_S = 0.5
REPLIES_OUT_S = 2.0
"""How long the daemon, ending, waits for commands under way; a waiting `stop` gets its reply."""


class Daemon:
    """One run of the daemon. Everything happens in the event loop that runs `run`.

    modules, export_module, enrich_module: which Python modules the workers are. read_config: reads the config file
    again. log: the file to which everything is said, if it is one.
    """

    def __init__(
        self,
        premises: Premises,
        config: Config,
        *,
        modules: Mapping[Role, str] = MODULES,
        export_module: str = jobs_module.MODULE,
        enrich_module: str = worker_names.MODULE,
        limits: Limits | None = None,
        read_config: ReadConfig | None = None,
        log: LogFile | None = None,
    ) -> None:
        self._log = log
        self._premises = premises
        self._config = config
        self._read_config = read_config
        self._modules = modules
        self._export_module = export_module
        self._enrich_module = enrich_module
        self._limits = limits
        self._ending = asyncio.Event()
        self._had_terminal = has_terminal()
        self._one_reload = asyncio.Lock()
        self._reloading: asyncio.Task[None] | None = None
        self._stats_timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, until its terminal is closed, or until `end`. SIGHUP reads the config again.

        Raises InternalError if the store cannot be brought up.
        """
        loop = asyncio.get_running_loop()
        signals = [signal.SIGTERM, signal.SIGINT]
        for number in signals:
            loop.add_signal_handler(number, self.end)
        if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:  # nohup asks to live on
            signals.append(signal.SIGHUP)
            loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        context = zmq.asyncio.Context()
        manager = ServiceManager()
        self._assemble(context)
        serving = [asyncio.create_task(work) for work in self._loops()]
        watch = contextlib.ExitStack()
        try:
            watch.enter_context(self.incidents.watching_daemon())
            if await self._unless_ending(self.supervisor.start(), serving):
                get_logger().info("daemon.ready", store=str(self._premises.store_dir))
                manager.ready()
                self.replay.begin()
                self.library.begin_warming()
                await self._unless_ending(self._load_enrichment(), serving)
                # What was forgotten just before a crash must not stay in the text index until somebody searches.
                await self._unless_ending(self.library.catch_up(), serving)
                await self._unless_ending(self.enforcer.serve(), serving)
        finally:
            if self._reloading is not None:
                self._reloading.cancel()
            manager.stopping()
            get_logger().info("daemon.stopping")
            await self._stop(serving)
            watch.close()
            manager.close()
            context.term()
            for number in signals:
                loop.remove_signal_handler(number)
        get_logger().info("daemon.stopped")

    async def _load_enrichment(self) -> None:
        try:
            self.enrich.load(*await self.library.enrich_jobs())
        except ReeldError as error:
            # Recording matters more; what was not done can be asked for again.
            get_logger().warning("enrich.jobs_unread", code=error.code, reason=str(error))

    def end(self) -> None:
        """Stop the session cleanly, then the workers, then return from `run`."""
        self._ending.set()

    def workers(self) -> list[WorkerInfo]:
        """Every worker process."""
        return (
            self.supervisor.workers()
            + self.jobs.workers()
            + self.review.workers()
            + [info for staff in self.staff for info in staff.workers()]
        )

    async def _unless_ending(self, work: Coroutine[Any, Any, None], serving: list[asyncio.Task[None]]) -> bool:
        """Whether `work` was finished before the end was asked for. Raises what it or a serving loop raised."""
        task = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            done, _ = await asyncio.wait([task, ending, *serving], return_when=asyncio.FIRST_COMPLETED)
            for finished in done - {ending}:
                finished.result()
            return task in done
        finally:
            task.cancel()
            ending.cancel()
            await asyncio.gather(task, ending, return_exceptions=True)

    def _assemble(self, context: zmq.asyncio.Context) -> None:
        premises = self._premises
        self.door = Door(premises.store_dir, release=__version__)
        self.gate = self._gate(context)
        self.publisher = Publisher(context, premises.endpoints.events, self._subscriptions_changed, self.gate)
        self.hooks = HookRunner(self._config.hooks, premises.endpoints.runtime_dir)
        listeners = Listeners(self._publish)
        self.incidents = IncidentKeeper(premises.store_dir, self._publish, lambda: self._brief() is not None)
        self.supervisor = Supervisor(context, premises, listeners, modules=self._modules, limits=self._limits)
        listeners.on_incident = self.incidents.lost
        self.jobs = jobs_module.Jobs(
            self.supervisor.link,
            premises,
            self._publish,
            module=self._export_module,
            on_incident=self.incidents.lost,
        )
        self.library = Library(premises.store_dir)
        ask_store = followed(self.supervisor.ask_store, self.library)
        self.collector = Collector(ask_store, self.jobs)
        self.upkeep = Upkeep(is_recording=lambda: self._brief() is not None)
        self.stats = StatsSampler(
            premises.store_dir,
            workers=self.workers,
            progress=self.supervisor.progress,
            session=self._brief,
            restarts=self._restarts,
            upkeep=self.upkeep.status,
        )
        self.privacy = PrivacyKeeper(self.supervisor, self._config.privacy, premises.store_dir)
        self.sound = SoundWatch(self.supervisor, self.publisher, self._brief)
        house = PrivateHouse(self.supervisor, lambda order: self.sound.dress(self.privacy.dress(order)))
        self.replay = ReplayKeeper(house, self._config, free_bytes=self._free_bytes, collect=self._take_out_recycled)
        self.sessions = SessionService(
            self.replay.workers(),
            self._config,
            read_session=self.library.show,
            free_bytes=self._free_bytes,
            publish=self._publish,
        )
        listeners.on_lost = self._worker_lost
        listeners.on_failed = self._role_failed
        listeners.on_job_ready = self._on_ready
        listeners.on_job_progress = self._job_progress
        listeners.on_levels = self.sound.told
        self.review = ReviewKeeper(premises)
        self.staff = [
            Staff(self.supervisor.link, premises, worker_names.NAME.format(number), module=self._enrich_module)
            for number in range(1, WORKERS_MAX + 1)
        ]
        searching = Staff(self.supervisor.link, premises, worker_names.SEARCH_NAME, module=self._enrich_module)
        self.staff.append(searching)
        self.meanings = MeaningSearch(searching)
        look = Conditions(lambda: self._brief() is not None).look
        self.enrich = EnrichKeeper(
            self.staff[:WORKERS_MAX], self._config.enrich, ask_store, look, self._publish, self._is_marked
        )
        self.unasked = Unasked(self.enrich, self._config.enrich)
        self.desk = JobDesk(self.publisher.publish, self.door.left)
        handlers = Handlers(
            parts := Parts(
                config=self._config,
                door=self.door,
                ask_store=ask_store,
                collector=self.collector,
                upkeep=self.upkeep,
                sessions=self.sessions,
                replay=self.replay,
                privacy=self.privacy,
                jobs=self.jobs,
                desk=self.desk,
                incidents=self.incidents.shelf,
                review=self.review,
                enrich=self.enrich,
                unasked=self.unasked,
                meanings=self.meanings,
                library=self.library,
                stats=self.stats,
                sound=self.sound,
                workers=self.workers,
                event_seq=lambda: self.publisher.seq,
                store_dir=premises.store_dir,
                publish=self._publish,
                reload=self._reload,
                gate=self.gate,
                cut_remote=self.publisher.cut_remote,
            )
        )
        self._parts = parts
        self.enforcer = Enforcer(parts)
        for work in chores.works(parts):
            self.upkeep.add(work)
        self.server = ControlServer(context, premises.endpoints.control, handlers.handle, self.door, self.gate)

    def _gate(self, context: zmq.asyncio.Context) -> Gate | None:
        if self._config.control.tcp is None:
            return None
        return Gate(
            context,
            self._config.control.tcp,
            self._premises.store_dir,
            knows=lambda key: self.door.tokens.find_key(key) is not None,
            refused=self.door.knock,
        )

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        return [
            self.publisher.serve(),
            self.server.serve(),
            self.upkeep.serve(),
            self.privacy.serve(),
            self.sound.serve(),
            self.enrich.serve(),
            self.unasked.serve(),
            self._watch_lock(),
            ObsKeeper(self._premises, self._config.obs).serve(),
            *(part.serve() for part in (self.gate, self._log) if part is not None),
        ]

    async def _watch_lock(self) -> None:
        if self._config.privacy.pause_on_lock:
            await lock_watch().serve(self.privacy.set_locked)
        await asyncio.Event().wait()

    async def _stop(self, serving: list[asyncio.Task[None]]) -> None:
        if self._stats_timer is not None:
            self._stats_timer.cancel()
        await self.sessions.close("the daemon is stopping")
        await self.replay.close()
        await self.privacy.close()
        await self.sound.close()
        await self.server.drain(REPLIES_OUT_S)
        await self.desk.close()
        await self.review.close()
        await self.enrich.close()
        await self.meanings.close()
        await self.supervisor.stop()
        await self.hooks.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await self.library.close()
        self.server.close()
        if self.gate is not None:
            self.gate.close()
        self.door.close()
        self.publisher.close()

    async def _reload(self) -> ConfigReloaded:
        if self._read_config is None:
            raise RequestRejected("this daemon was started without a config file", code=ErrorCode.WRONG_STATE)
        # A home folder on a server that hangs must not hold up the loop.
        async with self._one_reload:
            path, read = await asyncio.to_thread(self._read_config)
            found = reloaded(self._config, read)
            self._take_over(found.config)
        warnings = found.warnings(recording=self._brief() is not None)
        get_logger().info("config.reloaded", live=found.live, restart=found.restart, warnings=warnings)
        return ConfigReloaded(path=str(path), live=found.live, restart=found.restart, warnings=warnings)

    def _take_over(self, config: Config) -> None:
        self._config = self._parts.config = config
        self.sessions.reconfigure(config)
        self.replay.reconfigure(config)
        self.privacy.reconfigure(config.privacy, monotonic_ns())
        self.hooks.reconfigure(config.hooks)
        self.enrich.reconfigure(config.enrich)
        self.unasked.reconfigure(config.enrich)
        for kind, every_s in chores.periods(config.upkeep).items():
            self.upkeep.retime(kind, every_s)

    def _hung_up(self) -> None:
        if self._had_terminal and not has_terminal():
            self.end()
        else:
            self._reloading = asyncio.get_running_loop().create_task(self._reload_unasked())

    async def _reload_unasked(self) -> None:
        try:
            await self._reload()
        except ReeldError as error:
            get_logger().error("config.refused", code=error.code, reason=str(error))

    def _publish(self, event: Event) -> None:
        self.publisher.publish(event)
        self.hooks.heard(event)
        self.unasked.heard(event)

    async def _is_marked(self, session: str) -> bool:
        info = await self.library.show(session)
        return bool(info.markers) or info.pinned

    def _on_ready(self, ready: WorkerReady) -> None:
        self.jobs.on_ready(ready)
        for staff in self.staff:
            staff.on_ready(ready)

    def _worker_lost(self, role: Role, reason: str) -> None:
        self.sessions.worker_lost(role, reason)
        self.replay.worker_lost(role, reason)

    def _role_failed(self, role: Role, reason: str) -> None:
        self.sessions.role_failed(role, reason)
        self.replay.role_failed(role, reason)

    async def _take_out_recycled(self) -> None:
        await self.collector.take_out()

    def _free_bytes(self) -> int:
        return self.enforcer.free_bytes()

    def _brief(self) -> SessionBrief | None:
        return self.sessions.brief()

    def _restarts(self, worker: str) -> int:
        role = worker.partition("-")[0]
        return self.supervisor.restarts(Role(role)) if role in set(Role) else 0

    def _job_progress(self, progress: JobProgress) -> None:
        self.jobs.on_progress(progress)
        self.publisher.publish(
            ExportProgress(
                session=progress.session, path=progress.path, done_s=progress.done_s, total_s=progress.total_s
            )
        )

    def _subscriptions_changed(self) -> None:
        self.sound.subscriptions_changed()
        if self._stats_timer is None:
            self._publish_stats()

    def _publish_stats(self) -> None:
        self._stats_timer = None
        if self._ending.is_set() or not self.publisher.has_subscriber(b"stats"):
            return
        self.publisher.publish(StatsPublished(stats=self.stats.sample()))
        self._stats_timer = asyncio.get_running_loop().call_later(STATS_EVERY_S, self._publish_stats)
