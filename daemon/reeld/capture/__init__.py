"""The capture worker: what the screen shows, turned into chunks of H.264."""
