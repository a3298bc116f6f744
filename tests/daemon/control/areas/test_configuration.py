"""A config file read again by a daemon that runs. Harm guarded against: half of a file with a fault that holds."""

import signal
from pathlib import Path

from reeld_proto.commands import ErrorReply, SessionStarted, StartSession, StopSession
from reeld_proto.errors import ErrorCode
from reeld_proto.reloading import ConfigReloaded, ReloadConfig
from reeld_proto.settings import FeatureList, ListFeatures, ListProfiles, ProfileList
from tests.support.fake_house import FakeHouse
from tests.support.wait import until


def test_a_running_daemon_takes_over_what_it_can_and_refuses_a_file_with_faults(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("[record]\nfps = 10\n")
    with FakeHouse(REAL_WORKERS="store", REELD_CONFIG=str(path)) as house:
        house.start(warm=False)
        wrong = house.ask(StartSession(profile="meeting"))
        assert isinstance(wrong, ErrorReply)
        assert wrong.code == ErrorCode.NOT_FOUND

        text = "[record]\nfps = 20\n[storage]\nquota = '5GB'\n[profiles.meeting]\ntags = ['talk']\n"
        path.write_text(f"{text}[stor]\n")
        refused = house.ask(ReloadConfig())
        assert isinstance(refused, ErrorReply)
        assert "stor" in refused.message
        again = house.ask(StartSession(profile="meeting"))
        assert isinstance(again, ErrorReply)

        path.write_text(text)
        found = house.must(ReloadConfig(), ConfigReloaded)
        assert found == ConfigReloaded(
            path=str(path), live=["record.fps", "storage.quota", "profiles.meeting"], restart=[]
        )
        house.must(StartSession(profile="meeting"), SessionStarted)
        assert house.must(ReloadConfig(), ConfigReloaded).live == []
        house.ask(StopSession())
        assert house.log_events().count("config.reloaded") == 2


def test_sighup_reads_the_file_again_and_hooks_hold_from_then_on(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text("")
    with FakeHouse(REAL_WORKERS="store", REELD_CONFIG=str(path)) as house:
        house.start(warm=False)
        assert house.daemon is not None
        path.write_text("[hook]\n")
        house.daemon.send_signal(signal.SIGHUP)
        until(lambda: "config.refused" in house.log_events(), 10, what="a refusal")

        line = f"echo $REELD_EVENT $REELD_NAME $REELD_SESSION >> {tmp_path}/told"
        hooks = "".join(f"on_{each} = ['/bin/sh', '-c', '{line}']\n" for each in ("start", "stop"))
        path.write_text(f"[hooks]\n{hooks}[profiles.quiet]\nname = 'hush'\nfps = 7\n[features]\ncompress-av1 = '0%'\n")
        house.daemon.send_signal(signal.SIGHUP)
        until(lambda: "config.reloaded" in house.log_events(), 10, what="a config that was read")
        (profile,) = house.must(ListProfiles(), ProfileList).profiles
        assert (profile.profile, profile.settings.fps) == ("quiet", 7)
        (feature,) = house.must(ListFeatures(), FeatureList).features
        assert (feature.stage, feature.enabled, feature.source) == ("0%", False, "config")

        started = house.must(StartSession(profile="quiet"), SessionStarted)
        assert started.name == "hush"
        until((tmp_path / "told").exists, 10, what="the first hook")
        house.stop()
        assert (tmp_path / "told").read_text().splitlines() == [
            f"start hush {started.session}",
            f"stop hush {started.session}",
        ], "also for a session that ends with the daemon"
