"""Programs over the library: each is thin, and imports what it needs when it is started."""
