"""Relay sources: broadcasters whose podcasts and streams are recorded into bulletins."""
