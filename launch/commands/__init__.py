"""The commands, a file each: options, help, and one call into the room that does it."""
