"""The least that the MCP SDK can serve: one tool, on standard input and output. What our server is measured against."""

from mcp.server import MCPServer

server = MCPServer("one-tool")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


if __name__ == "__main__":
    server.run()
