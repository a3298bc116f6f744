import subprocess
import sys


def test_reading_the_store_loads_no_codec_into_the_daemon() -> None:
    # The daemon must stay light: av and numpy would cost it 0.3 s at start and 40 MB for ever.
    code = (
        "import sys, reeld.store.reader, reeld.store.api, reeld.store.verify;"
        "print([name for name in ('av', 'numpy', 'zmq') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )
    assert done.stdout.strip() == "[]"
