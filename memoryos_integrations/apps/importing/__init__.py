"""Reading conversations from files of other programs."""
