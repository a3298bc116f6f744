"""Commands of the owner's that are run when something happens: `[hooks]` of the config, never by a remote request."""
