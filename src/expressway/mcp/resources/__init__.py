"""The resources of the MCP server."""
