"""What chat models are asked: one file a question, with its words, its reply's shape and its reader."""
