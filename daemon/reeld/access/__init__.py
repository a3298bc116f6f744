"""Who may do what, and what was done: the door between the command socket and the commands."""
