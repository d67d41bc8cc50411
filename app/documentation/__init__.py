"""The OpenAPI description: what the calls' own types do not say."""
