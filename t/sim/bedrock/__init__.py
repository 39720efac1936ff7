"""A local stand-in for Amazon Bedrock: Python standard library only."""
