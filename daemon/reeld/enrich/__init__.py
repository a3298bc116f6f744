"""Work over what was recorded, at the lowest priority: texts on screens, speech, chapters, a summary."""
