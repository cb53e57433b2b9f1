"""The MCP face: tools, resources and prompts; no logic."""
