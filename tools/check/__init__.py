"""The tidy rules that `make check` enforces."""
