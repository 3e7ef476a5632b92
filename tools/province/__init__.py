"""A reference province: what a hub's mirror is tested and shown against."""
