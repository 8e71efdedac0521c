"""The figures: one file a subject, each function returns (figure, alt text) or draws one."""
