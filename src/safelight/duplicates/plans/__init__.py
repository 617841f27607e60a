"""Plans of file operations: build, apply, undo."""
