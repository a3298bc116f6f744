"""A config file read again by a daemon that runs. Harm guarded against: half of a file with a fault that holds."""

from pathlib import Path

from reeld_proto.commands import ErrorReply, SessionStarted, StartSession, StopSession
from reeld_proto.errors import ErrorCode
from reeld_proto.reloading import ConfigReloaded, ReloadConfig
from tests.support.fake_house import FakeHouse


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
