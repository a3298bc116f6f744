"""CMAF init segments and chunks, shared by the capture and audio workers."""
