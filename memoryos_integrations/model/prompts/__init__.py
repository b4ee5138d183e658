"""Prompts for chat models; one file per task, with instruction, reply schema and parsing."""
