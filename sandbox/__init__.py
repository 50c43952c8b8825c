"""Serve both remote systems, DrChrono and OnCall Health, over HTTP, with all that can go wrong.

It is started only as a process (`python -m sandbox`) and shares no code with the service, so that a
misreading of the documents in one is not repeated in the other. Where docs/api-facts.md calls a
behaviour unknown, it is a switch (`sandbox.trouble.behaviours`).
"""
