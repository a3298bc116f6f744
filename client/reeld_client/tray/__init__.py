"""`reel-tray`: the state of a daemon as an icon, and its commands as a menu. Needs the extra `[tray]`.

`model`, `menu`, `icons` and `popup` are pure; `app` follows the daemon and does what the menu says; `xembed` and
`native` put it on the screen.
"""
