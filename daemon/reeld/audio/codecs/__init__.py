"""Sound in formats: packets for tracks, files written and read, stored tracks read back as samples."""
