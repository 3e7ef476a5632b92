"""Writing of The Update Framework metadata: roles, delegations, per-unit views."""
