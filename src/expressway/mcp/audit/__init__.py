"""The audit log of the MCP server."""
