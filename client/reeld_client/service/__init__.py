"""`reeld` started at login by the user's own service manager: systemd's user manager, or launchd.

`unit` and `agent` are pure: a template and a command line become the text of a file. `systemd` and `launchd` run the
managers' own programs. Nothing here needs a daemon, nor any package of the extra `[daemon]`.
"""
