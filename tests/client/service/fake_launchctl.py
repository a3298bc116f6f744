"""A launchctl that keeps to the contract of the real one, as far as it is used: a program's source for a fake PATH.

It loads agents of the domain `gui/UID` from property lists as launchd does, remembers them in `$HOME/launchd.json`, and
lets a daemon that is told to leave do so a little later. `$HOME/nobody` stands for a user who is not logged in.
"""

SOURCE = r"""
import json, os, plistlib, sys, time
home = os.environ["HOME"]
domain = f"gui/{os.getuid()}"
try:
    with open(home + "/launchd.json") as file:
        known = json.load(file)
except FileNotFoundError:
    known = {"loaded": {}, "disabled": [], "pid": 500, "asked": []}


def leave(code=0, complaint=""):
    known["asked"].append(sys.argv[1:])
    with open(home + "/launchd.json", "w") as file:
        json.dump(known, file)
    if complaint:
        print(complaint, file=sys.stderr)
    sys.exit(code)


def spawn(agent):
    known["pid"] += 1
    agent.update(pid=known["pid"], state="running", leaving=0)


if os.path.exists(home + "/nobody"):
    leave(125, "Could not find domain for user gui")
verb, target, *rest = sys.argv[1:]
label = target.rpartition("/")[2] if target.count("/") == 2 else None
assert target == domain or target.startswith(domain + "/"), target
agent = known["loaded"].get(label)
if verb == "bootstrap":
    with open(rest[0], "rb") as file:
        found = plistlib.load(file)
    assert os.path.basename(rest[0]) == found["Label"] + ".plist"
    assert os.path.isabs(found["ProgramArguments"][0])
    assert os.path.isdir(os.path.dirname(found["StandardErrorPath"]))
    if found["Label"] in known["loaded"] or found["Label"] in known["disabled"]:
        leave(5, "Bootstrap failed: 5: Input/output error")
    known["loaded"][found["Label"]] = new = {"path": rest[0]}
    spawn(new) if found["RunAtLoad"] else None
elif verb == "bootout":
    if agent is None:
        leave(3, "Boot-out failed: 3: No such process")
    agent["leaving"] = 2
    leave(36, "Boot-out failed: 36: Operation now in progress")
elif verb in ("enable", "disable"):
    known["disabled"] = [one for one in known["disabled"] if one != label] + [label] * (verb == "disable")
elif verb == "print-disabled":
    print("\n\tdisabled services = {")
    for one in known["disabled"]:
        print(f'\t\t"{one}" => disabled')
    print("\t}")
elif verb == "kickstart":
    spawn(agent)
elif verb == "print" and label:
    if agent is not None and agent.get("leaving"):
        agent["leaving"] -= 1
        if not agent["leaving"]:
            del known["loaded"][label]
            agent = None
    if agent is None:
        leave(113, f'Could not find service "{label}" in domain for user gui: {os.getuid()}')
    print(f"{target} = {{\n\tactive count = 1\n\tpath = {agent['path']}\n\ttype = LaunchAgent")
    print(f"\tstate = {agent['state']}\n")
    if agent["state"] == "running":
        print(f"\tpid = {agent['pid']}")
    print("\tevent channels = {\n\t\t\"x\" = {\n\t\t\tpid = 1\n\t\t\tstate = active\n\t\t}\n\t}\n}")
elif verb != "print":
    leave(64, "Unrecognized subcommand: " + verb)
leave()
"""
