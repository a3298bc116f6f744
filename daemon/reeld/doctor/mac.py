"""What macOS lets this user's programs record. Asked for in a process of its own: `python -m reeld.doctor.mac`.

DESIGN: the questions are those that show no dialog. macOS gives each answer for the program that is responsible for the
process, the terminal here; a daemon that launchd started is asked about by its own name.
"""

import ctypes
import ctypes.util
import subprocess
import sys

import msgspec

from reeld_proto.doctor import Finding, fault, fine, warning

LIMIT_S = 2.0
_AUTHORISED, _NOT_ASKED = 3, 0
"""AVAuthorizationStatus; 1 and 2 are restricted and denied."""
_PANE = "System Settings > Privacy & Security"


class MacFacts(msgspec.Struct, frozen=True, kw_only=True):
    """screen: whether it may be captured. microphone: its AVAuthorizationStatus. None: nobody could be asked."""

    screen: bool | None = None
    microphone: int | None = None


def judge(facts: MacFacts) -> list[Finding]:
    """One line for the screen and one for the microphone."""
    unknown = "it could not be asked for"
    if facts.screen is None:
        found = [warning("screen-permission", unknown, f"Look at {_PANE} > Screen Recording.")]
    elif facts.screen:
        found = [fine("screen-permission", "the screen may be recorded")]
    else:
        about = "the screen may not be recorded: pictures would show the bare desktop"
        found = [fault("screen-permission", about, f"Allow it: {_PANE} > Screen Recording, then start it again.")]
    if facts.microphone is None:
        found.append(warning("microphone-permission", unknown, f"Look at {_PANE} > Microphone."))
    elif facts.microphone == _AUTHORISED:
        found.append(fine("microphone-permission", "the microphone may be recorded"))
    elif facts.microphone == _NOT_ASKED:
        about = "macOS has not asked yet; it will when the first recording starts"
        found.append(warning("microphone-permission", about, "Record something once while you sit at the machine."))
    else:
        about = "the microphone may not be recorded: it would be silent"
        found.append(warning("microphone-permission", about, f"Allow it: {_PANE} > Microphone."))
    return found


def check() -> list[Finding]:
    """The findings; empty on other systems."""
    return judge(gather()) if sys.platform == "darwin" else []


def gather() -> MacFacts:
    """Ask in a process of its own: what is spoken to by hand may crash it."""
    command = [sys.executable, "-m", "reeld.doctor.mac"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=True)
        return msgspec.json.decode(done.stdout, type=MacFacts)
    except (subprocess.SubprocessError, msgspec.DecodeError):
        return MacFacts()


def main() -> None:
    """Write what macOS says as one JSON document; a part of it that cannot be asked for is left out."""
    asked = {"screen": _screen, "microphone": _microphone}
    answers = {}
    for name, ask in asked.items():
        try:
            answers[name] = ask()
        except (OSError, AttributeError, ValueError):
            continue
    sys.stdout.buffer.write(msgspec.json.encode(msgspec.convert(answers, MacFacts)))


def _screen() -> bool:
    library = ctypes.CDLL("/System/Library/Frameworks/CoreGraphics.framework/CoreGraphics")
    library.CGPreflightScreenCaptureAccess.restype = ctypes.c_bool
    return bool(library.CGPreflightScreenCaptureAccess())


def _microphone() -> int:
    """[AVCaptureDevice authorizationStatusForMediaType: AVMediaTypeAudio], spoken to the Objective-C runtime."""
    foundation = ctypes.CDLL("/System/Library/Frameworks/AVFoundation.framework/AVFoundation")
    runtime = ctypes.CDLL(ctypes.util.find_library("objc"))
    runtime.objc_getClass.restype = runtime.sel_registerName.restype = ctypes.c_void_p
    send = ctypes.CFUNCTYPE(ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(("objc_msgSend", runtime))
    kind = ctypes.c_void_p.in_dll(foundation, "AVMediaTypeAudio")
    device = runtime.objc_getClass(b"AVCaptureDevice")
    return int(send(device, runtime.sel_registerName(b"authorizationStatusForMediaType:"), kind))


if __name__ == "__main__":
    main()
