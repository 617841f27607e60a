"""Options, progress and messages that several commands share."""
