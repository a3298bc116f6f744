"""A disk that stands still on demand: fdatasync and fsync of a process are held back below LMDB (LD_PRELOAD)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static void wait_while_stalled(void) {
    const char *path = getenv("STALL_FILE");
    while (path && access(path, F_OK) == 0) usleep(2000);
}

int fdatasync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fdatasync");
    wait_while_stalled();
    return real(fd);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    wait_while_stalled();
    return real(fd);
}
"""

available = sys.platform == "linux" and shutil.which("cc") is not None


class SlowDisk:
    """environment: to be set in the process whose disk it shall be."""

    def __init__(self, folder: Path) -> None:
        source, library = folder / "stall.c", folder / "stall.so"
        source.write_text(SOURCE)
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
        self._switch = folder / "stalled"
        self.environment = {"LD_PRELOAD": os.fspath(library), "STALL_FILE": os.fspath(self._switch)}

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """No sync ends inside the block."""
        self._switch.touch()
        try:
            yield
        finally:
            self._switch.unlink()
