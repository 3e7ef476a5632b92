"""The sync hub: administrators' page, publishing, node-facing endpoints, mirror."""
