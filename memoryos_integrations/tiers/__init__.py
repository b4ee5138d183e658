"""What short-, mid- and long-term memory hold, and how each is read and written."""
