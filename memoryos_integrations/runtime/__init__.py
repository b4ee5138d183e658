"""An open store: composition, background worker, forgetting, inspection, export."""
