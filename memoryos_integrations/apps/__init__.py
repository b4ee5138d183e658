"""Command line, MCP server and demo. Each imports what it needs when it starts."""
