"""CAP 1.2 (OASIS Common Alerting Protocol): read others' alerts, offer our own."""
