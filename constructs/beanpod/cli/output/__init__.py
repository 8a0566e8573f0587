"""What a command prints: progress as events that one of three renderers shows, and its result as text or JSON.

Importing this package is cheap: rich is imported for the terminal only.
"""
