"""Interface definitions, and reports and requests as plain field values; no middleware."""
