"""What the tests of durability, concurrency and erasure start as processes of their own, and kill."""
