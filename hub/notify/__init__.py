"""Notices sent away by e-mail and webhook: grouped, quiet at night, at least once."""
