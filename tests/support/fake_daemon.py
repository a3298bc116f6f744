"""`reeld` with fake workers: `python -m tests.support.fake_daemon`, the same arguments and variables.

REAL_WORKERS: roles, and `export`, separated by commas, that run their real module all the same.
"""

import functools
import os

from reeld import app
from reeld.daemon import Daemon
from reeld.supervisor import Role, jobs
from reeld.supervisor.supervisor import MODULES

MODULE = "tests.support.fake_worker"

if __name__ == "__main__":
    real = os.environ.get("REAL_WORKERS", "").split(",")
    modules = {role: MODULES[role] if role in real else MODULE for role in Role}
    app.main(make=functools.partial(Daemon, modules=modules, export_module=jobs.MODULE if "export" in real else MODULE))
