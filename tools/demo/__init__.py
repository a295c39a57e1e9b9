"""`make demo`: the main job, shown, and every claim checked."""
