"""An open store at work: its parts, the background worker, forgetting, inspection, export."""
