"""Signal work of the sound graph's nodes, one module a kind. Pure: no device, no file, no socket, no clock."""
