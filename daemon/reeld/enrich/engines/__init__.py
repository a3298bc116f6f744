"""Engines behind one interface: pictures to lines of text, sound to words."""
