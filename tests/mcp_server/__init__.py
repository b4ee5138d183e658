"""The MCP server, driven as clients drive it: in memory, over stdin and stdout, and over HTTP."""
