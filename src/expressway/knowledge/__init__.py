"""AWS documentation by way of the AWS Knowledge MCP server."""
