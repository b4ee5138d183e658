"""What the public classes share: no part of the public API."""
